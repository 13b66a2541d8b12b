/** One page as the bytes of a JSON list: from the cache, from a query that is in flight already, or from one of its own. */
import { err, ok, type Result } from '@offloader/contract';
import type { Held } from '../cache/responses.ts';
import type { RowStream } from '../domain/engine.ts';
import type { QueryPlan } from '../domain/query-plan.ts';
import { pageSql } from '../domain/select-sql.ts';
import { createJsonEncoder } from '../duckdb/text-encoders.ts';
import { answerColumns } from './answer-columns.ts';
import { type AnswerPorts, type Refusal, runQuery } from './run-query.ts';

export type PageAnswer = {
  /** 'too_long': stream it instead. */
  readonly page: Held;
  readonly cache: 'hit' | 'miss' | 'off';
  readonly poolWaitMs: number | null;
  readonly queryMs: number | null;
};

/** Longer pages are streamed: 16 connections with one page each in memory stay below 64 MiB. */
export const maxPageBytes = 4 * 1024 * 1024;

/** Reads `limit` rows and notices the one more that tells of a next page. */
const readPage = async (plan: QueryPlan, rows: RowStream): Promise<Held> => {
  const { limit } = plan.request;
  const encoder = createJsonEncoder(answerColumns(plan, rows));
  const parts: Uint8Array[] = [];
  let seen = 0;
  let bytes = 2;
  for await (const chunk of rows.chunks) {
    const wanted = chunk.slice(0, limit - Math.min(seen, limit));
    const part = encoder.rows(wanted, seen === 0);
    parts.push(part);
    bytes += part.length;
    seen += chunk.length;
    if (bytes > maxPageBytes) return 'too_long';
  }
  return { data: Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]), rowCount: Math.min(seen, limit), hasMore: seen > limit };
};

type Ran = {
  readonly page: Held | null;
  readonly refusal: Refusal | null;
  readonly poolWaitMs: number | null;
  readonly queryMs: number | null;
};

const run = async (plan: QueryPlan, signal: AbortSignal, ports: AnswerPorts): Promise<Ran> => {
  const result = await runQuery(plan, pageSql(plan, 1), { ports, signal }, async (rows) => readPage(plan, rows));
  if (!result.ok) return { page: null, refusal: result.error, poolWaitMs: null, queryMs: null };
  const { value: page, poolWaitMs, queryMs } = result.value;
  return { page, refusal: null, poolWaitMs, queryMs };
};

const gaveUp: Refusal = { failure: { kind: 'internal' }, cause: 'aborted' };

/** Call in the same tick as live.current(). */
export const answerPage = async (plan: QueryPlan, signal: AbortSignal, ports: AnswerPorts): Promise<Result<PageAnswer, Refusal>> => {
  const isCached = plan.endpoint.cache === 'Snapshot';
  const held = isCached ? ports.cache.get(plan.cacheKey) : undefined;
  if (held !== undefined) return ok({ page: held, cache: held === 'too_long' ? 'miss' : 'hit', poolWaitMs: null, queryMs: null });
  const ask = async (within: AbortSignal): Promise<Ran> => run(plan, within, ports);
  const ran = isCached ? await ports.cache.share(plan.cacheKey, signal, ask) : await ask(signal);
  if (ran.page === null) return err(ran.refusal ?? gaveUp);
  return ok({ page: ran.page, cache: isCached ? 'miss' : 'off', poolWaitMs: ran.poolWaitMs, queryMs: ran.queryMs });
};
