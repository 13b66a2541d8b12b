/** The load itself, run in a process of its own: staged files → verified DuckDB file. Throws only for bugs. */
import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Problem } from '@offloader/contract';
import { checkCsvHeader } from '@offloader/contract/csv-header';
import { castScanSql, createViewSql, rowGroupSql, type Scan, scanSql } from '../domain/load-sql.ts';
import { limitInstead, loaderShare } from '../domain/loader-share.ts';
import { isLoadable } from '../domain/physical.ts';
import type { Engine, TableSize } from '../domain/sort-parts.ts';
import { literal } from '../domain/sql.ts';
import { fillTable, runReading } from './loader-table.ts';
import { physicalOf } from './loader-types.ts';
import { isOutOfMemory, loadProblem } from './load-problems.ts';
import { databaseFile, type LoadAnswer, type LoadFile, type LoadJob, originTable, spillFolder } from './load-job.ts';

type Seen = { readonly file: LoadFile; readonly found: Scan['found']; readonly rows: number; readonly bytes: number };
class Rejection extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super('rejected');
    this.problems = problems;
  }
}

const rows = async (connection: DuckDBConnection, sql: string): Promise<readonly (readonly unknown[])[]> =>
  (await connection.runAndReadAll(sql)).getRows();

/** Files of one format as one relation, and what is in them. */
const openScan = async (connection: DuckDBConnection, format: LoadFile['format'], paths: readonly string[]): Promise<Scan> => {
  const sql = scanSql(format, paths);
  const read = await connection.runAndReadAll(`SELECT * FROM ${sql} LIMIT 0`);
  const names = read.columnNames();
  return { format, sql, found: new Map(read.columnTypes().map((type, at) => [names[at] ?? '', physicalOf(type)])) };
};

/** A local CSV file has all declared columns; any other file of several may leave some to the rest, and reads NULL there. */
const headerProblems = ({ file, found }: Seen, at: number, declared: LoadJob['declared']): readonly Problem[] => {
  const expected = file.isLocal ? declared : declared.filter(({ name }) => found.has(name));
  return checkCsvHeader([...found.keys()], expected, at);
};

/** Names and physical types of one file against the declared columns. What a Parquet file has beyond them is not read. */
const fileProblems = (seen: Seen, at: number, { declared }: LoadJob): readonly Problem[] => {
  const { file, found } = seen;
  if (file.format === 'csv') return headerProblems(seen, at, declared);
  return declared.flatMap(({ name, type }) => {
    const physical = found.get(name);
    if (physical === undefined || isLoadable(type, physical)) return [];
    const message = `column ${name} is ${physical.text} in ${file.name}, declared ${type}`;
    return [{ code: 'schema_data_mismatch', path: `files[${at}]`, message }];
  });
};

/** What each file holds; every file that cannot be read is named. */
const inspect = async (connection: DuckDBConnection, job: LoadJob): Promise<readonly Seen[]> => {
  const seen: Seen[] = [];
  const unreadable: Problem[] = [];
  for (const [at, file] of job.files.entries()) {
    try {
      const { sql, found } = await openScan(connection, file.format, [file.path]);
      const [counted] = await rows(connection, `SELECT count(*) FROM ${sql}`);
      seen.push({ file, found, rows: Number(counted?.[0]), bytes: (await stat(file.path)).size });
    } catch (error) {
      unreadable.push(loadProblem(error, `files[${at}]`, file.name));
    }
  }
  if (unreadable.length > 0) throw new Rejection(unreadable);
  return seen;
};

const rowsOf = (seen: readonly Seen[]): number => seen.reduce((sum, { rows: held }) => sum + held, 0);

const countProblems = (seen: readonly Seen[], job: LoadJob): readonly Problem[] => {
  const total = rowsOf(seen);
  const perFile = seen.flatMap(({ file, rows: held }, at) =>
    job.rowCount === null || held === file.rowCount
      ? []
      : [
          {
            code: 'row_count_mismatch' as const,
            path: `files[${at}].row_count`,
            message: `${file.name} has ${held} rows, the manifest says ${file.rowCount}`,
          },
        ],
  );
  return job.rowCount === null || total === job.rowCount
    ? perFile
    : [
        ...perFile,
        { code: 'row_count_mismatch', path: 'row_count', message: `the files have ${total} rows, the manifest says ${job.rowCount}` },
      ];
};

/** Columns that no file has. Local CSV files tell it of themselves. */
const absentColumns = (seen: readonly Seen[], { declared }: LoadJob): readonly Problem[] => {
  if (seen.some(({ file }) => file.format === 'csv' && file.isLocal)) return [];
  const found = new Set(seen.flatMap((one) => [...one.found.keys()]));
  return declared
    .filter(({ name }) => !found.has(name))
    .map(({ name }) => ({ code: 'schema_data_mismatch', path: 'files', message: `no file has the column ${name}` }));
};

const verify = (seen: readonly Seen[], job: LoadJob): void => {
  const problems = [...absentColumns(seen, job), ...seen.flatMap((one, at) => fileProblems(one, at, job)), ...countProblems(seen, job)];
  if (problems.length > 0) throw new Rejection(problems);
};

/** The scans of all files as one SELECT of the declared columns. */
const selectOf = async (connection: DuckDBConnection, job: LoadJob): Promise<string> => {
  const formats = (['parquet', 'csv'] as const).filter((format) => job.files.some((file) => file.format === format));
  const parts: string[] = [];
  for (const format of formats) {
    const paths = job.files.filter((file) => file.format === format).map((file) => file.path);
    parts.push(castScanSql(await openScan(connection, format, paths), job.schema));
  }
  return parts.join(' UNION ALL ');
};

/** What is wrong with one column of one file; null when it casts. */
const columnFault = async (connection: DuckDBConnection, file: LoadFile, column: LoadJob['schema'][number]): Promise<unknown> => {
  try {
    const scan = await openScan(connection, file.format, [file.path]);
    await connection.run(`SELECT count(c) FROM (${castScanSql(scan, [column])}) t(c)`);
    return null;
  } catch (cause) {
    return cause;
  }
};

/** A load whose memory is too small for one thread to read or for few rows to be sorted: says how much to give it. */
const memoryProblem = async (connection: DuckDBConnection, job: LoadJob, error: unknown): Promise<Problem> => {
  const paths = job.files.filter(({ format }) => format === 'parquet').map(({ path }) => path);
  const [largest] = paths.length === 0 ? [] : await rows(connection, rowGroupSql(paths, job.schema)).catch(() => []);
  const limit = limitInstead(job.memoryLimit, Number(largest?.[0] ?? 0));
  return { ...loadProblem(error, 'files', null), hint: `set OFFLOADER_LOAD_MEMORY_LIMIT to ${limit} or more: it is ${job.memoryLimit}` };
};

/** Finds the file and column whose values do not fit, so that the producer is told which. */
const blame = async (connection: DuckDBConnection, job: LoadJob, error: unknown): Promise<Problem> => {
  if (isOutOfMemory(error)) return memoryProblem(connection, job, error);
  for (const [at, file] of job.files.entries())
    for (const column of job.schema) {
      const cause = await columnFault(connection, file, column);
      if (cause !== null) return loadProblem(cause, `files[${at}]`, file.name, column.name);
    }
  return loadProblem(error, 'files', null);
};

/** Makes what is served; answers how many rows that has. */
const build = async (connection: DuckDBConnection, job: LoadJob, size: TableSize, engine: Engine): Promise<number> => {
  const select = await selectOf(connection, job);
  const keepsTable = job.modes.length === 0 || job.modes.includes('LocalTable');
  try {
    if (keepsTable) await fillTable(connection, { select, job, size, engine });
    if (job.modes.includes('RemoteScan')) await connection.run(createViewSql(select));
    const [counted] = await rows(connection, `SELECT count(*) FROM ${keepsTable ? 'data' : 'scan'}`);
    // A view casts when it is read: every value is cast once here, so that no request meets one that does not fit.
    if (!keepsTable)
      await runReading(
        connection,
        engine,
        `SELECT ${job.schema.map((_, at) => `count(c${at})`).join(', ')} FROM scan t(${job.schema.map((_, at) => `c${at}`).join(', ')})`,
      );
    await connection.run(`CREATE TABLE ${originTable} AS SELECT ${literal(basename(job.folder))} AS load_id`);
    await connection.run('CHECKPOINT');
    return Number(counted?.[0]);
  } catch (error) {
    throw new Rejection([await blame(connection, job, error)]);
  }
};

const verifyAndBuild = async (connection: DuckDBConnection, job: LoadJob, engine: Engine): Promise<number> => {
  const seen = await inspect(connection, job);
  verify(seen, job);
  const fileBytes = seen.reduce((sum, { bytes }) => sum + bytes, 0);
  const size = { rows: rowsOf(seen), columns: job.schema.length, fileBytes };
  const count = await build(connection, job, size, engine);
  // Files are read more than once: those that are not our own copies may have changed meanwhile.
  if (count !== size.rows) throw new Rejection([{ code: 'load_failed', path: 'files', message: 'the files changed while they were read' }]);
  return count;
};

const syncToDisk = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const failures: readonly Problem['code'][] = ['disk_full', 'cache_unusable', 'out_of_memory', 'load_failed', 'corrupt_file'];

/** What its engine frees it gives back at once: kept for later, it would count against the process. */
const allocatorSql =
  "SET allocator_background_threads = true; SET allocator_flush_threshold = '1MB'; SET allocator_bulk_deallocation_flush_threshold = '1MB';";

/** Loads a job's files into its folder; the answer says whether the data is at fault (rejected) or the load (failed). */
export const load = async (job: LoadJob): Promise<LoadAnswer> => {
  const file = join(job.folder, databaseFile);
  const { engineBytes, threads } = loaderShare(job.memoryLimit, job.threads);
  const instance = await DuckDBInstance.create(file, { threads: String(threads), memory_limit: `${engineBytes}B` });
  const connection = await instance.connect();
  try {
    await connection.run(
      `SET TimeZone = 'UTC'; SET temp_directory = ${literal(join(job.folder, spillFolder))}; SET preserve_insertion_order = false; ${allocatorSql}`,
    );
    const count = await verifyAndBuild(connection, job, { engineBytes, threads });
    connection.closeSync();
    instance.closeSync();
    await syncToDisk(file);
    await syncToDisk(job.folder);
    return { kind: 'loaded', rows: count, bytes: (await stat(file)).size };
  } catch (error) {
    const problems = error instanceof Rejection ? error.problems : [loadProblem(error, '', null)];
    return { kind: problems.some(({ code }) => failures.includes(code)) ? 'failed' : 'rejected', problems };
  }
};
