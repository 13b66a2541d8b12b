/** Endpoints that show every kind of operation and parameter, for what reads /openapi.json and tries it. */
import { orderResources } from './standalone.ts';

type Resource = { readonly kind: string; readonly metadata: { readonly name: string }; readonly spec: Readonly<Record<string, unknown>> };
const endpoint = (name: string, spec: object): Resource & { readonly apiVersion: string } => ({
  apiVersion: 'offloader.dev/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: name.replaceAll('_', '-') },
  spec: { name, datasetRef: { name: 'orders' }, ...spec },
});

const columns = ['id', 'day', 'status', 'amount', 'quantity', 'paid', 'placed_at'];
const rows = { query: { select: columns.map((column) => ({ as: column, column })) }, columns };
const filtered = (
  ...filters: readonly (readonly [param: { readonly name: string } & Readonly<Record<string, unknown>>, column: string, op: string])[]
) => ({
  ...rows,
  params: filters.map(([param]) => param),
  query: {
    ...rows.query,
    filters: filters.map(([{ name }, column, op]) => ({ column, op, param: name })),
    orderBy: [{ column: 'placed_at' }],
  },
  pagination: { defaultLimit: 5, maxLimit: 50 },
});

const everyType = filtered(
  [{ name: 'text', type: 'string', minLength: 1, maxLength: 8, pattern: '^[a-z]*$' }, 'status', 'ne'],
  [{ name: 'prefix', type: 'string', aliases: { sent: 'shipped' } }, 'status', 'like_prefix'],
  [{ name: 'status', type: 'enum', enum: ['open', 'shipped'], aliases: { done: 'shipped' }, required: true }, 'status', 'eq'],
  [{ name: 'quantity', type: 'integer', min: 1, max: 9, default: 3 }, 'quantity', 'lte'],
  [{ name: 'least', type: 'number', min: 0 }, 'amount', 'gte'],
  [{ name: 'paid', type: 'boolean' }, 'paid', 'eq'],
  [{ name: 'unknown', type: 'boolean' }, 'day', 'is_null'],
  [{ name: 'from', type: 'date' }, 'day', 'gt'],
  [{ name: 'since', type: 'timestamp' }, 'placed_at', 'lt'],
);
const everyList = filtered(
  [{ name: 'states', type: 'enum', enum: ['open', 'shipped'], list: true }, 'status', 'in'],
  [{ name: 'quantities', type: 'integer', min: 1, list: true }, 'quantity', 'in'],
  [{ name: 'amounts', type: 'number', list: true }, 'amount', 'in'],
  [{ name: 'days', type: 'date', list: true }, 'day', 'in'],
  [{ name: 'moments', type: 'timestamp', list: true }, 'placed_at', 'in'],
);
const some = filtered([{ name: 'from', type: 'date' }, 'day', 'gte'], [{ name: 'to', type: 'date' }, 'day', 'lte']);
const aggregates = ['count', 'count_distinct', 'sum', 'avg', 'min', 'max'].map((agg) => ({ as: agg, column: 'quantity', agg }));
const names = aggregates.map(({ as }) => as);

const endpoints = [
  endpoint('every_type', everyType),
  endpoint('scanned', { ...everyType, servingMode: 'RemoteScan' }),
  endpoint('every_list', everyList),
  endpoint('combined', { ...some, combinations: [[], ['from'], ['from', 'to']] }),
  endpoint('uncached', { ...some, cache: { policy: 'None' } }),
  endpoint('by_day', { query: { select: [{ as: 'day', column: 'day' }, ...aggregates], groupBy: ['day'], orderBy: [{ column: 'day' }] }, columns: ['day', ...names] }),
  endpoint('total', { query: { select: aggregates }, columns: names }),
  endpoint('old', { ...some, deprecation: { since: '2026-01-01', sunset: '2027-01-01', successor: 'combined' } }),
  endpoint('not_loaded', { ...some, datasetRef: { name: 'nowhere' } }),
]; // prettier-ignore
export const operationNames: readonly string[] = endpoints.map(({ metadata }) => metadata.name.replaceAll('-', '_'));

/** With keys, rows are those of a key's tenant; without, everybody's. */
export const everyOperation = (auth: 'required' | 'none', url: string): readonly unknown[] => {
  const [orders, ...others] = orderResources(url) as readonly [Resource, ...Resource[]];
  const scope = auth === 'none' ? {} : { tenant: { column: 'tenant_id' } };
  const dataset = auth === 'none' ? { ...orders, spec: { ...orders.spec, tenantColumn: undefined } } : orders;
  const nowhere = { manifest: { url: 'file:///nowhere/manifest.json' }, interval: '1h' };
  return [
    dataset,
    { ...dataset, metadata: { name: 'nowhere' }, spec: { ...dataset.spec, source: nowhere } },
    ...endpoints.map((one) => ({ ...one, spec: { ...one.spec, ...scope } })),
    ...(auth === 'none' ? [] : others.filter(({ kind }) => kind === 'ApiKey')),
  ];
};
