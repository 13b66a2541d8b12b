/** What the documents (OpenAPI, /schema, the catalogue, the tools) say of an endpoint, once. Pure. */
import { type CompiledEndpoint, type CompiledParam, type ColumnType, maxMatchedLength, type Select } from '@offloader/contract';
import { type ErrorCase, errorCases } from './error-codes.ts';
import { setText } from './request.ts';

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

const aliasText = ({ aliases }: CompiledParam): string | null => {
  const pairs = Object.entries(aliases).map(([alias, value]) => `${alias} for ${value}`);
  return pairs.length === 0 ? null : `Also taken: ${pairs.join(', ')}.`;
};
/** A parameter's description, and what its schema cannot say; null when there is nothing to say. */
export const paramText = (param: CompiledParam): string | null => {
  const said = [param.description, aliasText(param)].filter((text) => text !== null);
  return said.length === 0 ? null : said.join(' ');
};

const combinationText = ({ combinations }: CompiledEndpoint): string | null =>
  combinations === null ? null : `Besides those of paging, the parameters ${combinations.map(setText).join(' or ')} may be sent together.`;
const deprecationText = ({ deprecation }: CompiledEndpoint): string | null => {
  if (deprecation === null) return null;
  const { since, sunset, successor } = deprecation;
  const said = [since && `since ${since}`, sunset && `ends ${sunset}`, successor && `use ${successor}`].filter(Boolean);
  return `Deprecated${said.length === 0 ? '' : `: ${said.join(', ')}`}.`;
};
/** What no schema of a parameter can say. */
export const notesOf = (endpoint: CompiledEndpoint): readonly string[] =>
  [combinationText(endpoint), deprecationText(endpoint)].filter((text) => text !== null);

/** The bounds of a declaration, those that it has. */
export const boundsOf = ({ min, max, minLength, maxLength, pattern }: CompiledParam): JsonSchema =>
  present({ min, max, minLength, maxLength, pattern });

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

/** What can go wrong with a request to an endpoint; without keys nobody is unauthorized or limited. */
export const errorsOf = (auth: 'required' | 'none'): readonly ErrorCase[] =>
  errorCases.filter(({ code, status }) => code !== 'batch' && (auth === 'required' || (status !== 401 && status !== 429)));

/** By name, so that documents differ only where the configuration does. */
export const byName = (endpoints: ReadonlyMap<string, CompiledEndpoint>): readonly CompiledEndpoint[] =>
  [...endpoints.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
