/** The SQL of a load: how files are read, cast to the declared types, ordered and kept. Text only, no connection. */
import type { Column, ColumnType } from '@offloader/contract';
import { literal, quoted } from './sql.ts';

type FileFormat = 'csv' | 'parquet';

/** Reads one format's files as one relation, united by column name; CSV as text, so that 00123 stays 00123 in a VARCHAR column. */
export const scanSql = (format: FileFormat, paths: readonly string[]): string => {
  const list = `[${paths.map(literal).join(', ')}]`;
  return format === 'csv'
    ? `read_csv(${list}, header = true, all_varchar = true, union_by_name = true, filename = false, nullstr = '', allow_quoted_nulls = false)`
    : `read_parquet(${list}, union_by_name = true, hive_partitioning = false)`;
};

const isOneOf =
  (types: readonly string[]) =>
  (type: string): boolean =>
    types.includes(type.replace(/\(.*$/, ''));
const integers = ['TINYINT', 'SMALLINT', 'INTEGER', 'UTINYINT', 'USMALLINT'];
const bigints = [...integers, 'BIGINT', 'UINTEGER', 'UBIGINT', 'HUGEINT', 'UHUGEINT'];
const nested = (type: string): boolean => /^(STRUCT|MAP|UNION|JSON|VARCHAR|NULL)/.test(type) || type.endsWith(']');

/** Physical types (DuckDB's names) that load under a declared type: what casts without loss, or fails the cast where it would lose. */
const accepts: Readonly<Record<ColumnType, (physical: string) => boolean>> = {
  VARCHAR: isOneOf(['VARCHAR', 'UUID', 'ENUM', 'TIME', 'CHAR']),
  INTEGER: isOneOf(bigints),
  BIGINT: isOneOf(bigints),
  DOUBLE: isOneOf([...bigints, 'FLOAT', 'DOUBLE', 'DECIMAL']),
  BOOLEAN: isOneOf(['BOOLEAN']),
  DATE: isOneOf(['DATE']),
  TIMESTAMP: (type) => type.startsWith('TIMESTAMP'),
  JSON: nested,
};

/** Whether a Parquet column of this physical type may stand under the declared type. */
export const isLoadable = (declared: ColumnType, physical: string): boolean => accepts[declared](physical);

/** One column of one scan: cast strictly, so that a value that does not fit ends the load. A missing one reads NULL. */
export const columnSql = ({ name, type }: Column, physical: string | undefined): string => {
  if (physical === undefined) return `CAST(NULL AS ${type}) AS ${quoted(name)}`;
  const source = quoted(name);
  if (type === 'TIMESTAMP' && physical === 'TIMESTAMP WITH TIME ZONE') return `timezone('UTC', ${source}) AS ${source}`;
  if (type === 'JSON')
    return physical === 'VARCHAR' || physical === 'JSON' ? `CAST(${source} AS JSON) AS ${source}` : `to_json(${source}) AS ${source}`;
  return `CAST(${source} AS ${type}) AS ${source}`;
};

/** A scan with exactly the declared columns, in their order. `physical` holds DuckDB's type of each column found. */
export const castScanSql = (scan: string, schema: readonly Column[], physical: ReadonlyMap<string, string>): string =>
  `SELECT ${schema.map((column) => columnSql(column, physical.get(column.name))).join(', ')} FROM ${scan}`;

/** The table, laid out for its endpoints' filters: sorted data lets DuckDB skip row groups by their zone maps. */
export const createTableSql = (select: string, sortColumns: readonly string[]): string =>
  `CREATE TABLE data AS ${select}${sortColumns.length === 0 ? '' : ` ORDER BY ${sortColumns.map(quoted).join(', ')}`}`;

export const createViewSql = (select: string): string => `CREATE VIEW scan AS ${select}`;
