/** A page as a Parquet file: its footer comes last, so it is written whole before the first byte can be sent. */
import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { err, ok, type Result } from '@offloader/contract';
import type { QueryPlan } from '../domain/query-plan.ts';
import { parquetSql } from '../domain/select-sql.ts';
import { literal } from '../domain/sql.ts';
import type { RowStream } from '../domain/engine.ts';
import { type AnswerPorts, busy, type Refusal, runQuery, type Timed } from './run-query.ts';
import { type Overrun, type Scratch, scratchFile, watchOver } from './scratch.ts';
import { createWatchdog, type Watchdog } from './watchdog.ts';

export type ParquetFile = { readonly path: string; readonly bytes: number };
export type Written = { readonly rowCount: number; readonly poolWaitMs: number; readonly queryMs: number };
/** Sends a file at its reader's pace; false: not to its end. */
export type SendFile = (file: ParquetFile, times: Omit<Written, 'rowCount'>, watchdog: Watchdog) => Promise<boolean>;

const noFolder: Refusal = { failure: { kind: 'not_acceptable' }, cause: 'no scratch folder' };
const overruns: Readonly<Record<Overrun, Refusal>> = {
  full: busy('no room for a file'),
  too_long: {
    failure: {
      kind: 'invalid_param',
      code: 'answer_too_long',
      param: 'limit',
      message: 'the Parquet file is larger than may be made; lower limit, name fewer columns, or ask for Arrow',
    },
    cause: null,
  },
};

/** COPY answers one row: how many it wrote. */
const countOf = async ({ chunks }: RowStream): Promise<number> => {
  let rowCount = 0;
  for await (const chunk of chunks) for (const [count] of chunk) rowCount += Number(count);
  return rowCount;
};

type Job = { readonly signal: AbortSignal; readonly ports: AnswerPorts };

const write = async (plan: QueryPlan, scratch: Scratch, path: string, { signal, ports }: Job): Promise<Result<Timed<number>, Refusal>> => {
  const { written, overrun } = await watchOver(scratch, path, {
    signal,
    write: async (within) => runQuery(plan, parquetSql(plan, literal(path)), { ports, signal: within }, countOf),
  });
  return overrun === null ? written : err(overruns[overrun]);
};

const send = async (path: string, times: Omit<Written, 'rowCount'>, by: SendFile, { signal, ports }: Job): Promise<Refusal | null> => {
  const watchdog = createWatchdog(signal, ports.timeoutMs);
  try {
    const isWhole = await by({ path, bytes: (await stat(path)).size }, times, watchdog);
    const bite = watchdog.bitten();
    if (bite !== null) return { failure: { kind: 'timeout' }, cause: bite };
    return isWhole ? null : { failure: { kind: 'internal' }, cause: signal.aborted ? 'aborted' : 'the file could not be sent' };
  } finally {
    watchdog.end();
  }
};

/** Lends the file to `by` and removes it afterwards; no connection is held meanwhile. Call in the same tick as live.current(). */
export const writeParquet = async (plan: QueryPlan, by: SendFile, job: Job): Promise<Result<Written, Refusal>> => {
  const { scratch } = job.ports;
  if (scratch === null) return err(noFolder);
  const path = scratchFile(scratch, `${randomUUID()}.parquet`);
  try {
    const result = await write(plan, scratch, path, job);
    if (!result.ok) return result;
    const { value: rowCount, ...times } = result.value;
    const refusal = await send(path, times, by, job);
    return refusal === null ? ok({ rowCount, ...times }) : err(refusal);
  } finally {
    await rm(path, { force: true });
  }
};
