/** Endpoints as tools of the Model Context Protocol: what a caller may ask, and how its arguments become a query. Pure. */
import { type CompiledEndpoint, type CompiledKey, err, ok, remembering, type Result } from '@offloader/contract';
import { grantedOf, isGranted } from './authorize.ts';
import { answeredColumns, byName, type JsonSchema, notesOf, pagingParams, paramSchema, paramText } from './describe-endpoint.ts';
import type { Live } from './serving.ts';

export type Tool = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: {
    readonly type: 'object';
    readonly properties: JsonSchema;
    readonly required: string[];
    readonly additionalProperties: false;
  };
  readonly annotations: { readonly readOnlyHint: true; readonly openWorldHint: false };
};

const describe = (endpoint: CompiledEndpoint): string => {
  const columns = answeredColumns(endpoint).map(({ name, type }) => `${name} ${type}`);
  return [
    endpoint.description ?? endpoint.name,
    `Rows of ${columns.join(', ')}.`,
    'Longer results come page by page: pass meta.next_cursor as cursor, with the same arguments.',
    ...notesOf(endpoint),
  ].join(' ');
};

/** What needs more than 53 bits comes as text: most clients keep no more in a number. */
const sendable = (schema: JsonSchema): JsonSchema => {
  if (schema['type'] === 'array' && 'items' in schema) return { ...schema, items: sendable(schema['items'] as JsonSchema) };
  return schema['format'] === 'int64' ? { ...schema, type: ['integer', 'string'], pattern: '^[+-]?[0-9]+$' } : schema;
};
const withText = (schema: JsonSchema, description: string | null): JsonSchema =>
  description === null ? schema : { ...schema, description };

/** Made once: an endpoint is described anew only when it is edited. */
const toolOf = remembering((endpoint: CompiledEndpoint): Tool => ({
  name: endpoint.name,
  title: endpoint.name,
  description: describe(endpoint),
  inputSchema: {
    type: 'object',
    properties: Object.fromEntries<JsonSchema>([
      ...endpoint.params.map((param): [string, JsonSchema] => [param.name, withText(sendable(paramSchema(param)), paramText(param))]),
      ...pagingParams(endpoint).map(({ name, schema, description }): [string, JsonSchema] => [name, withText(schema, description)]),
    ]),
    required: endpoint.params.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, openWorldHint: false },
}));

/** Whether a key may call it; without keys what needs none. */
export const isCallable = (endpoint: CompiledEndpoint | undefined, key: CompiledKey | null): endpoint is CompiledEndpoint =>
  endpoint !== undefined && (key === null ? endpoint.tenantColumn === null : isGranted(key, endpoint));

/** So many tools are described at a time: thousands would hold up everybody else, and no model reads them. */
const pageSize = 200;
const sortedOf = remembering(byName);

/** The tools of a key whose names come after `cursor`, in order, and where the next page begins. */
export const toolPage = (live: Live, key: CompiledKey | null, cursor = ''): { tools: Tool[]; nextCursor?: string } => {
  const sorted = sortedOf(live.endpoints);
  const callable = key === null ? sorted.filter((endpoint) => isCallable(endpoint, key)) : grantedOf(key, sorted);
  const rest = callable.filter(({ name }) => name > cursor);
  const page = rest.slice(0, pageSize);
  const last = rest.length > pageSize ? page.at(-1) : undefined;
  return { tools: page.map(toolOf), ...(last === undefined ? {} : { nextCursor: last.name }) };
};

/** What a JSON text says; null where a number of it is not what JavaScript makes of it, as beyond 2^53. */
export const exactJson = (text: string): unknown => {
  const inexact: number[] = [];
  const value: unknown = JSON.parse(text, (_name, member: unknown, { source }: { source?: string } = {}) => {
    if (typeof member === 'number' && !Number.isSafeInteger(member) && String(member) !== source) inexact.push(member);
    return member;
  });
  return inexact.length === 0 ? value : null;
};

const scalar = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
/** Its digits were lost before they came here. */
const isInexact = (value: unknown): boolean => Number.isInteger(value) && !Number.isSafeInteger(value);

/** Arguments as a query string: a list is separated by commas, null is left out. The error says what cannot be sent. */
export const queryOf = (args: Readonly<Record<string, unknown>>): Result<string, string> => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) {
    if (value === null || value === undefined) continue;
    const members = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    if (members.some(isInexact)) return err('an integer beyond 2^53 loses digits as a JSON number; send it as text');
    const parts = members.map(scalar);
    if (parts.some((part) => part === null)) return err('arguments are text, numbers, booleans or lists of them');
    query.append(name, parts.join(','));
  }
  return ok(query.toString());
};
