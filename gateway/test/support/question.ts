// Random endpoints and random requests to them, and what DuckDB says to the same question: written from the contract, not from the gateway.
import fc from 'fast-check';

type ColumnType = 'VARCHAR' | 'DATE' | 'TIMESTAMP' | 'INTEGER' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN';
export const columns: Readonly<Record<string, ColumnType>> = {
  area: 'VARCHAR',
  label: 'VARCHAR',
  day: 'DATE',
  seen_at: 'TIMESTAMP',
  small: 'INTEGER',
  big: 'BIGINT',
  amount: 'DOUBLE',
  paid: 'BOOLEAN',
};
export const tenants = ['acme', 'beta', 'gamma'] as const;
const areas = ['north', 'south', 'east', 'we"st', "o'hare", ''];
const names = Object.keys(columns);

/** A SELECT of `count` rows whose every value follows from its number; NULLs in every column but the tenant's. */
export const rowsSql = (from: number, count: number): string => {
  const pick = (seed: number, n: number): string => `(hash(i * 31 + ${seed}) % ${n})::INTEGER`;
  const nullable = (seed: number, sql: string): string => `CASE WHEN ${pick(seed + 1000, 9)} = 0 THEN NULL ELSE ${sql} END`;
  const list = (values: readonly string[]): string => `[${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')}]`;
  return `SELECT ${list(tenants)}[1 + ${pick(1, tenants.length)}] AS tenant_id,
    ${nullable(2, `${list(areas)}[1 + ${pick(2, areas.length)}]`)} AS area,
    ${nullable(3, `'l' || ${pick(3, 40)}`)} AS label,
    ${nullable(4, `DATE '2026-01-01' + ${pick(4, 20)}`)} AS day,
    ${nullable(5, `TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (${pick(5, 400)}) HOUR`)} AS seen_at,
    ${nullable(6, `${pick(6, 50)} - 25`)}::INTEGER AS small,
    ${nullable(7, `${pick(7, 1000)}::BIGINT * 4000000000`)} AS big,
    ${nullable(8, `(${pick(8, 400)} - 200) / 4.0`)}::DOUBLE AS amount,
    ${nullable(9, `${pick(9, 2)} = 1`)} AS paid
    FROM range(${from}, ${from + count}) r(i)`;
};

type Op = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'in' | 'like_prefix' | 'is_null';
export type Filter = { readonly column: string; readonly op: Op; readonly param: string };
export type Param = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date' | 'timestamp' | 'enum';
  readonly list?: boolean;
  readonly required?: boolean;
  readonly default?: string;
  readonly enum?: readonly string[];
  readonly aliases?: Readonly<Record<string, string>>;
};
type Select = { readonly as: string; readonly column: string; readonly agg?: string };
export type Question = {
  readonly tenantScoped: boolean;
  readonly params: readonly Param[];
  readonly query: {
    readonly select: readonly Select[];
    readonly filters: readonly Filter[];
    readonly groupBy?: readonly string[];
    readonly orderBy: readonly { readonly column: string; readonly dir: 'asc' | 'desc' }[];
  };
  readonly columns: readonly string[];
};

const paramTypes: Readonly<Record<ColumnType, Param['type']>> = {
  VARCHAR: 'string',
  DATE: 'date',
  TIMESTAMP: 'timestamp',
  INTEGER: 'integer',
  BIGINT: 'integer',
  DOUBLE: 'number',
  BOOLEAN: 'boolean',
};
const opsOf = (type: ColumnType): readonly Op[] => {
  if (type === 'BOOLEAN') return ['eq', 'ne', 'is_null'];
  const comparing: readonly Op[] = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'is_null'];
  return type === 'VARCHAR' ? [...comparing, 'like_prefix'] : comparing;
};

const filterArb = fc.constantFrom(...names).chain((column) => fc.constantFrom(...opsOf(columns[column]!)).map((op) => ({ column, op })));
type Shape = { readonly column: string; readonly op: Op; readonly required: boolean; readonly isEnum: boolean };
const paramOf = ({ column, op, required, isEnum }: Shape, at: number): Param => {
  const name = `p${at}`;
  if (op === 'is_null') return { name, type: 'boolean', required };
  if (isEnum && column === 'area' && (op === 'eq' || op === 'ne'))
    return {
      name,
      type: 'enum',
      enum: ['north', 'south', 'east'],
      aliases: { n: 'north' },
      required,
      ...(required ? {} : { default: 'south' }),
    };
  return { name, type: paramTypes[columns[column]!], required, ...(op === 'in' ? { list: true } : {}) };
};

const aggregateArb: fc.Arbitrary<Select> = fc
  .record({ column: fc.constantFrom(...names), agg: fc.constantFrom('count', 'count_distinct', 'min', 'max', 'sum', 'avg') })
  .map(({ column, agg }) => {
    const isNumber = ['INTEGER', 'BIGINT', 'DOUBLE'].includes(columns[column]!);
    const usable = (agg === 'sum' || agg === 'avg') && !isNumber ? 'count' : agg;
    return { as: `${usable}_${column}`, column, agg: usable };
  });
const unique = <T>(list: readonly T[], key: (one: T) => string): readonly T[] => [...new Map(list.map((one) => [key(one), one])).values()];

type SelectShape = { readonly select: readonly Select[]; readonly groupBy: readonly string[] | null };
const selectArb: fc.Arbitrary<SelectShape> = fc.oneof(
  fc
    .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 8 })
    .map((list) => ({ select: list.map((name): Select => ({ as: name, column: name })), groupBy: null })),
  fc.array(aggregateArb, { minLength: 1, maxLength: 4 }).map((list) => ({ select: unique(list, ({ as }) => as), groupBy: null })),
  fc
    .tuple(
      fc.uniqueArray(fc.constantFrom('area', 'day', 'paid', 'small'), { minLength: 1, maxLength: 2 }),
      fc.array(aggregateArb, { minLength: 1, maxLength: 3 }),
    )
    .map(([keys, list]) => ({
      select: [...keys.map((name): Select => ({ as: `by_${name}`, column: name })), ...unique(list, ({ as }) => as)],
      groupBy: keys.map((name) => `by_${name}`),
    })),
);

export const questionArb: fc.Arbitrary<Question> = fc
  .record({
    tenantScoped: fc.boolean(),
    shape: selectArb,
    filters: fc.array(fc.record({ filter: filterArb, required: fc.boolean(), isEnum: fc.boolean() }), { maxLength: 4 }),
    order: fc.array(fc.record({ pick: fc.nat(20), dir: fc.constantFrom('asc' as const, 'desc' as const) }), { maxLength: 2 }),
  })
  .map(({ tenantScoped, shape, filters, order }) => {
    const shapes = filters.map(({ filter, required, isEnum }) => ({ ...filter, required, isEnum }));
    const ordered = order.map(({ pick, dir }) => ({ column: shape.select[pick % shape.select.length]!.as, dir }));
    return {
      tenantScoped,
      params: shapes.map(paramOf),
      query: {
        select: shape.select,
        filters: shapes.map(({ column, op }, at) => ({ column, op, param: `p${at}` })),
        ...(shape.groupBy === null ? {} : { groupBy: shape.groupBy }),
        orderBy: unique(ordered, ({ column }) => column),
      },
      columns: shape.select.map(({ as }) => as),
    };
  });

const valueArb = (param: Param, column: string): fc.Arbitrary<string> => {
  const two = (n: number): string => String(n).padStart(2, '0');
  switch (param.type) {
    case 'enum':
      return fc.constantFrom('north', 'south', 'east', 'n');
    case 'boolean':
      return fc.constantFrom('true', 'false');
    case 'date':
      return fc.integer({ min: 1, max: 28 }).map((day) => `2026-01-${two(day)}`);
    case 'timestamp':
      return fc.integer({ min: 0, max: 420 }).map((hour) => new Date(Date.UTC(2026, 0, 1, hour)).toISOString().replace('.000Z', 'Z'));
    case 'integer':
      return column === 'big' ? fc.nat(1000).map((n) => String(n * 4_000_000_000)) : fc.integer({ min: -30, max: 30 }).map(String);
    case 'number':
      return fc.integer({ min: -200, max: 200 }).map((n) => String(n / 4));
    case 'string':
      return column === 'area'
        ? fc.constantFrom(...areas, 'nor', "'; --")
        : fc.oneof(
            fc.nat(45).map((n) => `l${n}`),
            fc.constantFrom('l', 'l1', '%', '_'),
          );
  }
};

export type Asked = {
  readonly tenant: (typeof tenants)[number];
  /** By parameter; a list has several values. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  readonly limit: number;
  readonly columns: readonly string[] | null;
};
/** A request that the endpoint takes: what is required is there, what is optional may be. */
export const askedArb = ({ params, query, columns: answered }: Question): fc.Arbitrary<Asked> => {
  const values = params.map((param, at) => {
    const one = valueArb(param, query.filters[at]!.column);
    const several =
      param.list === true
        ? fc.array(
            one.filter((text) => text !== '' && !text.includes(',')),
            { minLength: 1, maxLength: 3 },
          )
        : one.map((text) => [text]);
    const given = several.map((list): [string, readonly string[]][] => [[param.name, list]]);
    return param.required === true ? given : fc.oneof(given, fc.constant([]));
  });
  return fc.record({
    tenant: fc.constantFrom(...tenants),
    values: fc.tuple(...values).map((lists) => Object.fromEntries(lists.flat())),
    limit: fc.constantFrom(90, 700, 5000),
    columns: fc.option(fc.subarray([...answered], { minLength: 1 }), { nil: null }),
  });
};

export const queryOf = ({ values, limit, columns: narrowed }: Asked): URLSearchParams =>
  new URLSearchParams([
    ...Object.entries(values).map(([name, list]): [string, string] => [name, list.join(',')]),
    ['limit', String(limit)],
    ...(narrowed === null ? [] : [['columns', narrowed.join(',')] as [string, string]]),
  ]);

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const literalOf = (param: Param, column: string, text: string): string => {
  if (param.type === 'enum') return quoted(param.aliases?.[text] ?? text);
  if (param.type === 'string') return quoted(text);
  if (param.type === 'timestamp') return `TIMESTAMP ${quoted(text.replace('T', ' ').replace('Z', ''))}`;
  if (param.type === 'date') return `DATE ${quoted(text)}`;
  return column === 'amount' ? `${text}::DOUBLE` : text;
};
const comparators: Readonly<Partial<Record<Op, string>>> = { eq: '=', ne: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' };
const condition = ({ column, op }: Filter, param: Param, texts: readonly string[]): string => {
  const values = texts.map((text) => literalOf(param, column, text));
  if (op === 'is_null') return `(${column} IS NULL) = ${values[0]!}`;
  if (op === 'in') return `${column} IN (${values.join(', ')})`;
  if (op === 'like_prefix') return `left(${column}, length(${values[0]!})) = ${values[0]!}`;
  return `${column} ${comparators[op]!} ${values[0]!}`;
};

/** A value as JSON shows it, numbers as doubles: every number here is one. */
const shown = ({ column, agg }: Select, sql: string): string => {
  const type = columns[column]!;
  const isCount = agg === 'count' || agg === 'count_distinct';
  if (isCount || ['INTEGER', 'BIGINT', 'DOUBLE'].includes(type)) return `(${sql})::DOUBLE`;
  if (type === 'DATE') return `strftime(${sql}, '%Y-%m-%d')`;
  return type === 'TIMESTAMP' ? `strftime(${sql}, '%Y-%m-%dT%H:%M:%S.%f')` : sql;
};
const plainSql = ({ column, agg }: Select): string =>
  agg === undefined ? column : agg === 'count_distinct' ? `count(DISTINCT ${column})` : `${agg}(${column})`;

/** The same question to the source files: `table` is what stands after FROM. Every row, in the order asked for. */
export const oracleSql = (question: Question, asked: Asked, table: string): string => {
  const { select, filters, groupBy, orderBy } = question.query;
  const where = filters.flatMap((filter, at) => {
    const param = question.params[at]!;
    const texts = asked.values[param.name] ?? (param.default === undefined ? null : [param.default]);
    return texts === null ? [] : [condition(filter, param, texts)];
  });
  if (question.tenantScoped) where.push(`tenant_id = ${quoted(asked.tenant)}`);
  const groups = (groupBy ?? []).map((name) => select.find(({ as }) => as === name)!.column);
  const orders = orderBy.map(({ column, dir }) => `${plainSql(select.find(({ as }) => as === column)!)} ${dir} NULLS LAST`);
  return [
    `SELECT ${select.map((one) => `${shown(one, plainSql(one))} AS "${one.as}"`).join(', ')} FROM ${table}`,
    where.length === 0 ? '' : `WHERE ${where.map((one) => `(${one})`).join(' AND ')}`,
    groups.length === 0 ? '' : `GROUP BY ${groups.join(', ')}`,
    orders.length === 0 ? '' : `ORDER BY ${orders.join(', ')}`,
  ].join(' ');
};
