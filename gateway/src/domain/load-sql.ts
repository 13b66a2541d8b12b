/** The SQL of a load: how files are read, cast to the declared types, ordered and kept. Text only, no connection. */
import type { Column, ColumnType } from '@offloader/contract';
import { jsonColumnSql, timeSql } from './json-sql.ts';
import { integers, largeIntegers, type Physical, timesOfDay, zonedMoment } from './physical.ts';
import { literal, quoted } from './sql.ts';

type FileFormat = 'csv' | 'parquet';

/**
 * Of each thread at a time. DuckDB's default is 32 MiB, several for each thread: more than a small load may have. This is what a thread
 * takes for its share of a file anyway, so that no row is cut apart that the default would leave whole.
 */
const csvBufferBytes = 8_000_000;

/** Reads one format's files as one relation, united by column name; CSV as text, so that 00123 stays 00123 in a VARCHAR column. */
export const scanSql = (format: FileFormat, paths: readonly string[]): string => {
  const list = `[${paths.map(literal).join(', ')}]`;
  return format === 'csv'
    ? `read_csv(${list}, header = true, all_varchar = true, union_by_name = true, filename = false, nullstr = '', allow_quoted_nulls = false, buffer_size = ${csvBufferBytes})`
    : `read_parquet(${list}, union_by_name = true, hive_partitioning = false)`;
};

const varchar: Physical = { kind: 'plain', name: 'VARCHAR', text: 'VARCHAR' };

/** Ends the load where a value would lose something; the words are those of DuckDB's own casts. */
const only = (condition: string, sql: string, type: ColumnType): string =>
  `CASE WHEN ${condition} THEN ${sql} ELSE CAST(error('Conversion Error: the value does not fit') AS ${type}) END`;

/** A whole number as programs write it: 007, 5.0, 1e+05. DuckDB would round 1.5. */
const wholeNumber = literal('\\s*[+-]?[0-9]+(\\.0*)?([eE]\\+?[0-9]+)?\\s*');

/** A value of a CSV file under its declared type. */
const textCast = (type: ColumnType, text: string): string => {
  const cast = `CAST(${text} AS ${type})`;
  switch (type) {
    case 'INTEGER':
    case 'BIGINT':
      return only(`${text} IS NULL OR regexp_full_match(${text}, ${wholeNumber})`, cast, type);
    case 'DATE':
      // A time of day that is not midnight would be cut off.
      return only(`${text} IS NULL OR CAST(${text} AS TIMESTAMP) = ${cast}`, cast, type);
    case 'TIMESTAMP':
      // An offset counts; without one the text is UTC.
      return `timezone('UTC', CAST(${text} AS TIMESTAMPTZ))`;
    case 'JSON':
      return jsonColumnSql(varchar, text);
    default:
      return cast;
  }
};

/** A value of a Parquet file under its declared type. */
const typedCast = (type: ColumnType, sql: string, physical: Physical): string => {
  const cast = `CAST(${sql} AS ${type})`;
  if (type === 'JSON') return jsonColumnSql(physical, sql);
  if (physical.kind !== 'plain') return cast;
  if (type === 'TIMESTAMP' && physical.name === zonedMoment) return `timezone('UTC', ${sql})`;
  if (type === 'VARCHAR' && timesOfDay.includes(physical.name))
    return `CASE WHEN ${sql} IS NOT NULL THEN ${timeSql(physical.name, sql)} END`;
  // A column that is wider than the dataset needs it: whole numbers only.
  if ((type === 'INTEGER' || type === 'BIGINT') && !integers.includes(physical.name))
    return only(`${sql} IS NULL OR ${sql} % 1 = 0`, cast, type);
  if (type === 'DOUBLE' && largeIntegers.includes(physical.name))
    return only(`${sql} IS NULL OR CAST(${cast} AS HUGEINT) = CAST(${sql} AS HUGEINT)`, cast, type);
  return cast;
};

const casts: Readonly<Record<FileFormat, typeof typedCast>> = { csv: textCast, parquet: typedCast };

/** One column of one scan: cast strictly, so that a value that does not fit ends the load. A missing one reads NULL. */
const columnSql = (format: FileFormat, { name, type }: Column, physical: Physical | undefined): string => {
  const sql = physical === undefined ? `CAST(NULL AS ${type})` : casts[format](type, quoted(name), physical);
  return `${sql} AS ${quoted(name)}`;
};

/** Files of one format, read as one relation, and the type of each column found in them. */
export type Scan = { readonly format: FileFormat; readonly sql: string; readonly found: ReadonlyMap<string, Physical> };

/** A scan with exactly the declared columns, in their order. */
export const castScanSql = ({ format, sql, found }: Scan, schema: readonly Column[]): string =>
  `SELECT ${schema.map((column) => columnSql(format, column, found.get(column.name))).join(', ')} FROM ${sql}`;

/** The table with all its rows, or with none yet. */
export const createTableSql = (select: string): string => `CREATE TABLE data AS ${select}`;
export const createEmptyTableSql = (select: string): string => `${createTableSql(select)} WITH NO DATA`;
export const insertSql = (select: string): string => `INSERT INTO data ${select}`;

/** A copy of the rows in a file of its own, in no order, which is read instead of the files they came from. */
export const copyRows = {
  attachSql: (path: string): string => `ATTACH ${literal(path)} AS copy`,
  createSql: (select: string): string => `CREATE TABLE copy.data AS ${select}`,
  select: 'SELECT * FROM copy.data',
  detachSql: 'DETACH copy',
};

export const createViewSql = (select: string): string => `CREATE VIEW scan AS ${select}`;

/**
 * What one thread has in memory of the largest row group of Parquet files: of each column that is read a page, packed and unpacked, and DuckDB
 * itself writes the whole column as one. Its buffers are powers of two.
 */
export const rowGroupSql = (paths: readonly string[], schema: readonly Column[]): string => {
  const buffer = (column: string): string => `2 ** ceil(log2(greatest(${column}, 1)))`;
  const columns = schema.map(({ name }) => literal(name)).join(', ');
  return `SELECT max(b) FROM (SELECT sum(${buffer('total_uncompressed_size')} + ${buffer('total_compressed_size')}) AS b
    FROM parquet_metadata([${paths.map(literal).join(', ')}]) WHERE split_part(path_in_schema, ', ', 1) IN (${columns}) GROUP BY file_name, row_group_id)`;
};
