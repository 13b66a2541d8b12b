/** Which of the declared column types a physical type of DuckDB is published as, and the type that two files of one snapshot agree on. */
import type { ColumnType } from '@offloader/contract';

const exact: Readonly<Record<string, ColumnType>> = {
  BOOLEAN: 'BOOLEAN',
  TINYINT: 'INTEGER',
  SMALLINT: 'INTEGER',
  INTEGER: 'INTEGER',
  UTINYINT: 'INTEGER',
  USMALLINT: 'INTEGER',
  UINTEGER: 'BIGINT',
  BIGINT: 'BIGINT',
  // The load fails, naming the column, when a value of these does not fit.
  UBIGINT: 'BIGINT',
  HUGEINT: 'BIGINT',
  UHUGEINT: 'BIGINT',
  FLOAT: 'DOUBLE',
  DOUBLE: 'DOUBLE',
  DATE: 'DATE',
  TIMESTAMP: 'TIMESTAMP',
  TIMESTAMP_S: 'TIMESTAMP',
  TIMESTAMP_MS: 'TIMESTAMP',
  TIMESTAMP_NS: 'TIMESTAMP',
  'TIMESTAMP WITH TIME ZONE': 'TIMESTAMP',
  VARCHAR: 'VARCHAR',
  UUID: 'VARCHAR',
  TIME: 'VARCHAR',
  JSON: 'JSON',
};

/** The declared type for a physical one; undefined when nothing holds it without loss. */
export const columnTypeOf = (physical: string): ColumnType | undefined => {
  if (/\[\d*\]$/.test(physical) || /^(STRUCT|MAP|UNION)\(/.test(physical)) return 'JSON';
  if (physical.startsWith('ENUM(')) return 'VARCHAR';
  if (physical.startsWith('DECIMAL(')) return 'DOUBLE';
  return exact[physical];
};

const ladder: readonly ColumnType[] = ['INTEGER', 'BIGINT', 'DOUBLE'];

/** The narrowest type that holds both; undefined when there is none. */
export const commonType = (a: ColumnType, b: ColumnType): ColumnType | undefined => {
  if (a === b) return a;
  const [low, high] = [ladder.indexOf(a), ladder.indexOf(b)];
  return low === -1 || high === -1 ? undefined : ladder[Math.max(low, high)];
};
