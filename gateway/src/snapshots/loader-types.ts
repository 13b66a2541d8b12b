/** The engine's types as the domain knows them. */
import {
  DuckDBArrayType,
  DuckDBDecimalType,
  DuckDBEnumType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  type DuckDBType,
} from '@duckdb/node-api';
import type { Physical } from '../domain/physical.ts';

const nameOf = (type: DuckDBType): string => {
  if (type.alias !== undefined) return type.alias;
  if (type instanceof DuckDBDecimalType) return 'DECIMAL';
  if (type instanceof DuckDBEnumType) return 'ENUM';
  // GEOMETRY has its coordinate system in brackets.
  return String(type).replace(/\(.*$/, '');
};

/** A column's type; DuckDB knows JSON as VARCHAR of another name. */
export const physicalOf = (type: DuckDBType): Physical => {
  const text = type.alias ?? String(type);
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) return { kind: 'list', item: physicalOf(type.valueType), text };
  if (type instanceof DuckDBMapType) return { kind: 'map', key: physicalOf(type.keyType), value: physicalOf(type.valueType), text };
  if (!(type instanceof DuckDBStructType)) return { kind: 'plain', name: nameOf(type), text };
  const fields = type.entryTypes.map((entry, at) => [type.entryNames[at] ?? '', physicalOf(entry)] as const);
  return { kind: 'struct', fields, text };
};
