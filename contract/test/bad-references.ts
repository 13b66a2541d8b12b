/** Faults that show beside other objects only; the API server takes each of these. */
import { apiKey, type BadResource, column, dataset, endpoint, filtering, older, selecting } from './support/bad-resource.ts';

const visits = [dataset()];
const plain = [dataset({ tenantColumn: undefined })];
// prettier-ignore
const typed = [
  dataset({ schema: ['DATE', 'TIMESTAMP', 'VARCHAR', 'INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'JSON'].map((type) => column(type.toLowerCase(), type)), tenantColumn: undefined }),
];

/** Parameter types beside each column that they do not compare with. */
const incomparable: readonly BadResource[] = (
  [
    ['string', ['date', 'timestamp', 'integer', 'bigint', 'double', 'boolean', 'json']],
    ['integer', ['date', 'timestamp', 'varchar', 'boolean', 'json']],
    ['number', ['date', 'timestamp', 'varchar', 'boolean', 'json']],
    ['boolean', ['date', 'timestamp', 'varchar', 'integer', 'bigint', 'double', 'json']],
    ['date', ['varchar', 'integer', 'bigint', 'double', 'boolean', 'json']],
    ['timestamp', ['varchar', 'integer', 'bigint', 'double', 'boolean', 'json']],
  ] as const
).flatMap(([type, columns]) =>
  columns.map((name) => ({
    name: `a ${type} parameter compared with a ${name} column`,
    object: endpoint({
      params: [{ name: 'p', type }],
      query: { select: [{ as: 'day', column: name }], filters: [{ column: name, op: 'eq', param: 'p' }] },
    }),
    beside: typed,
    code: 'incomparable_param' as const,
    path: 'spec.query.filters[0].param',
  })),
);

const aggregated = (agg: string, of: string): object => selecting([{ as: 'total', column: of, agg } as never]);

// prettier-ignore
export const badReferences: readonly BadResource[] = [
  { name: 'a dataset that there is not', object: endpoint(), code: 'unknown_dataset', path: 'spec.datasetRef.name' },
  { name: 'a selected column that the dataset has not', object: selecting([{ as: 'month', column: 'month' } as never]), beside: visits, code: 'unknown_column', path: 'spec.query.select[0].column' },
  { name: 'a filtered column that the dataset has not', object: filtering({}, { column: 'month' }), beside: visits, code: 'unknown_column', path: 'spec.query.filters[0].column' },
  { name: 'a tenant of a dataset without one', object: endpoint({ tenant: { column: 'tenant_id' } }), beside: plain, code: 'tenant_forbidden', path: 'spec.tenant' },
  { name: 'a tenant column other than the dataset’s', object: endpoint({ tenant: { column: 'day' } }), beside: visits, code: 'tenant_mismatch', path: 'spec.tenant.column' },
  { name: 'a tenant-scoped endpoint of a public gateway', object: endpoint({ tenant: { column: 'tenant_id' } }), beside: visits, auth: 'none', code: 'public_tenant_endpoint', path: 'spec.tenant' },
  ...['sum', 'avg', 'min', 'max', 'count_distinct'].map(
    (agg): BadResource => ({ name: `the ${agg} of a JSON column`, object: aggregated(agg, 'extra'), beside: visits, code: 'invalid_agg_on_json', path: 'spec.query.select[0].agg' }),
  ),
  { name: 'the sum of days', object: aggregated('sum', 'day'), beside: visits, code: 'invalid_value', path: 'spec.query.select[0].agg' },
  { name: 'the average of names', object: aggregated('avg', 'tenant_id'), beside: visits, code: 'invalid_value', path: 'spec.query.select[0].agg' },
  { name: 'like_prefix on a day', object: filtering({ type: 'string' }, { op: 'like_prefix' }), beside: visits, code: 'incomparable_param', path: 'spec.query.filters[0].param' },
  { name: 'a list of names among numbers', object: filtering({ type: 'string', list: true }, { op: 'in', column: 'visits' }), beside: visits, code: 'incomparable_param', path: 'spec.query.filters[0].param' },
  ...incomparable,
  { name: 'a name in the URL that an older Endpoint has', object: endpoint({ name: 'daily' }, 'younger'), beside: [...visits, older(endpoint())], code: 'duplicate_endpoint', path: 'spec.name' },
  { name: 'a hash that an older ApiKey has', object: apiKey({}, 'younger'), beside: [older(apiKey())], code: 'duplicate_key', path: 'spec.hash' },
  { name: 'an endpoint that there is not', object: apiKey({ endpoints: ['nightly'] }), beside: visits, code: 'unknown_endpoint', path: 'spec.endpoints[0]' },
  { name: 'a tenant-scoped endpoint for a key without tenant', object: apiKey({ endpoints: ['daily'] }), beside: [...visits, endpoint({ tenant: { column: 'tenant_id' } })], code: 'missing', path: 'spec.tenant' },
];
