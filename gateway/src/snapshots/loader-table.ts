/** The table of a load, laid out for its endpoints' filters: sorted data lets DuckDB skip row groups by their zone maps. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { createEmptyTableSql, createTableSql, insertSql } from '../domain/load-sql.ts';
import { type Engine, rangeSql, sampleSql, type SortPlan, sortPlan, sortsAtOnce, type TableSize, whole } from '../domain/sort-parts.ts';
import type { LoadJob } from './load-job.ts';

export type Filling = { readonly select: string; readonly job: LoadJob; readonly size: TableSize; readonly engine: Engine };

const planOf = async (connection: DuckDBConnection, { select, job, size, engine }: Filling): Promise<SortPlan> => {
  if (sortsAtOnce(size, engine)) return { ranges: [whole], threads: engine.threads };
  const read = await connection.runAndReadAll(sampleSql(select, job.schema, job.sortColumns));
  const sample = read.getRows().map(([key, bytes]) => ({ key: String(key), bytes: Number(bytes) }));
  return sortPlan(sample, size.rows, engine);
};

/** Makes the table with all rows of `select`. One that is too large to be sorted at once is sorted in ranges; for each the files are read again. */
export const fillTable = async (connection: DuckDBConnection, filling: Filling): Promise<void> => {
  const { select, job } = filling;
  if (job.sortColumns.length === 0) return void (await connection.run(createTableSql(select)));
  const { ranges, threads } = await planOf(connection, filling);
  await connection.run(`SET threads = ${threads}`);
  if (ranges.length === 1) return void (await connection.run(createTableSql(rangeSql(select, whole, job.sortColumns))));
  await connection.run(createEmptyTableSql(select));
  for (const range of ranges) await connection.run(insertSql(rangeSql(select, range, job.sortColumns)));
};
