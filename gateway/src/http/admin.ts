/** The admin port: probes, metrics, diagnostics, and a page for whoever is on call. Not for the outside. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Report } from '@offloader/contract';
import express, { type ErrorRequestHandler, type Express, type Request, type Router } from 'express';
import helmet from 'helmet';
import type { Observe } from '../domain/observation.ts';
import { clientStatus } from './fault.ts';
import { triagePage } from './triage-page.ts';

export type AdminOptions = {
  readonly version: string;
  readonly adminToken: string | null;
  /** null until the gateway has started. */
  readonly report: () => Promise<Report> | null;
  readonly metricsPage: () => Promise<string>;
  readonly isReady: () => boolean;
  readonly onOperator: () => void;
  readonly observe: Observe;
  /** What describes the API. */
  readonly documents: Router;
};

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
/** Constant time, whatever the lengths. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));
const bearer = (request: Request): string => /^Bearer (.+)$/.exec(request.get('authorization') ?? '')?.[1] ?? '';

const refuseInJson =
  (observe: Observe): ErrorRequestHandler =>
  (error: unknown, _request, response, _next) => {
    const status = clientStatus(error, observe);
    if (response.headersSent) return void response.destroy();
    response.status(status ?? 500).json({ error: status === null ? 'internal' : 'bad_request' });
  };

/** The Express app of the admin port; the caller listens. */
export const createAdmin = (options: AdminOptions): Express => {
  const { adminToken } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use(
    helmet({
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], styleSrc: ["'unsafe-inline'"], upgradeInsecureRequests: null } },
    }),
  );
  app.get('/live', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/ready', (_request, response) => {
    const ready = options.isReady();
    response.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'not_ready', ready });
  });
  app.get(
    '/status',
    (_request, response) => void response.json({ status: 'ok', service: 'offloader', version: options.version, ready: options.isReady() }),
  );
  app.get('/metrics', (_request, response, next) => {
    options
      .metricsPage()
      .then((page) => response.type('text/plain; version=0.0.4; charset=utf-8').send(page))
      .catch(next);
  });
  app.get('/diagnostics', (request, response, next) => {
    response.set('Cache-Control', 'no-store');
    // Without a token to compare with nobody gets in.
    if (adminToken === null)
      return void response.status(503).json({ status: 'not_ready', error: 'OFFLOADER_ADMIN_TOKEN is not set; diagnostics are closed' });
    if (!isSame(bearer(request), adminToken))
      return void response.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'unauthorized' });
    if (request.get('user-agent')?.startsWith('offloader-operator') === true) options.onOperator();
    const report = options.report();
    if (report === null) return void response.status(503).json({ status: 'not_ready', ready: false });
    report.then((known) => response.json(known)).catch(next);
  });
  app.get('/', (_request, response, next) => {
    Promise.resolve(options.report())
      .then((report) => response.type('html').send(triagePage(options.version, options.isReady(), report)))
      .catch(next);
  });
  app.use(options.documents);
  app.use((_request, response) => void response.status(404).json({ error: 'not_found' }));
  app.use(refuseInJson(options.observe));
  return app;
};
