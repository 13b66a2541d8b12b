/** A Request on an endpoint as SQL: names quoted from the declaration, every value bound. */
import type { CompiledEndpoint, Filter, Select } from '@offloader/contract';
import type { Request } from './request.ts';
import { quoted, type Sql, type SqlValue } from './sql.ts';

const comparison = { eq: '=', ne: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** Collects values and hands out their placeholders. */
const createBinder = () => {
  const values: SqlValue[] = [];
  return {
    values,
    /** Cast to what the column compares with, so that zone maps can be used and text is never compared with numbers. */
    bind: (value: SqlValue, type: string): string => {
      values.push(typeof value === 'bigint' || typeof value === 'number' ? String(value) : value);
      return `CAST($${values.length} AS ${type})`;
    },
  };
};
type Binder = ReturnType<typeof createBinder>;

/** The SQL type of a bound value: what was sent, not the column's type, or 2.5 would be cut to 2 for an integer column. */
const boundType = (value: SqlValue, filter: Filter): string => {
  if (typeof value === 'bigint') return 'BIGINT';
  if (typeof value === 'number') return 'DOUBLE';
  if (typeof value === 'boolean') return 'BOOLEAN';
  if (filter.type === 'DATE') return typeof value === 'string' && value.length === 10 ? 'DATE' : 'TIMESTAMP';
  return filter.type === 'TIMESTAMP' ? 'TIMESTAMP' : 'VARCHAR';
};

const filterSql = (filter: Filter, value: SqlValue | readonly SqlValue[], { bind }: Binder): string => {
  const column = quoted(filter.column);
  const one = (item: SqlValue): string => bind(item, boundType(item, filter));
  if (Array.isArray(value)) return `${column} IN (${(value as readonly SqlValue[]).map(one).join(', ')})`;
  const single = value as SqlValue;
  switch (filter.op) {
    case 'is_null':
      return `${column} IS ${single === true ? '' : 'NOT '}NULL`;
    case 'like_prefix':
      return `starts_with(${column}, ${one(single)})`;
    case 'in':
      return `${column} = ${one(single)}`;
    default:
      return `${column} ${comparison[filter.op]} ${one(single)}`;
  }
};

const aggregates = {
  sum: (column: string) => `sum(${column})`,
  avg: (column: string) => `avg(${column})`,
  min: (column: string) => `min(${column})`,
  max: (column: string) => `max(${column})`,
  count: (column: string) => `count(${column})`,
  count_distinct: (column: string) => `count(DISTINCT ${column})`,
} as const;

const selectSql = ({ as, column, agg }: Select): string =>
  `${agg === null ? quoted(column) : aggregates[agg](quoted(column))} AS ${quoted(as)}`;

/**
 * The declared order, then what makes it the same every time. Groups differ in their plain columns, so these are enough for
 * them; rows that are equal in every selected column are interchangeable. A grand total is one row.
 */
const orderSql = ({ select, orderBy, groupBy }: CompiledEndpoint): string => {
  const isTotal = groupBy === null && select.every(({ agg }) => agg !== null);
  if (isTotal) return '';
  const position = (name: string): number => select.findIndex((one) => one.as === name) + 1;
  const declared = orderBy.map(({ column, dir }) => `${position(column)} ${dir === 'desc' ? 'DESC' : 'ASC'} NULLS LAST`);
  const ties = select.flatMap(({ as, agg }, at) =>
    agg !== null || orderBy.some((order) => order.column === as) ? [] : [`${at + 1} ASC NULLS LAST`],
  );
  return ` ORDER BY ${[...declared, ...ties].join(', ')}`;
};

const whereSql = (endpoint: CompiledEndpoint, request: Request, tenant: string | null, binder: Binder): string => {
  // The tenant comes from the key alone and is ANDed in, whatever else is asked. Without one this matches nothing.
  const scoped = endpoint.tenantColumn === null ? [] : [`${quoted(endpoint.tenantColumn)} = ${binder.bind(tenant, 'VARCHAR')}`];
  const conditions = endpoint.filters.flatMap((filter) => {
    const value = request.values.get(filter.param);
    return value === undefined ? [] : [filterSql(filter, value, binder)];
  });
  const all = [...scoped, ...conditions];
  return all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`;
};

export type Asked = {
  readonly endpoint: CompiledEndpoint;
  readonly request: Request;
  readonly tenant: string | null;
  /** SQL text of the leased Serving. */
  readonly relation: string;
};

/** One page and, with `extra`, rows beyond it: one more tells whether there is a next page. */
export const pageSql = ({ endpoint, request, tenant, relation }: Asked, extra: 0 | 1): Sql => {
  const binder = createBinder();
  const where = whereSql(endpoint, request, tenant, binder);
  const groupBy = endpoint.groupBy === null ? '' : ` GROUP BY ${endpoint.groupBy.map(quoted).join(', ')}`;
  const select = endpoint.select.map(selectSql).join(', ');
  const page = `LIMIT ${request.limit + extra} OFFSET ${request.offset}`;
  return { text: `SELECT ${select} FROM ${relation}${where}${groupBy}${orderSql(endpoint)} ${page}`, values: binder.values };
};

/** Parquet has no 128-bit integer, and DuckDB would write a sum of integers as DOUBLE: a decimal keeps its digits. */
const parquetColumn = ({ as, agg, type }: Select): string =>
  agg === 'sum' && (type === 'INTEGER' || type === 'BIGINT') ? `CAST(${quoted(as)} AS DECIMAL(38,0)) AS ${quoted(as)}` : quoted(as);

/** The same page as a Parquet file. `file` is SQL text of a literal of our own making. */
export const parquetSql = (asked: Asked, file: string): Sql => {
  const { text, values } = pageSql(asked, 0);
  const columns = asked.endpoint.select.filter(({ as }) => asked.request.columns.includes(as)).map(parquetColumn);
  return { text: `COPY (SELECT ${columns.join(', ')} FROM (${text})) TO ${file} (FORMAT parquet)`, values };
};
