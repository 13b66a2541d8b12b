/** The API port: its routes and what every answer on it carries. What an endpoint answers is decided in endpoint-route.ts. */
import { randomUUID } from 'node:crypto';
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import type { AnswerPorts } from '../answers/run-query.ts';
import type { Observe } from '../domain/observation.ts';
import type { LiveState } from '../domain/serving.ts';
import type { Signer } from '../domain/signature.ts';
import { accessOf, openAccess } from './access.ts';
import { cors } from './cors.ts';
import { createEndpointRoute } from './endpoint-route.ts';
import { identify } from './admit.ts';
import { maxBodyBytes, sendFailure } from './envelope.ts';
import { clientStatus } from './fault.ts';
import type { Limits } from './limits.ts';
import { createMcp } from './mcp.ts';
import { unreadable } from './unreadable.ts';

export type ApiOptions = {
  readonly live: LiveState;
  readonly answers: Omit<AnswerPorts, 'lease' | 'scratch'> & {
    readonly sign: Signer;
    /** Without one there is no Parquet. */
    readonly scratch?: AnswerPorts['scratch'];
  };
  readonly limits: Limits;
  readonly corsOrigins: readonly string[];
  readonly podName: string | null;
  readonly observe: Observe;
  readonly now: () => number;
  /** Called with a key's id when it was used. */
  readonly onKeyUsed: (id: string) => void;
  readonly version: string;
  /** Where this process itself reaches the API for as long as it answers anybody. */
  readonly baseUrl: () => string;
};

const requestIdOf = (request: Request): string => {
  const given = request.get('x-request-id') ?? '';
  return /^[A-Za-z0-9_.:/-]{20,200}$/.test(given) ? given : randomUUID();
};
const idOf = (response: Response): string => String(response.locals['requestId']);

/** The request's id and the pod's name, on every answer, and its line in the access log. */
const identified =
  ({ podName, observe, now }: ApiOptions): RequestHandler =>
  (request, response, next) => {
    const requestId = requestIdOf(request);
    openAccess(request, response, requestId, { observe, now });
    response.locals['requestId'] = requestId;
    response.set({ 'x-request-id': requestId, ...(podName === null ? {} : { 'X-Offloader-Pod': podName }) });
    next();
  };

const onRoute =
  (route: string): RequestHandler =>
  (_request, response, next) => {
    accessOf(response).tell({ route });
    next();
  };

const refuseLongBodies: RequestHandler = (request, response, next) => {
  if (Number(request.get('content-length') ?? 0) <= maxBodyBytes) return next();
  sendFailure(response, { kind: 'too_large' }, idOf(response));
};

/** Without cross-origin answers there is no OPTIONS: it is an unknown route. With them it has been answered before. */
const onlyReads =
  (allow: string): RequestHandler =>
  (request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') return next();
    sendFailure(response, request.method === 'OPTIONS' ? { kind: 'not_found' } : { kind: 'method_not_allowed', allow }, idOf(response));
  };

/** A browser's page of another origin may use the tools only where it may use the endpoints. */
const isForeign = (request: Request, origins: readonly string[]): boolean => {
  const origin = request.get('origin');
  return origin !== undefined && !origins.includes('*') && !origins.includes(origin);
};

/** The Express app of the API port; the caller listens. */
export const createApi = (options: ApiOptions): Express => {
  const { observe, corsOrigins } = options;
  const { sign, scratch, ...ports } = options.answers;
  const serve = createEndpointRoute({
    ...options,
    answers: { ...ports, lease: (serving) => options.live.lease(serving), scratch: scratch ?? null },
    sign,
  });
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.set('query parser', false);
  app.use(
    helmet({
      contentSecurityPolicy: false,
      crossOriginResourcePolicy: false,
      crossOriginOpenerPolicy: false,
      strictTransportSecurity: false,
    }),
  );
  app.use(identified(options));
  app.use(cors(corsOrigins));
  app.use(refuseLongBodies);
  // A body that does not say how long it is has to be counted; one that says so is left unread.
  app.use(express.raw({ limit: maxBodyBytes, type: ({ url, headers }) => url !== '/mcp' && headers['transfer-encoding'] !== undefined }));
  const reads = onlyReads(corsOrigins.length === 0 ? 'GET, HEAD' : 'GET, HEAD, OPTIONS');
  app.all('/healthz', reads, (_request, response) => {
    accessOf(response).leave();
    response.json({ status: 'ok' });
  });
  app.all('/v1/endpoints/:name', onRoute('/v1/endpoints/{name}'), reads, (request, response, next) => {
    response.vary('Accept');
    serve(request, response, String(request.params['name']), idOf(response)).catch(next);
  });
  const mcp = createMcp({
    ...options,
    live: options.live.current,
    identify: (live, request) => identify(live, request, options),
  });
  app.all('/mcp', onRoute('/mcp'));
  app.post('/mcp', express.json({ limit: maxBodyBytes }), (request, response, next) => {
    if (isForeign(request, corsOrigins)) return sendFailure(response, { kind: 'not_found' }, idOf(response));
    mcp(request, response, idOf(response)).then((failure) => failure === null || sendFailure(response, failure, idOf(response)), next);
  });
  app.all('/mcp', ({ method }, response) =>
    sendFailure(response, method === 'OPTIONS' ? { kind: 'not_found' } : { kind: 'method_not_allowed', allow: 'POST' }, idOf(response)),
  );
  app.use((_request, response) => sendFailure(response, { kind: 'not_found' }, idOf(response)));
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const status = clientStatus(error, observe, idOf(response));
    if (response.headersSent) return void response.destroy();
    sendFailure(response, status === 413 ? { kind: 'too_large' } : status === null ? { kind: 'internal' } : unreadable, idOf(response));
  });
  return app;
};
