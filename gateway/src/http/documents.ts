/** What describes the API, on the admin port: /openapi.json, /schema, and /docs as a page for people or as the catalogue. */
import { fileURLToPath } from 'node:url';
import express, { type Express, type Request, type RequestHandler, type Response, Router } from 'express';
import helmet from 'helmet';
import type { Edge } from '../domain/answer-headers.ts';
import { catalogDocument } from '../domain/catalog.ts';
import { openapiDocument } from '../domain/openapi.ts';
import { schemaDocument } from '../domain/schema-document.ts';
import { matchesEtag } from '../domain/signature.ts';
import type { Live } from '../domain/serving.ts';
import { type KeptDocument, keepDocument } from './kept-document.ts';

export type DocumentsOptions = {
  readonly version: string;
  /** Where consumers reach the API; null when nobody has said. */
  readonly publicUrl: string | null;
  readonly edge: Edge;
  readonly live: () => Live;
  /** The API itself, mounted under /docs/try: the page is served from another port than the API, and both follow the same rules. */
  readonly api: Express;
};

/** Beside the sources in a checkout, beside dist in an image. */
const page = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../docs-page/' : '../../../docs-page/', import.meta.url));

/** Scripts, styles and requests of this origin only; nothing inline, so that no description can run. */
const pagePolicy = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

/** The documents' routes. They answer 503 until a configuration serves, and say what serves at the moment of asking. */
export const createDocuments = ({ version, publicUrl, edge, live, api }: DocumentsOptions): Router => {
  const whenStarted: RequestHandler = (_request, response, next) => {
    if (live().revision !== null) return next();
    response.status(503).set({ 'Cache-Control': 'no-store', 'Retry-After': '1' }).json({ status: 'not_ready', ready: false });
  };
  /** Not left to Express, which gives no 304 to a fetch: that sends `Cache-Control: no-cache` beside its own If-None-Match. */
  const send = (request: Request, response: Response, { bytes, etag }: KeptDocument): void => {
    response.set({ 'Cache-Control': 'no-cache', ETag: etag });
    if (matchesEtag(request.get('if-none-match'), etag)) return void response.status(304).end();
    response.type('json').send(bytes);
  };
  const openapi = keepDocument((now) => openapiDocument(now, { version, publicUrl, edge }));
  const schema = keepDocument(schemaDocument);
  const catalogue = keepDocument((now) => catalogDocument(now, publicUrl));
  const router = Router({ strict: true, caseSensitive: true });
  router.use('/docs/assets', pagePolicy, express.static(page, { index: false, maxAge: '5m', acceptRanges: false }));
  router.use('/docs/try', api);
  router.get('/openapi.json', whenStarted, (request, response) => send(request, response, openapi(live())));
  router.get('/schema', whenStarted, (request, response) => send(request, response, schema(live())));
  // The page's links are relative, so that it also works behind a prefix.
  router.get('/docs/', (_request, response) => void response.redirect('../docs'));
  router.get('/docs', whenStarted, pagePolicy, (request, response) => {
    response.vary('Accept');
    // A client that takes anything is a program; browsers name HTML.
    if (request.accepts(['json', 'html']) !== 'html') return send(request, response, catalogue(live()));
    response.set('Cache-Control', 'no-store').sendFile('index.html', { root: page, acceptRanges: false });
  });
  return router;
};
