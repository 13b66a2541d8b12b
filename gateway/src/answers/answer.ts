/** One request end to end, HTTP-free: parameters → cursor → ETag → cache → lease → query → page. */
import { type CompiledEndpoint, err, ok, type Result } from '@offloader/contract';
import type { Page, ResponseCache } from '../cache/responses.ts';
import type { Engine, QueryFailure } from '../domain/engine.ts';
import type { Failure } from '../domain/failure.ts';
import { parseQueryString } from '../domain/query-string.ts';
import { parseRequest, type Request } from '../domain/request.ts';
import { pageSql } from '../domain/select-sql.ts';
import { keptKey, type Live, type LiveState, type Serving } from '../domain/serving.ts';
import { etagOf, makeCursor, matchesEtag, openCursor, pageIdentity, type Signer } from '../domain/signature.ts';
import { readPage } from './read-page.ts';

export type Question = {
  readonly live: Live;
  readonly endpoint: CompiledEndpoint;
  readonly tenant: string | null;
  /** Without the `?`. */
  readonly queryString: string;
  readonly ifNoneMatch: string | undefined;
  readonly signal: AbortSignal;
};
export type Answer = {
  readonly serving: Serving;
  readonly etag: string;
  /** null: the caller has it already (304). */
  readonly page: Page | null;
  readonly nextCursor: string | null;
  readonly cache: 'hit' | 'miss' | 'off';
  readonly poolWaitMs: number | null;
  readonly queryMs: number | null;
};
export type AnswerPorts = {
  readonly lease: LiveState['lease'];
  readonly engine: Engine;
  readonly cache: ResponseCache;
  readonly sign: Signer;
  readonly timeoutMs: number;
  readonly onEngineError: (dataset: string, epoch: number, message: string) => void;
};

const retryAfterSeconds = 1;
const notReady: Failure = { kind: 'not_ready', code: 'snapshot_not_ready', retryAfterSeconds: 5 };
const badCursor: Failure = {
  kind: 'invalid_param',
  code: 'invalid_cursor',
  param: 'cursor',
  message: 'cursor is not one that these parameters were answered with',
};

/** The snapshot that answers: the active one, or for a cursor the one it was made in. */
const choose = ({ live, endpoint }: Question, cursor: { readonly snapshotId: string } | null): Result<Serving, Failure> => {
  const active = live.servings.get(endpoint.dataset);
  const isActive = cursor === null || active?.snapshotId === cursor.snapshotId;
  const serving = isActive ? active : live.kept.get(keptKey(endpoint.dataset, cursor.snapshotId));
  if (serving === undefined) return err(cursor === null || active === undefined ? notReady : { kind: 'gone' });
  // An endpoint answers only from a snapshot that was loaded for its own layout: a mismatch fails closed.
  return serving.layout === endpoint.layout && serving.relations[endpoint.servingMode] !== undefined
    ? ok(serving)
    : err(cursor === null ? notReady : { kind: 'gone' });
};

const failureOf = (failure: QueryFailure): Failure => {
  if (failure === 'busy') return { kind: 'busy', retryAfterSeconds };
  return failure === 'timeout' ? { kind: 'timeout' } : { kind: 'internal' };
};

type Ran = {
  readonly page: Page | null;
  readonly failure: QueryFailure | null;
  readonly poolWaitMs: number | null;
  readonly queryMs: number | null;
};

const run = async (question: Question, request: Request, serving: Serving, ports: AnswerPorts, signal: AbortSignal): Promise<Ran> => {
  const { endpoint, tenant } = question;
  const sql = pageSql(endpoint, request, tenant, serving.relations[endpoint.servingMode] ?? '');
  const lease = ports.lease(serving);
  try {
    const result = await ports.engine.query(sql, { mode: endpoint.servingMode, signal, timeoutMs: ports.timeoutMs }, async (rows) =>
      readPage(rows, endpoint, request),
    );
    if (result.ok) return { page: result.value.value, failure: null, poolWaitMs: result.value.poolWaitMs, queryMs: result.value.queryMs };
    if (typeof result.error === 'object') ports.onEngineError(serving.dataset, serving.epoch, result.error.engine);
    return { page: null, failure: result.error, poolWaitMs: null, queryMs: null };
  } finally {
    lease.release();
  }
};

/** Call in the same tick as live.current(): the lease must be taken before a swap can retire what was read. */
export const answerQuestion = async (question: Question, ports: AnswerPorts): Promise<Result<Answer, Failure>> => {
  const { live, endpoint, tenant } = question;
  if (live.servings.get(endpoint.dataset) === undefined) return err(notReady);
  const sent = parseQueryString(question.queryString);
  if (!sent.ok) return sent;
  const parsed = parseRequest(endpoint, sent.value);
  if (!parsed.ok) return parsed;
  const bound = { endpoint, request: parsed.value, tenant };
  const cursor = parsed.value.cursor === null ? null : openCursor(ports.sign, bound, parsed.value.cursor);
  if (cursor === undefined) return err(badCursor);
  const serving = choose(question, cursor);
  if (!serving.ok) return serving;
  const request = cursor === null ? parsed.value : { ...parsed.value, offset: cursor.offset };
  return page({ ...question, ...bound, request }, serving.value, ports);
};

const page = async (
  asked: Question & { readonly request: Request },
  serving: Serving,
  ports: AnswerPorts,
): Promise<Result<Answer, Failure>> => {
  const { endpoint, request, signal } = asked;
  const etag = etagOf(ports.sign, asked, serving.snapshotId);
  const nextCursor = (found: Page): string | null =>
    found.hasMore ? makeCursor(ports.sign, asked, serving.snapshotId, request.offset + request.limit) : null;
  if (matchesEtag(asked.ifNoneMatch, etag))
    return ok({ serving, etag, page: null, nextCursor: null, cache: 'off', poolWaitMs: null, queryMs: null });
  const key = `${endpoint.dataset} ${serving.epoch} ${pageIdentity(asked)}`;
  const isCached = endpoint.cache === 'Snapshot';
  const held = isCached ? ports.cache.get(key) : undefined;
  if (held !== undefined)
    return ok({ serving, etag, page: held, nextCursor: nextCursor(held), cache: 'hit', poolWaitMs: null, queryMs: null });
  const ask = async (within: AbortSignal): Promise<Ran> => run(asked, request, serving, ports, within);
  const ran = isCached ? await ports.cache.share(key, signal, ask) : await ask(signal);
  if (ran.page === null) return err(failureOf(ran.failure ?? 'aborted'));
  return ok({
    serving,
    etag,
    page: ran.page,
    nextCursor: nextCursor(ran.page),
    cache: isCached ? 'miss' : 'off',
    poolWaitMs: ran.poolWaitMs,
    queryMs: ran.queryMs,
  });
};
