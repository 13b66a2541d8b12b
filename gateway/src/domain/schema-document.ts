/** /schema: endpoints as a program wants to know them. Pure. */
import type { CompiledEndpoint } from '@offloader/contract';
import { answeredColumns, boundsOf, byName, type JsonSchema, pathOf } from './describe-endpoint.ts';
import type { Described, Live } from './serving.ts';

const endpointEntry = (endpoint: CompiledEndpoint, auth: Live['auth']): JsonSchema => ({
  name: endpoint.name,
  version: endpoint.version,
  method: 'GET',
  path: pathOf(endpoint),
  description: endpoint.description,
  public: auth === 'none',
  tenant_scoped: endpoint.tenantColumn !== null,
  params: endpoint.params.map((param) => ({
    name: param.name,
    type: param.type,
    required: param.required,
    enum: param.enum,
    default: param.default,
    aliases: param.aliases,
    list: param.list,
    ...boundsOf(param),
  })),
  combinations: endpoint.combinations,
  filters: endpoint.filters.map(({ column, op, param }) => ({ column, op, param })),
  response_columns: answeredColumns(endpoint).map(({ name, type, nested }) => ({ name, type, nested })),
  column_selection: true,
  pagination: { default_limit: endpoint.pagination.defaultLimit, max_limit: endpoint.pagination.maxLimit },
});

export const schemaDocument = (live: Described): JsonSchema => ({
  service: 'offloader',
  config_revision: live.revision,
  auth: live.auth,
  count: live.endpoints.size,
  endpoints: byName(live.endpoints).map((endpoint) => endpointEntry(endpoint, live.auth)),
});
