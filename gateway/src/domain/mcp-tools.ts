/** Endpoints as tools of the Model Context Protocol: what a caller may ask, and how its arguments become a query. Pure. */
import { type CompiledEndpoint, type CompiledKey, err, ok, type Result } from '@offloader/contract';
import { isGranted } from './authorize.ts';
import { answeredColumns, byName, type JsonSchema, pagingParams, paramSchema } from './describe-endpoint.ts';
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
    ...(endpoint.deprecation === null ? [] : ['Deprecated.']),
  ].join(' ');
};

const withText = (schema: JsonSchema, description: string | null): JsonSchema =>
  description === null ? schema : { ...schema, description };

export const toolOf = (endpoint: CompiledEndpoint): Tool => ({
  name: endpoint.name,
  title: endpoint.name,
  description: describe(endpoint),
  inputSchema: {
    type: 'object',
    properties: Object.fromEntries<JsonSchema>([
      ...endpoint.params.map((param): [string, JsonSchema] => [param.name, withText(paramSchema(param), param.description)]),
      ...pagingParams(endpoint).map(({ name, schema, description }): [string, JsonSchema] => [name, withText(schema, description)]),
    ]),
    required: endpoint.params.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, openWorldHint: false },
});

/** The endpoints that a key may call, by name; without keys those that need none. */
export const callable = (live: Live, key: CompiledKey | null): readonly CompiledEndpoint[] =>
  byName(live.endpoints).filter((endpoint) => (key === null ? endpoint.tenantColumn === null : isGranted(key, endpoint)));

const scalar = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;

/** Arguments as a query string: a list is separated by commas, null is left out. The error is the name of what cannot be sent. */
export const queryOf = (args: Readonly<Record<string, unknown>>): Result<string, string> => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) {
    if (value === null || value === undefined) continue;
    const parts = (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map(scalar);
    if (parts.some((part) => part === null)) return err(name);
    query.append(name, parts.join(','));
  }
  return ok(query.toString());
};
