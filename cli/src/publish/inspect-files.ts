/** Reads with DuckDB what a manifest must say of data files: rows, and columns with their physical types. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import type { DataFile } from './data-files.ts';

export type PhysicalColumn = { readonly name: string; readonly type: string };
export type InspectedFile = DataFile & { readonly rows: number; readonly columns: readonly PhysicalColumn[] };

/** Inspects every file; the error names the first one that cannot be read. */
export const inspectFiles = async (files: readonly DataFile[]): Promise<Result<readonly InspectedFile[], string>> => {
  // Loaded here: most commands need no DuckDB, and start faster without it.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const inspected: InspectedFile[] = [];
    for (const file of files) {
      try {
        inspected.push(await inspectFile(connection, file));
      } catch (error) {
        return err(`${file.path}: cannot be read as ${file.format}: ${firstLine(error)}`);
      }
    }
    return ok(inspected);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
};

const inspectFile = async (connection: DuckDBConnection, file: DataFile): Promise<InspectedFile> => {
  const source = scan(file);
  const columns = (await rows(connection, `DESCRIBE FROM ${source}`)).map(([name, type]) => ({ name: String(name), type: String(type) }));
  const counted = await rows(connection, `SELECT count(*) FROM ${source}`);
  const typed = file.format === 'csv' ? await plainlyTyped(connection, file, columns) : columns;
  return { ...file, rows: Number(counted[0]?.[0]), columns: typed };
};

/**
 * CSV has no types, and the gateway loads its text by plain casts. So a column that only a guess makes a date (31/12/2026), or
 * whole numbers with leading zeros (00123: a code), stays text.
 */
const plainlyTyped = async (
  connection: DuckDBConnection,
  file: DataFile,
  columns: readonly PhysicalColumn[],
): Promise<readonly PhysicalColumn[]> => {
  const guessed = columns.filter((column) => column.type !== 'VARCHAR');
  if (guessed.length === 0) return columns;
  const checks = guessed.map(({ name, type }) => {
    const text = identifier(name);
    const isPlain = `(${text} IS NULL OR TRY_CAST(${text} AS ${type}) IS NOT NULL)`;
    const isCode = /INT$|^INTEGER$|^DOUBLE$/.test(type) ? ` AND coalesce(NOT regexp_matches(${text}, '^[+-]?0[0-9]'), true)` : '';
    return `coalesce(bool_and(${isPlain}${isCode}), true)`;
  });
  const [flags] = await rows(connection, `SELECT ${checks.join(', ')} FROM ${scan(file, ", all_varchar = true, nullstr = ''")}`);
  const plain = new Set(guessed.filter((_, index) => flags?.[index] === true).map(({ name }) => name));
  return columns.map((column) => (plain.has(column.name) ? column : { ...column, type: 'VARCHAR' }));
};

const scan = (file: DataFile, options = ''): string =>
  file.format === 'parquet'
    ? `read_parquet(${literal(file.absolute)}, hive_partitioning = false)`
    : // sample_size = -1: a type is decided by every row, not by the first 20,480.
      `read_csv(${literal(file.absolute)}, header = true, sample_size = -1, hive_partitioning = false${options})`;

const rows = async (connection: DuckDBConnection, sql: string): Promise<readonly (readonly unknown[])[]> =>
  (await connection.runAndReadAll(sql)).getRows();

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const identifier = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
