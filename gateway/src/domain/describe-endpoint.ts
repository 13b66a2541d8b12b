/** What the three documents (OpenAPI, /schema, catalogue) say of an endpoint, once. Pure. */
import { type CompiledEndpoint, type CompiledParam, type ColumnType, maxMatchedLength, type Select } from '@offloader/contract';

export type JsonSchema = Readonly<Record<string, unknown>>;

export const pathOf = ({ name }: CompiledEndpoint): string => `/v1/endpoints/${name}`;

/** What the rows hold in a column: an aggregate has a type of its own. */
export const answeredType = ({ agg, type }: Select): ColumnType => {
  if (agg === 'count' || agg === 'count_distinct') return 'BIGINT';
  if (agg === 'avg') return 'DOUBLE';
  return agg === 'sum' && type === 'INTEGER' ? 'BIGINT' : type;
};

const columnSchemas: Readonly<Record<ColumnType, JsonSchema>> = {
  VARCHAR: { type: ['string', 'null'] },
  BOOLEAN: { type: ['boolean', 'null'] },
  INTEGER: { type: ['integer', 'null'], format: 'int32' },
  BIGINT: { type: ['integer', 'null'], format: 'int64' },
  DOUBLE: { type: ['number', 'null'], format: 'double' },
  DATE: { type: ['string', 'null'], format: 'date' },
  TIMESTAMP: { type: ['string', 'null'], description: 'YYYY-MM-DDTHH:MM:SS.ffffff, UTC without zone' },
  JSON: { description: 'any JSON value' },
};

const examples: Readonly<Record<ColumnType, unknown>> = {
  VARCHAR: 'text',
  BOOLEAN: true,
  INTEGER: 1,
  BIGINT: 1,
  DOUBLE: 1.5,
  DATE: '2026-01-31',
  TIMESTAMP: '2026-01-31T12:00:00.000000',
  JSON: {},
};

const answered = ({ select, columns }: CompiledEndpoint): readonly Select[] => select.filter(({ as }) => columns.includes(as));

export type AnsweredColumn = { readonly name: string; readonly type: ColumnType; readonly nested: boolean };
export const answeredColumns = (endpoint: CompiledEndpoint): readonly AnsweredColumn[] =>
  answered(endpoint).map((select) => {
    const type = answeredType(select);
    return { name: select.as, type, nested: type === 'JSON' };
  });

export const rowSchema = (endpoint: CompiledEndpoint): JsonSchema => {
  const properties = Object.fromEntries(
    answered(endpoint).map((select) => {
      const isSum = select.agg === 'sum' && answeredType(select) === 'BIGINT';
      // A sum of 64-bit integers may need more than 64 bits.
      return [select.as, isSum ? { type: ['integer', 'null'] } : columnSchemas[answeredType(select)]];
    }),
  );
  return { type: 'object', properties };
};

export const exampleRow = (endpoint: CompiledEndpoint): Readonly<Record<string, unknown>> =>
  Object.fromEntries(answeredColumns(endpoint).map(({ name, type }) => [name, examples[type]]));

const paramSchemas: Readonly<Record<CompiledParam['type'], JsonSchema>> = {
  string: { type: 'string' },
  enum: { type: 'string' },
  integer: { type: 'integer', format: 'int64' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  date: { type: 'string', format: 'date' },
  timestamp: { type: 'string', format: 'date-time' },
};

const present = (entries: Readonly<Record<string, unknown>>): JsonSchema =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== null && value !== undefined));

/** One value's schema, or a list of them. Aliases stand beside the members: a client may send either. */
export const paramSchema = (param: CompiledParam): JsonSchema => {
  const aliases = Object.keys(param.aliases);
  const one = present({
    ...paramSchemas[param.type],
    enum: param.enum === null ? null : [...new Set([...param.enum, ...aliases])],
    minimum: param.min,
    maximum: param.max,
    minLength: param.minLength,
    maxLength: param.pattern === null ? param.maxLength : Math.min(param.maxLength ?? maxMatchedLength, maxMatchedLength),
    pattern: param.pattern,
  });
  return present({ ...(param.list ? { type: 'array', items: one } : one), default: param.default });
};

export type PagingParam = {
  readonly name: 'limit' | 'offset' | 'columns' | 'cursor';
  readonly type: string;
  readonly schema: JsonSchema;
  readonly description: string;
};

/** The parameters that every endpoint has. */
export const pagingParams = (endpoint: CompiledEndpoint): readonly PagingParam[] => {
  const { defaultLimit, maxLimit } = endpoint.pagination;
  return [
    { name: 'limit', type: 'integer', schema: { type: 'integer', minimum: 1, maximum: maxLimit, default: defaultLimit }, description: 'rows of a page' },
    { name: 'offset', type: 'integer', schema: { type: 'integer', format: 'int64', minimum: 0, default: 0 }, description: 'rows to skip' },
    {
      name: 'columns',
      type: 'string',
      schema: { type: 'array', items: { type: 'string', enum: endpoint.columns }, minItems: 1 },
      description: 'columns to answer, separated by commas; all when absent',
    },
    {
      name: 'cursor',
      type: 'string',
      schema: { type: 'string' },
      description: 'meta.next_cursor of the page before, with the same parameters',
    },
  ];
}; // prettier-ignore

export type ErrorCase = { readonly status: number; readonly family: string; readonly when: string };
const errorCases: readonly ErrorCase[] = [
  { status: 400, family: 'invalid_param', when: 'the request or its percent-encoding cannot be read' },
  { status: 401, family: 'unauthorized', when: 'there is no valid API key' },
  { status: 404, family: 'not_found', when: 'there is no such endpoint, or the key is not granted it' },
  { status: 405, family: 'invalid_param', when: 'the method is neither GET nor HEAD' },
  { status: 406, family: 'invalid_param', when: 'none of the types in Accept can be answered' },
  { status: 410, family: 'gone', when: 'the snapshot of the cursor is no longer kept' },
  { status: 413, family: 'invalid_param', when: 'the request has a body of more than 1 MB' },
  { status: 422, family: 'invalid_param', when: 'a parameter is unknown, missing, out of range or not allowed with the others' },
  { status: 429, family: 'rate_limited', when: "the key's limit is reached" },
  { status: 500, family: 'internal', when: 'something is wrong on our side' },
  { status: 503, family: 'not_ready', when: 'the data is not loaded yet' },
  { status: 503, family: 'busy', when: 'every connection is in use' },
  { status: 504, family: 'timeout', when: 'the query took too long' },
];

/** What can go wrong; without keys nobody is unauthorized or limited. */
export const errorsOf = (auth: 'required' | 'none'): readonly ErrorCase[] =>
  auth === 'required' ? errorCases : errorCases.filter(({ status }) => status !== 401 && status !== 429);

/** By name, so that documents differ only where the configuration does. */
export const byName = (endpoints: ReadonlyMap<string, CompiledEndpoint>): readonly CompiledEndpoint[] =>
  [...endpoints.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
