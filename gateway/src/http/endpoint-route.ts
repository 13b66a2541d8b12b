/** One request to an endpoint, from its headers to its last byte. */
import type { Request, Response } from 'express';
import { answerPage } from '../answers/answer-page.ts';
import { type AnswerPorts, busy, type Refusal } from '../answers/run-query.ts';
import { noFrame, type Stream, streamRows } from '../answers/stream-rows.ts';
import { type SendFile, writeParquet } from '../answers/write-parquet.ts';
import { type Failure, status } from '../domain/failure.ts';
import { contentTypes, type Format, negotiate, splitSuffix } from '../domain/format.ts';
import type { Observe } from '../domain/observation.ts';
import { planQuery, type QueryPlan } from '../domain/query-plan.ts';
import type { LiveState } from '../domain/serving.ts';
import { matchesEtag, type Signer } from '../domain/signature.ts';
import { accessOf, clientGone, type Told } from './access.ts';
import { admit, type Caller } from './admit.ts';
import { createBody, sendFile } from './body.ts';
import { sendFailure, sendPage } from './envelope.ts';
import type { Limits } from './limits.ts';
import { cacheHeaders, deprecationHeaders, metaOf, serverTiming, snapshotHeaders } from './reply.ts';

export type EndpointRouteOptions = {
  readonly live: LiveState;
  readonly answers: AnswerPorts;
  readonly limits: Limits;
  readonly sign: Signer;
  readonly observe: Observe;
  readonly now: () => number;
  /** Called with a key's id when it was used. */
  readonly onKeyUsed: (id: string) => void;
};

/** A request under way: everything that is known of it once it has a plan. */
type Exchange = {
  readonly plan: QueryPlan;
  readonly response: Response;
  readonly requestId: string;
  /** Of a 200 only. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
};
type Sent = { readonly refusal: Refusal | null; readonly told: Told };

const sent = (told: Told): Sent => ({ refusal: null, told });
const notSent = (refusal: Refusal): Sent => ({ refusal, told: {} });
/** Headers have gone out: only a broken connection keeps half an answer from looking whole. */
const cutOff = (response: Response, refusal: Refusal): Sent => {
  response.destroy();
  if (refusal.cause === 'aborted') return notSent(refusal);
  const cut = refusal.cause === 'slow reader' ? 'slow_reader' : refusal.failure.kind === 'timeout' ? 'timeout' : 'failed';
  return { refusal, told: { cut } };
};

const queryStringOf = ({ url }: Request): string => (url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');

const formatOf = (suffix: Format | null, request: Request): Format | undefined => suffix ?? negotiate(request.get('accept'));

const calledBy = (admitted: ReturnType<typeof admit>): { readonly keyId: string | null; readonly endpoint: string | null } =>
  admitted.ok
    ? { keyId: admitted.value.key?.id ?? null, endpoint: admitted.value.endpoint.name }
    : { keyId: admitted.error.keyId, endpoint: null };

/** So long a connection may be silent, however short a query must be. */
const leastSilenceMs = 10_000;

export const createEndpointRoute = (options: EndpointRouteOptions) => {
  const { live, answers, limits, observe, now } = options;

  const sendStream = async (exchange: Exchange, format: Exclude<Format, 'parquet'>): Promise<Sent> => {
    const { plan, response, requestId, headers, signal } = exchange;
    let isLong = false;
    const mayBeLong = async (): Promise<boolean> => (isLong = await answers.longAnswers.take(0, signal));
    const body = createBody(response, { headers: { ...headers, 'Content-Type': contentTypes[format] }, mayBeLong });
    const cache = format === 'json' && plan.endpoint.cache === 'Snapshot' ? 'miss' : 'off';
    const envelope = {
      before: Buffer.from('{"data":['),
      after: (rowCount: number, hasMore: boolean) =>
        Buffer.from(`],"meta":${JSON.stringify(metaOf(plan, { rowCount, hasMore, cache }, requestId, now()))}}`),
    };
    const frame = format === 'json' ? envelope : noFrame;
    const onBegin: Stream['onBegin'] = (times) => response.set('Server-Timing', serverTiming({ cache, ...times }));
    const streamed = await streamRows(plan, { format, frame, sink: body, signal, onBegin }, answers).finally(() => {
      if (isLong) answers.longAnswers.give();
    });
    if (!streamed.ok) return body.isOpen() ? cutOff(response, streamed.error) : notSent(streamed.error);
    if (body.isRefused()) return notSent(busy('no place for a long answer'));
    body.end();
    const { rowCount, ...times } = streamed.value;
    return sent({ cache, rows: rowCount, ...times });
  };

  const sendJson = async (exchange: Exchange): Promise<Sent> => {
    const { plan, response, requestId, headers, signal } = exchange;
    if (plan.endpoint.cache === 'None') return sendStream(exchange, 'json');
    // Held over both ways: a page that proves too long is asked for again.
    const lease = answers.lease(plan.serving);
    try {
      const answer = await answerPage(plan, signal, answers);
      if (!answer.ok) return notSent(answer.error);
      const { page, cache, poolWaitMs, queryMs } = answer.value;
      if (page === 'too_long') return await sendStream(exchange, 'json');
      const { rowCount, hasMore } = page;
      if (!signal.aborted) {
        response.set({ ...headers, 'Server-Timing': serverTiming({ cache, poolWaitMs, queryMs }) });
        sendPage(response, page.data, metaOf(plan, { rowCount, hasMore, cache }, requestId, now()));
      }
      return sent({ cache, rows: rowCount, poolWaitMs, queryMs });
    } finally {
      lease.release();
    }
  };

  const sendParquet = async ({ plan, response, headers, signal }: Exchange): Promise<Sent> => {
    const state = { hasBegun: false };
    const sendIt: SendFile = async ({ path, bytes }, times, watchdog) => {
      state.hasBegun = true;
      const about = { 'Content-Type': contentTypes.parquet, 'Content-Length': String(bytes) };
      const timing = { 'Server-Timing': serverTiming({ cache: 'off', ...times }) };
      return sendFile(response, path, { headers: { ...headers, ...about, ...timing }, watchdog });
    };
    const written = await writeParquet(plan, sendIt, { signal, ports: answers });
    if (!written.ok) return state.hasBegun ? cutOff(response, written.error) : notSent(written.error);
    // When the file has gone: once the response has ended, nothing more can be told of it.
    response.end();
    const { rowCount, ...times } = written.value;
    return sent({ cache: 'off', rows: rowCount, ...times });
  };

  const send = async (exchange: Exchange, format: Format): Promise<Sent> => {
    if (format === 'json') return sendJson(exchange);
    return format === 'parquet' ? sendParquet(exchange) : sendStream(exchange, format);
  };

  /** Refuses by Accept and by the key's limits, in this order. */
  const beforeQuery = (caller: Caller, format: Format | undefined, response: Response): Failure | undefined => {
    if (format === undefined) return { kind: 'not_acceptable' };
    if (caller.key === null) return undefined;
    const failure = limits.take(caller.key, now(), response);
    if (failure !== undefined) observe({ kind: 'rate_limited', endpoint: caller.endpoint.name, keyId: caller.key.id });
    return failure;
  };

  /** Everything up to the first await happens in one tick: what was read of `live` cannot be swapped away before it is leased. */
  return async (request: Request, response: Response, segment: string, requestId: string): Promise<void> => {
    const current = live.current();
    const { name, format: asked } = splitSuffix(segment);
    const format = formatOf(asked, request);
    const admitted = admit(current, name, request, options);
    const { keyId, endpoint: named } = calledBy(admitted);
    const access = accessOf(response);
    access.tell({ endpoint: named, keyId, format: format ?? null });
    const fail = (failure: Failure, told: Told = {}): void => {
      if (!response.headersSent && !response.destroyed) sendFailure(response, failure, requestId);
      // A reader that is too slow is no fault of the server.
      access.end(told.cut === 'slow_reader' ? clientGone : status[failure.kind], told);
    };
    if (keyId !== null) options.onKeyUsed(keyId);
    if (!admitted.ok) return fail(admitted.error.failure);
    const early = beforeQuery(admitted.value, format, response);
    if (early !== undefined || format === undefined) return fail(early ?? { kind: 'not_acceptable' });
    const { endpoint, tenant, key } = admitted.value;
    const planned = planQuery({ live: current, endpoint, tenant, format, queryString: queryStringOf(request) }, options.sign);
    if (!planned.ok) return fail(planned.error);
    const plan = planned.value;
    // At once: a client that goes ends its line wherever the query is.
    access.tell({ snapshotId: plan.serving.snapshotId });
    const headers = { ...cacheHeaders(plan, key === null, now()), ...snapshotHeaders(plan), ...deprecationHeaders(endpoint) };
    if (matchesEtag(request.get('if-none-match'), plan.etag)) {
      response.status(304).set(headers).end();
      return access.end(304, {});
    }
    // Between two bytes lie two queries at most, the second for a page that proved too long to be held; the third of the time is the reader's.
    // Where queries must be very short, the wait for a connection and a busy machine still have their time.
    response.setTimeout(Math.max(3 * answers.timeoutMs, leastSilenceMs), () => response.destroy());
    const gone = new AbortController();
    response.once('close', () => void (response.writableFinished || gone.abort()));
    const { refusal, told } = await send({ plan, response, requestId, headers, signal: gone.signal }, format);
    if (gone.signal.aborted) return access.end(clientGone, told);
    if (refusal !== null) return fail(refusal.failure, { ...told, ...(refusal.cause === null ? {} : { cause: refusal.cause }) });
    access.end(response.statusCode, told);
  };
};
