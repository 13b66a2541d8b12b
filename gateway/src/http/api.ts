/** The API port: routes, order of outcomes, headers. What an endpoint answers is decided in answers/. */
import { randomUUID } from 'node:crypto';
import type { CompiledEndpoint, CompiledKey } from '@offloader/contract';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { type Answer, type AnswerPorts, answerQuestion } from '../answers/answer.ts';
import { authenticate, isGranted } from '../domain/authorize.ts';
import { type Failure, status } from '../domain/failure.ts';
import { freshnessOf, maxAgeSeconds } from '../domain/freshness.ts';
import type { Observe } from '../domain/observation.ts';
import type { Live, LiveState } from '../domain/serving.ts';
import { cors } from './cors.ts';
import { sendFailure, sendPage } from './envelope.ts';
import { createLimits, type Verdict } from './limits.ts';

export type ApiOptions = {
  readonly live: LiveState;
  readonly answers: Omit<AnswerPorts, 'lease'>;
  readonly corsOrigins: readonly string[];
  readonly podName: string | null;
  readonly observe: Observe;
  readonly now: () => number;
  /** Called with a key's id when it was used. */
  readonly onKeyUsed: (id: string) => void;
};

/** Bodies are never read; one that says it is longer than this is refused. */
const maxBodyBytes = 1_000_000;

const requestIdOf = (request: Request): string => {
  const given = request.get('x-request-id') ?? '';
  return /^[A-Za-z0-9_.:/-]{20,200}$/.test(given) ? given : randomUUID();
};

/** Every value of Authorization as sent; Node.js itself would keep the first alone. */
const authorizationOf = ({ rawHeaders }: Request): readonly string[] =>
  rawHeaders.flatMap((name, at) => (at % 2 === 0 && name.toLowerCase() === 'authorization' ? [rawHeaders[at + 1] ?? ''] : []));

const queryStringOf = ({ url }: Request): string => (url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
const acceptsJson = (request: Request): boolean => request.get('accept') === undefined || request.accepts('json') !== false;

type Caller = { readonly key: CompiledKey | null; readonly endpoint: CompiledEndpoint };
type Outcome = { readonly failure: Failure; readonly keyId: string | null; readonly endpoint: CompiledEndpoint | null };

const refusal = (failure: Failure, keyId: string | null = null, endpoint: CompiledEndpoint | null = null): Outcome => ({
  failure,
  keyId,
  endpoint,
});

/** Order of outcomes: starting 503 → 401 → 404 grant → 404 endpoint. A name that is not granted is answered like one that is not there. */
const admit = (live: Live, name: string, request: Request, options: ApiOptions): Caller | Outcome => {
  if (live.revision === null) return refusal({ kind: 'not_ready', code: 'starting', retryAfterSeconds: 1 });
  const endpoint = live.endpoints.get(name);
  if (live.auth === 'none')
    return endpoint === undefined || endpoint.tenantColumn !== null ? refusal({ kind: 'not_found' }) : { key: null, endpoint };
  const key = authenticate(live, authorizationOf(request), options.now());
  if (!key.ok) {
    options.observe({ kind: 'auth_failed', reason: key.error });
    return refusal({ kind: 'unauthorized' });
  }
  options.onKeyUsed(key.value.id);
  if (endpoint === undefined || !isGranted(key.value, endpoint)) return refusal({ kind: 'not_found' }, key.value.id);
  return { key: key.value, endpoint };
};

const httpDate = (moment: string): string => new Date(moment.length === 10 ? `${moment}T00:00:00Z` : moment).toUTCString();

/** Deprecation (RFC 9745), Sunset (RFC 8594) and a link to the successor. */
const deprecationHeaders = ({ deprecation }: CompiledEndpoint): Readonly<Record<string, string>> => {
  if (deprecation === null) return {};
  const { since, sunset, successor } = deprecation;
  const sinceSeconds = since === null ? null : Math.floor(Date.parse(since.length === 10 ? `${since}T00:00:00Z` : since) / 1000);
  return {
    ...(sinceSeconds === null ? {} : { Deprecation: `@${sinceSeconds}` }),
    ...(sunset === null ? {} : { Sunset: httpDate(sunset) }),
    ...(successor === null ? {} : { Link: `</v1/endpoints/${successor}>; rel="successor-version"` }),
  };
};

const sendAnswer = (response: Response, answer: Answer, caller: Caller, requestId: string, nowMs: number): void => {
  const { endpoint, key } = caller;
  const freshness = freshnessOf(endpoint, answer.serving, nowMs);
  const cacheControl = key === null ? `public, max-age=${maxAgeSeconds(freshness)}, stale-while-revalidate=60` : 'private, no-cache';
  response.set({ ETag: answer.etag, 'Cache-Control': cacheControl, ...deprecationHeaders(endpoint) });
  if (answer.page === null) return void response.status(304).end();
  sendPage(response, answer.page.data, {
    request_id: requestId,
    endpoint: endpoint.name,
    version: endpoint.version,
    snapshot_id: answer.serving.snapshotId,
    generated_at: new Date(nowMs).toISOString(),
    row_count: answer.page.rowCount,
    serving_mode: endpoint.servingMode === 'LocalTable' ? 'local_table' : 'remote_scan',
    cache: answer.cache,
    freshness,
    next_cursor: answer.nextCursor,
  });
};

/** The Express app of the API port; the caller listens. */
export const createApi = (options: ApiOptions): Express => {
  const { live, observe, now } = options;
  const limits = createLimits();
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(
    helmet({
      contentSecurityPolicy: false,
      crossOriginResourcePolicy: false,
      crossOriginOpenerPolicy: false,
      strictTransportSecurity: false,
    }),
  );

  const limit = async (key: CompiledKey | null, response: Response): Promise<Verdict | null> => {
    if (key === null || (key.limits.requestsPerSecond === null && key.limits.requestsPerDay === null)) return null;
    const verdict = await limits.check(key);
    response.set(verdict.headers);
    return verdict;
  };

  const serve = async (request: Request, response: Response, name: string, requestId: string): Promise<void> => {
    const startedMs = now();
    const end = (statusCode: number, about: Partial<Omit<Outcome, 'failure'>>, answer: Answer | null): void =>
      observe({
        kind: 'request_ended',
        requestId,
        method: request.method,
        endpoint: about.endpoint?.name ?? null,
        keyId: about.keyId ?? null,
        status: statusCode,
        tookMs: now() - startedMs,
        cache: answer?.cache ?? null,
        rows: answer?.page?.rowCount ?? null,
        snapshotId: answer?.serving.snapshotId ?? null,
        poolWaitMs: answer?.poolWaitMs ?? null,
        queryMs: answer?.queryMs ?? null,
      });
    const fail = ({ failure, ...about }: Outcome): void => {
      sendFailure(response, failure, requestId);
      end(status[failure.kind], about, null);
    };
    const caller = admit(live.current(), name, request, options);
    if ('failure' in caller) return fail(caller);
    const keyId = caller.key?.id ?? null;
    if (!acceptsJson(request)) return fail(refusal({ kind: 'not_acceptable' }, keyId, caller.endpoint));
    const verdict = await limit(caller.key, response);
    if (verdict?.allowed === false) {
      observe({ kind: 'rate_limited', endpoint: caller.endpoint.name, keyId: keyId ?? '' });
      return fail(
        refusal(
          { kind: 'rate_limited', retryAfterSeconds: verdict.retryAfterSeconds, message: "the key's limit is reached; try again later" },
          keyId,
          caller.endpoint,
        ),
      );
    }
    const gone = new AbortController();
    response.once('close', () => void (response.writableFinished || gone.abort()));
    // Read anew after the wait above: endpoint and snapshot must come from one value.
    const current = live.current();
    const endpoint = current.endpoints.get(name);
    if (endpoint === undefined) return fail(refusal({ kind: 'not_found' }, keyId));
    const tenant = endpoint.tenantColumn === null ? null : (caller.key?.tenant ?? null);
    const question = {
      live: current,
      endpoint,
      tenant,
      queryString: queryStringOf(request),
      ifNoneMatch: request.get('if-none-match'),
      signal: gone.signal,
    };
    const answer = await answerQuestion(question, { ...options.answers, lease: live.lease });
    // 499, as nginx calls it: nobody is there to read an answer.
    if (gone.signal.aborted) return end(499, { keyId, endpoint }, null);
    if (!answer.ok) return fail(refusal(answer.error, keyId, endpoint));
    sendAnswer(response, answer.value, { key: caller.key, endpoint }, requestId, now());
    end(response.statusCode, { keyId, endpoint }, answer.value);
  };

  app.use((request, response, next) => {
    const requestId = requestIdOf(request);
    response.locals['requestId'] = requestId;
    response.set({ 'x-request-id': requestId, ...(options.podName === null ? {} : { 'X-Offloader-Pod': options.podName }) });
    if (Number(request.get('content-length') ?? 0) > maxBodyBytes) return sendFailure(response, { kind: 'too_large' }, requestId);
    next();
  });
  app.use(cors(options.corsOrigins));
  const isOptions = (request: Request): boolean => request.method === 'OPTIONS';
  app.all('/healthz', (request, response) =>
    request.method === 'GET' || request.method === 'HEAD'
      ? void response.json({ status: 'ok' })
      : sendFailure(
          response,
          isOptions(request) ? { kind: 'not_found' } : { kind: 'method_not_allowed', allow: 'GET, HEAD' },
          String(response.locals['requestId']),
        ),
  );
  app.all('/v1/endpoints/:name', (request, response, next) => {
    const requestId = String(response.locals['requestId']);
    if (isOptions(request)) return sendFailure(response, { kind: 'not_found' }, requestId);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendFailure(response, { kind: 'method_not_allowed', allow: 'GET, HEAD' }, requestId);
    serve(request, response, request.params.name.replace(/\.json$/, ''), requestId).catch(next);
  });
  app.use((_request, response) => sendFailure(response, { kind: 'not_found' }, String(response.locals['requestId'])));
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const requestId = String(response.locals['requestId'] ?? randomUUID());
    // Express answers 400 for a path it cannot decode; everything else is a bug of ours.
    const isClient = typeof (error as { status?: unknown }).status === 'number' && (error as { status: number }).status < 500;
    if (!isClient) observe({ kind: 'crashed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    if (response.headersSent) return void request.socket.destroy();
    sendFailure(
      response,
      isClient ? { kind: 'bad_request', code: 'bad_request', message: 'the request cannot be read' } : { kind: 'internal' },
      requestId,
    );
  });
  return app;
};
