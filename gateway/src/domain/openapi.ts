/** The OpenAPI 3.1 document of what is served now. Pure. */
import type { CompiledEndpoint, CompiledParam } from '@offloader/contract';
import type { Edge } from './answer-headers.ts';
import { byName, type JsonSchema, notesOf, pagingParams, paramSchema, paramText, pathOf } from './describe-endpoint.ts';
import { responseComponents, responsesOf } from './openapi-responses.ts';
import type { Described, Live } from './serving.ts';

const declaredParam = (param: CompiledParam): JsonSchema => {
  const description = paramText(param);
  return {
    name: param.name,
    in: 'query',
    required: param.required,
    ...(description === null ? {} : { description }),
    ...(param.list ? { style: 'form', explode: false } : {}),
    ...(Object.keys(param.aliases).length === 0 ? {} : { 'x-aliases': param.aliases }),
    schema: paramSchema(param),
  };
};

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

const operation = (endpoint: CompiledEndpoint, auth: Live['auth'], edge: Edge): JsonSchema => {
  const notes = notesOf(endpoint);
  return {
    operationId: endpoint.name,
    summary: endpoint.description ?? endpoint.name,
    ...(notes.length === 0 ? {} : { description: notes.join(' ') }),
    ...(endpoint.owner === null ? {} : { tags: [endpoint.owner] }),
    ...(endpoint.deprecation === null ? {} : { deprecated: true }),
    ...(endpoint.combinations === null ? {} : { 'x-parameter-combinations': endpoint.combinations }),
    'x-version': endpoint.version,
    parameters: parametersOf(endpoint),
    responses: responsesOf(endpoint, auth, edge),
    security: auth === 'none' ? [] : [{ bearerAuth: [] }],
  };
};

const description = [
  'Rows come as JSON, or with a suffix of the path or by Accept as CSV, NDJSON, Arrow or Parquet.',
  'For the next page send the same parameters and cursor=meta.next_cursor; it is null on the last one.',
  'Of a parameter that is sent twice the last value counts; of a list one parameter holds all, separated by commas.',
].join(' ');

/** What the gateway says of itself: its version, where consumers reach it when that is known, and what its edge adds. */
export type About = { readonly version: string; readonly publicUrl: string | null; readonly edge: Edge };

export const openapiDocument = (live: Described, { version, publicUrl, edge }: About): JsonSchema => {
  const endpoints = byName(live.endpoints);
  return {
    openapi: '3.1.0',
    info: { title: 'Offloader', version, description, 'x-config-revision': live.revision },
    servers: [publicUrl === null ? { url: '/', description: 'the API port of the gateway' } : { url: publicUrl }],
    paths: Object.fromEntries(endpoints.map((endpoint) => [pathOf(endpoint), { get: operation(endpoint, live.auth, edge) }])),
    components: {
      ...responseComponents(endpoints, live.auth, edge),
      ...(live.auth === 'none' ? {} : { securitySchemes: { bearerAuth: { type: 'http', scheme: 'bearer' } } }),
    },
  };
};
