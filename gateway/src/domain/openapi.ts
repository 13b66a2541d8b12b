/** The OpenAPI 3.1 document of what is served now. Pure. */
import type { CompiledEndpoint, CompiledParam } from '@offloader/contract';
import {
  byName,
  type ErrorCase,
  errorsOf,
  exampleRow,
  type JsonSchema,
  pagingParams,
  paramSchema,
  pathOf,
  rowSchema,
} from './describe-endpoint.ts';
import { formats, mediaTypes } from './format.ts';
import type { Described, Live } from './serving.ts';

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const declaredParam = (param: CompiledParam): JsonSchema => ({
  name: param.name,
  in: 'query',
  required: param.required,
  ...(param.description === null ? {} : { description: param.description }),
  ...(param.list ? { style: 'form', explode: false } : {}),
  schema: paramSchema(param),
});

const parametersOf = (endpoint: CompiledEndpoint): readonly JsonSchema[] => [
  ...endpoint.params.map(declaredParam),
  ...pagingParams(endpoint).map(({ name, description, schema }) => ({
    name,
    in: 'query',
    required: false,
    description,
    ...(schema['type'] === 'array' ? { style: 'form', explode: false } : {}),
    schema,
  })),
];

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

const okResponse = (endpoint: CompiledEndpoint): JsonSchema => ({
  description: 'the rows',
  headers: { ETag: { schema: { type: 'string' } }, 'x-request-id': { schema: { type: 'string' } } },
  content: Object.fromEntries(
    formats.map((format) => [
      mediaTypes[format],
      format === 'json' ? { schema: answerSchema(endpoint), examples: { row: { value: exampleAnswer(endpoint) } } } : {},
    ]),
  ),
});

/** One response per status; families that share one stand in its description. */
const errorResponses = (cases: readonly ErrorCase[]): JsonSchema =>
  Object.fromEntries(
    [...new Set(cases.map(({ status }) => status))].map((status) => {
      const same = cases.filter((one) => one.status === status);
      return [
        String(status),
        {
          description: same.map(({ family, when }) => `${family}: ${when}`).join('; '),
          ...(status === 503 || status === 429 ? { headers: { 'Retry-After': { schema: { type: 'integer' } } } } : {}),
          content: { 'application/json': { schema: ref('Error') } },
        },
      ];
    }),
  );

const operation = (endpoint: CompiledEndpoint, auth: Live['auth']): JsonSchema => ({
  operationId: endpoint.name,
  summary: endpoint.description ?? endpoint.name,
  ...(endpoint.owner === null ? {} : { tags: [endpoint.owner] }),
  ...(endpoint.deprecation === null ? {} : { deprecated: true }),
  'x-version': endpoint.version,
  parameters: parametersOf(endpoint),
  responses: {
    200: okResponse(endpoint),
    304: { description: 'what If-None-Match names is still current' },
    ...errorResponses(errorsOf(auth)),
  },
  security: auth === 'none' ? [] : [{ bearerAuth: [] }],
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
        code: { type: 'string' },
        message: { type: 'string' },
        param: { type: 'string' },
      },
    },
    meta: required({ request_id: { type: 'string' } }),
  }),
};

/** What the gateway says of itself: its version, and where consumers reach it when that is known. */
export type About = { readonly version: string; readonly publicUrl: string | null };

export const openapiDocument = (live: Described, { version, publicUrl }: About): JsonSchema => ({
  openapi: '3.1.0',
  info: { title: 'Offloader', version, 'x-config-revision': live.revision },
  servers: [publicUrl === null ? { url: '/', description: 'the API port of the gateway' } : { url: publicUrl }],
  paths: Object.fromEntries(byName(live.endpoints).map((endpoint) => [pathOf(endpoint), { get: operation(endpoint, live.auth) }])),
  components: {
    schemas,
    ...(live.auth === 'none' ? {} : { securitySchemes: { bearerAuth: { type: 'http', scheme: 'bearer' } } }),
  },
});
