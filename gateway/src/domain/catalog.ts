/** The catalogue: endpoints as people want to know them. Pure. */
import type { CompiledEndpoint } from '@offloader/contract';
import { answeredColumns, boundsOf, byName, errorsOf, exampleRow, type JsonSchema, pagingParams, pathOf } from './describe-endpoint.ts';
import { formats, mediaTypes } from './format.ts';
import type { Described, Live } from './serving.ts';

const declared = (endpoint: CompiledEndpoint): readonly JsonSchema[] =>
  endpoint.params.map((param) => ({
    name: param.name,
    type: param.type,
    list: param.list,
    required: param.required,
    description: param.description,
    default: param.default,
    enum: param.enum,
    aliases: param.aliases,
    ...boundsOf(param),
  }));

const paging = (endpoint: CompiledEndpoint): readonly JsonSchema[] =>
  pagingParams(endpoint).map(({ name, type, description, schema }) => ({
    name,
    type,
    list: name === 'columns',
    required: false,
    description,
    default: schema['default'] ?? null,
    enum: name === 'columns' ? endpoint.columns : null,
    aliases: {},
    ...(name === 'limit' ? { min: schema['minimum'], max: schema['maximum'] } : {}),
  }));

const example = (endpoint: CompiledEndpoint): JsonSchema => ({
  data: [exampleRow(endpoint)],
  meta: { endpoint: endpoint.name, version: endpoint.version, row_count: 1, next_cursor: null },
});

/** Codes of one status and family are one line for people. */
const failures = (auth: Live['auth']): readonly JsonSchema[] =>
  Object.values(Object.groupBy(errorsOf(auth), ({ status, family }) => `${status} ${family}`)).flatMap((same = []) =>
    same.slice(0, 1).map(({ status, family }) => ({
      status,
      family,
      codes: same.map(({ code }) => code),
      when: same.map(({ meaning }) => meaning).join('; '),
    })),
  );

const endpointEntry = (endpoint: CompiledEndpoint, auth: Live['auth']): JsonSchema => ({
  name: endpoint.name,
  version: endpoint.version,
  owner: endpoint.owner,
  description: endpoint.description,
  method: 'GET',
  path: pathOf(endpoint),
  auth: { scope: auth === 'none' ? 'public' : 'key', tenant: endpoint.tenantColumn !== null },
  params: [...declared(endpoint), ...paging(endpoint)],
  combinations: endpoint.combinations,
  pagination: { default_limit: endpoint.pagination.defaultLimit, max_limit: endpoint.pagination.maxLimit },
  response: {
    columns: answeredColumns(endpoint),
    formats: formats.map((format) => ({ suffix: `.${format}`, media_type: mediaTypes[format] })),
    example: example(endpoint),
  },
  freshness_minutes: endpoint.maxStalenessMs === null ? null : endpoint.maxStalenessMs / 60_000,
  deprecation: endpoint.deprecation,
  errors: failures(auth),
});

const notes = {
  required: 'Send the API key as Authorization: Bearer <key>',
  none: 'This gateway is public; no key is needed',
} as const;

/** `publicUrl` is where consumers reach the API, when that is known. */
export const catalogDocument = (live: Described, publicUrl: string | null): JsonSchema => ({
  service: 'offloader',
  api_url: publicUrl,
  config_revision: live.revision,
  auth: { mode: live.auth, scheme: live.auth === 'none' ? null : 'bearer', note: notes[live.auth] },
  endpoints: byName(live.endpoints).map((endpoint) => endpointEntry(endpoint, live.auth)),
});
