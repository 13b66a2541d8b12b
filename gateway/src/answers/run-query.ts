/** Runs one plan's SQL on a leased snapshot, and sorts what can go wrong. */
import { err, ok, type Result } from '@offloader/contract';
import type { ResponseCache } from '../cache/responses.ts';
import type { Engine, QueryFailure, RowStream } from '../domain/engine.ts';
import type { Failure } from '../domain/failure.ts';
import type { QueryPlan } from '../domain/query-plan.ts';
import type { LiveState } from '../domain/serving.ts';
import type { Sql } from '../domain/sql.ts';
import type { Slots } from '../duckdb/slots.ts';
import type { Scratch } from './scratch.ts';

export type AnswerPorts = {
  readonly lease: LiveState['lease'];
  readonly engine: Engine;
  readonly cache: ResponseCache;
  readonly timeoutMs: number;
  /** Where the engine may write files that are made to be sent; null: there are no such forms. */
  readonly scratch: Scratch | null;
  /** Places of answers that go out at their readers' pace. */
  readonly longAnswers: Slots;
  readonly onEngineError: (dataset: string, epoch: number, message: string) => void;
};
/** What the client is told, and what only the log is told. */
export type Refusal = { readonly failure: Failure; readonly cause: string | null };
export type Timed<T> = { readonly value: T; readonly poolWaitMs: number; readonly queryMs: number };

/** `cause` is for the log. */
export const busy = (cause: string | null): Refusal => ({ failure: { kind: 'busy', retryAfterSeconds: 1 }, cause });

const refusalOf = (failure: QueryFailure): Refusal => {
  if (failure === 'busy') return busy(null);
  if (failure === 'timeout') return { failure: { kind: 'timeout' }, cause: null };
  return { failure: { kind: 'internal' }, cause: failure === 'aborted' ? failure : failure.engine };
};

/** Call in the same tick as live.current(): the lease must be taken before a swap can retire what was read. */
export const runQuery = async <T>(
  { serving, endpoint }: QueryPlan,
  sql: Sql,
  { ports, signal }: { readonly ports: AnswerPorts; readonly signal: AbortSignal },
  consume: (rows: RowStream, poolWaitMs: number) => Promise<T>,
): Promise<Result<Timed<T>, Refusal>> => {
  const lease = ports.lease(serving);
  try {
    const result = await ports.engine.query(sql, { mode: endpoint.servingMode, signal, timeoutMs: ports.timeoutMs }, consume);
    if (result.ok) return ok(result.value);
    if (typeof result.error === 'object') ports.onEngineError(serving.dataset, serving.epoch, result.error.engine);
    return err(refusalOf(result.error));
  } finally {
    lease.release();
  }
};
