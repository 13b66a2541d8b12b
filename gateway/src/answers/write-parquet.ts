/** A page as a Parquet file: its footer comes last, so it is written whole before the first byte can be sent. */
import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '@offloader/contract';
import type { QueryPlan } from '../domain/query-plan.ts';
import { parquetSql } from '../domain/select-sql.ts';
import { literal } from '../domain/sql.ts';
import { type AnswerPorts, type Refusal, runQuery } from './run-query.ts';

export type ParquetFile = { readonly path: string; readonly bytes: number };
export type Written = { readonly rowCount: number; readonly poolWaitMs: number; readonly queryMs: number };

const noFolder: Refusal = { failure: { kind: 'not_acceptable' }, cause: 'no scratch folder' };

/** Lends the file to `send` and removes it afterwards. Call in the same tick as live.current(). */
export const writeParquet = async (
  plan: QueryPlan,
  signal: AbortSignal,
  ports: AnswerPorts,
  send: (file: ParquetFile, times: Omit<Written, 'rowCount'>) => Promise<void>,
): Promise<Result<Written, Refusal>> => {
  if (ports.scratchDir === null) return err(noFolder);
  const path = join(ports.scratchDir, `answer-${randomUUID()}.parquet`);
  try {
    const result = await runQuery(plan, parquetSql(plan, literal(path)), { ports, signal }, async ({ chunks }) => {
      let rowCount = 0;
      // COPY answers one row: how many it wrote.
      for await (const chunk of chunks) for (const [count] of chunk) rowCount += Number(count);
      return rowCount;
    });
    if (!result.ok) return result;
    const { value: rowCount, ...times } = result.value;
    await send({ path, bytes: (await stat(path)).size }, times);
    return ok({ rowCount, ...times });
  } finally {
    await rm(path, { force: true });
  }
};
