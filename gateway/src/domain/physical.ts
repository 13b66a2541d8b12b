/** What a column of a file is made of, and which of it may stand under a declared type. */
import type { ColumnType } from '@offloader/contract';

/** A type in DuckDB's words. `name` is that of a plain one without its arguments: DECIMAL, TIME WITH TIME ZONE, JSON. */
export type Physical = { readonly text: string } & (
  | { readonly kind: 'plain'; readonly name: string }
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [name: string, type: Physical])[] }
  | { readonly kind: 'list'; readonly item: Physical }
  | { readonly kind: 'map'; readonly key: Physical; readonly value: Physical }
);

export const smallIntegers = ['TINYINT', 'SMALLINT', 'INTEGER', 'UTINYINT', 'USMALLINT', 'UINTEGER'];
/** Those that a DOUBLE may not have room for. */
export const largeIntegers = ['BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT'];
export const integers = [...smallIntegers, ...largeIntegers];
export const timesOfDay = ['TIME', 'TIME WITH TIME ZONE', 'TIME_NS'];
export const moments = ['TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS'];
export const zonedMoment = 'TIMESTAMP WITH TIME ZONE';

/** Types that no declared type has a counterpart of are exact as text. */
const asText = ['UUID', 'ENUM', ...timesOfDay, 'DECIMAL', 'BLOB', 'BIT', 'BIGNUM', 'INTERVAL', 'GEOMETRY'];

/** Plain types that load under a declared type: what casts without loss, or ends the load at a value that would lose. */
const loadable: Readonly<Record<ColumnType, readonly string[]>> = {
  VARCHAR: ['VARCHAR', 'JSON', ...asText],
  INTEGER: integers,
  BIGINT: integers,
  DOUBLE: [...integers, 'FLOAT', 'DOUBLE', 'DECIMAL'],
  BOOLEAN: ['BOOLEAN'],
  DATE: ['DATE'],
  TIMESTAMP: [...moments, zonedMoment, 'DATE'],
  JSON: ['JSON', 'VARCHAR', 'VARIANT', 'DECIMAL'],
};
/** The type of a column that has nothing but NULL. */
const nothing = 'SQLNULL';

/** Whether a Parquet column of this type may stand under the declared type. */
export const isLoadable = (declared: ColumnType, physical: Physical): boolean =>
  physical.kind === 'plain' ? physical.name === nothing || loadable[declared].includes(physical.name) : declared === 'JSON';
