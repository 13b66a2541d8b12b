/** The answers of an endpoint in the OpenAPI document: rows of its own, and what all endpoints share. Pure. */
import type { CompiledEndpoint } from '@offloader/contract';
import { type Edge, headerOf, type HeaderName, headersOf } from './answer-headers.ts';
import { errorsOf, exampleRow, type JsonSchema, rowSchema } from './describe-endpoint.ts';
import { formats, mediaTypes } from './format.ts';
import type { Live } from './serving.ts';

const component = (kind: 'schemas' | 'headers' | 'responses', name: string): JsonSchema => ({ $ref: `#/components/${kind}/${name}` });
const ref = (name: string): JsonSchema => component('schemas', name);
const headerRefs = (names: readonly HeaderName[]): JsonSchema =>
  Object.fromEntries(names.map((name) => [name, component('headers', name)]));

const answerSchema = (endpoint: CompiledEndpoint): JsonSchema => ({
  type: 'object',
  required: ['data', 'meta'],
  properties: { data: { type: 'array', items: rowSchema(endpoint) }, meta: ref('Meta') },
});

const exampleAnswer = (endpoint: CompiledEndpoint): JsonSchema => ({
  data: [exampleRow(endpoint)],
  meta: {
    request_id: '5f0c6f0e-8f4e-4b7e-9d3a-0c5b9c1d2e3f',
    endpoint: endpoint.name,
    version: endpoint.version,
    snapshot_id: '2026-01-31',
    generated_at: '2026-01-31T13:00:00.000Z',
    row_count: 1,
    serving_mode: endpoint.servingMode === 'LocalTable' ? 'local_table' : 'remote_scan',
    cache: endpoint.cache === 'None' ? 'off' : 'miss',
    freshness: {
      watermark: '2026-01-31T12:00:00Z',
      age_seconds: 3600,
      max_staleness_minutes: endpoint.maxStalenessMs === null ? null : endpoint.maxStalenessMs / 60_000,
      stale: false,
    },
    next_cursor: null,
  },
});

const okResponse = (endpoint: CompiledEndpoint, headers: readonly HeaderName[]): JsonSchema => ({
  description: 'the rows',
  headers: headerRefs(headers),
  content: Object.fromEntries(
    formats.map((format) => [
      mediaTypes[format],
      format === 'json' ? { schema: answerSchema(endpoint), examples: { row: { value: exampleAnswer(endpoint) } } } : {},
    ]),
  ),
});
const unchanged = (headers: readonly HeaderName[]): JsonSchema => ({
  description: 'what If-None-Match names is still current',
  headers: headerRefs(headers),
});

const statusesOf = (auth: Live['auth']): readonly number[] => [...new Set(errorsOf(auth).map(({ status }) => status))];

const aboutOf = (auth: Live['auth'], isDeprecated: boolean) => ({ hasKeys: auth !== 'none', isDeprecated });
const unchangedName = (isDeprecated: boolean): string => (isDeprecated ? 'UnchangedDeprecated' : 'Unchanged');

/** By status. Only the rows are an endpoint's own; the document of thousands refers to the rest. */
export const responsesOf = (endpoint: CompiledEndpoint, auth: Live['auth'], edge: Edge): JsonSchema => {
  const isDeprecated = endpoint.deprecation !== null;
  return {
    200: okResponse(endpoint, headersOf(200, edge, aboutOf(auth, isDeprecated))),
    304: component('responses', unchangedName(isDeprecated)),
    ...Object.fromEntries(statusesOf(auth).map((status) => [status, component('responses', `Error${status}`)])),
  };
};

/** The codes that share a status stand in its description. */
const errorResponse = (status: number, auth: Live['auth'], edge: Edge): JsonSchema => ({
  description: errorsOf(auth)
    .filter((one) => one.status === status)
    .map(({ code, meaning }) => `${code}: ${meaning}`)
    .join('; '),
  headers: headerRefs(headersOf(status, edge, aboutOf(auth, false))),
  content: { 'application/json': { schema: ref('Error') } },
});

const nullable = (type: string, format?: string): JsonSchema => ({ type: [type, 'null'], ...(format === undefined ? {} : { format }) });
const required = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});

const schemas: JsonSchema = {
  Freshness: required({
    watermark: nullable('string', 'date-time'),
    age_seconds: nullable('integer'),
    max_staleness_minutes: nullable('number'),
    stale: { type: 'boolean' },
  }),
  Meta: required({
    request_id: { type: 'string' },
    endpoint: { type: 'string' },
    version: { type: 'integer' },
    snapshot_id: { type: 'string' },
    generated_at: { type: 'string', format: 'date-time' },
    row_count: { type: 'integer' },
    serving_mode: { type: 'string', enum: ['local_table', 'remote_scan'] },
    cache: { type: 'string', enum: ['hit', 'miss', 'off'] },
    freshness: ref('Freshness'),
    next_cursor: nullable('string'),
  }),
  Error: required({
    error: {
      type: 'object',
      required: ['family', 'code', 'message'],
      properties: {
        family: { type: 'string', enum: [...new Set(errorsOf('required').map(({ family }) => family))] },
        code: { type: 'string', enum: errorsOf('required').map(({ code }) => code) },
        message: { type: 'string' },
        param: { type: 'string' },
      },
    },
    meta: required({ request_id: { type: 'string' } }),
  }),
};

/** What the responses of these endpoints refer to. */
export const responseComponents = (endpoints: readonly CompiledEndpoint[], auth: Live['auth'], edge: Edge): JsonSchema => {
  const statuses = statusesOf(auth);
  const forms = [...new Set(endpoints.map(({ deprecation }) => deprecation !== null))];
  const headers = [200, 304, ...statuses].flatMap((status) =>
    [false, ...forms].flatMap((isDeprecated) => headersOf(status, edge, aboutOf(auth, isDeprecated))),
  );
  return {
    schemas,
    headers: Object.fromEntries([...new Set(headers)].map((name) => [name, headerOf(name)])),
    responses: Object.fromEntries([
      ...forms.map((isDeprecated) => [unchangedName(isDeprecated), unchanged(headersOf(304, edge, aboutOf(auth, isDeprecated)))] as const),
      ...statuses.map((status) => [`Error${status}`, errorResponse(status, auth, edge)] as const),
    ]),
  };
};
