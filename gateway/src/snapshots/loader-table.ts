/** The table of a load, laid out for its endpoints' filters: sorted data lets DuckDB skip row groups by their zone maps. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { copyRows, createEmptyTableSql, createTableSql, insertSql } from '../domain/load-sql.ts';
import { type Engine, rangeSql, sampleSql, type SortPlan, sortPlan, sortsAtOnce, type TableSize, whole } from '../domain/sort-parts.ts';
import { type LoadJob, spillFolder } from './load-job.ts';
import { isOutOfMemory } from './load-problems.ts';

export type Filling = { readonly select: string; readonly job: LoadJob; readonly size: TableSize; readonly engine: Engine };

/** Runs what reads all files: each thread has a part of a file in memory, and how much that is shows when it is read. With too little for all, fewer read. */
export const runReading = async (connection: DuckDBConnection, { threads }: Engine, sql: string): Promise<void> => {
  for (let readers = threads; ; readers = Math.floor(readers / 2)) {
    await connection.run(`SET threads = ${readers}`);
    try {
      return void (await connection.run(sql));
    } catch (error) {
      if (readers === 1 || !isOutOfMemory(error)) throw error;
    }
  }
};

const planOf = async (connection: DuckDBConnection, { job, size, engine }: Filling): Promise<SortPlan> => {
  const read = await connection.runAndReadAll(sampleSql(copyRows.select, job.schema, job.sortColumns));
  const sample = read.getRows().map(([key, bytes]) => ({ key: String(key), bytes: Number(bytes) }));
  return sortPlan(sample, size, engine);
};

/** Copies the rows as they come, then sorts the copy range by range. */
const fillInRanges = async (connection: DuckDBConnection, filling: Filling): Promise<void> => {
  const { select, job, engine } = filling;
  const copy = join(job.folder, spillFolder, 'copy.duckdb');
  await mkdir(join(job.folder, spillFolder), { recursive: true });
  await connection.run(copyRows.attachSql(copy));
  await runReading(connection, engine, copyRows.createSql(select));
  const { ranges, threads } = await planOf(connection, filling);
  await connection.run(`SET threads = ${threads}`);
  await connection.run(createEmptyTableSql(copyRows.select));
  for (const range of ranges) await connection.run(insertSql(rangeSql(copyRows.select, range, job.sortColumns)));
  await connection.run(copyRows.detachSql);
  await rm(copy);
};

/** Makes the table with all rows of `select`. */
export const fillTable = async (connection: DuckDBConnection, filling: Filling): Promise<void> => {
  const { select, job, size, engine } = filling;
  if (job.sortColumns.length === 0) return runReading(connection, engine, createTableSql(select));
  if (sortsAtOnce(size, engine)) return runReading(connection, engine, createTableSql(rangeSql(select, whole, job.sortColumns)));
  return fillInRanges(connection, filling);
};
