/** A whole gateway in this process over a small lake, as the gateway's own tests start it. Loaded by URL: tsc cannot rewrite a path into another project. */
export type Standalone = {
  readonly apiUrl: string;
  readonly adminUrl: string;
  /** Where the orders' manifest is. */
  readonly lakeUrl: string;
  /** Replaces the configuration. */
  write(resources: readonly unknown[]): Promise<void>;
  end(): Promise<void>;
};

type World = {
  readonly gateway: { readonly apiPort: number; readonly adminPort: number };
  write(resources: readonly unknown[]): Promise<void>;
  end(): Promise<void>;
};
type Lake = { readonly url: string; publish(id: string, select: string): Promise<void>; remove(): Promise<void> };

const from = async <T>(path: string): Promise<T> =>
  (await import(new URL(`../../../gateway/test/support/${path}`, import.meta.url).href)) as T;
const { startWorld, sha256 } = await from<{
  readonly startWorld: (resources: readonly unknown[], environment?: Record<string, string>) => Promise<World>;
  readonly sha256: (text: string) => string;
}>('gateway.ts');
const { createLake } = await from<{ readonly createLake: (dataset: string) => Promise<Lake> }>('lake.ts');

const object = (kind: string, name: string, spec: object) => ({ apiVersion: 'offloader.dev/v1alpha1', kind, metadata: { name }, spec });

export const hostileText = '<img src=x onerror="document.title=1"> & "quotes"';

/** Orders of two tenants, three endpoints that show every kind of parameter, and a key per tenant (`acme-token`, `beta-token`). */
export const orderResources = (url: string): readonly unknown[] => [
  object('Dataset', 'orders', {
    source: { manifest: { url }, interval: '1s' },
    schema: [
      { name: 'tenant_id', type: 'VARCHAR' },
      { name: 'id', type: 'BIGINT' },
      { name: 'day', type: 'DATE' },
      { name: 'status', type: 'VARCHAR' },
      { name: 'amount', type: 'DOUBLE' },
      { name: 'quantity', type: 'BIGINT' },
      { name: 'paid', type: 'BOOLEAN' },
      { name: 'placed_at', type: 'TIMESTAMP' },
    ],
    tenantColumn: 'tenant_id',
  }),
  object('Endpoint', 'orders-list', {
    name: 'orders_list',
    version: 3,
    description: `Orders as they were placed. ${hostileText}`,
    owner: 'order-desk',
    datasetRef: { name: 'orders' },
    tenant: { column: 'tenant_id' },
    freshness: { maxStaleness: '26h' },
    params: [
      { name: 'from', type: 'date', description: 'first day' },
      { name: 'status', type: 'enum', enum: ['open', 'shipped', 'returned'], aliases: { done: 'shipped' } },
      { name: 'states', type: 'string', list: true },
      { name: 'paid', type: 'boolean' },
      { name: 'least', type: 'number', min: 0 },
      { name: 'since', type: 'timestamp' },
      { name: 'quantity', type: 'integer', min: 1, max: 100 },
    ],
    query: {
      select: ['id', 'day', 'status', 'amount', 'quantity', 'paid', 'placed_at'].map((column) => ({ as: column, column })),
      filters: [
        { column: 'day', op: 'gte', param: 'from' },
        { column: 'status', op: 'eq', param: 'status' },
        { column: 'status', op: 'in', param: 'states' },
        { column: 'paid', op: 'eq', param: 'paid' },
        { column: 'amount', op: 'gte', param: 'least' },
        { column: 'placed_at', op: 'gte', param: 'since' },
        { column: 'quantity', op: 'eq', param: 'quantity' },
      ],
      orderBy: [{ column: 'placed_at', dir: 'desc' }],
    },
    columns: ['id', 'day', 'status', 'amount', 'quantity', 'paid', 'placed_at'],
    pagination: { defaultLimit: 20, maxLimit: 200 },
  }),
  object('Endpoint', 'orders-by-day', {
    name: 'orders_by_day',
    description: 'Revenue and number of orders per day',
    owner: 'order-desk',
    datasetRef: { name: 'orders' },
    tenant: { column: 'tenant_id' },
    params: [{ name: 'status', type: 'enum', enum: ['open', 'shipped', 'returned'], required: true }],
    query: {
      select: [
        { as: 'day', column: 'day' },
        { as: 'orders', column: 'quantity', agg: 'count' },
        { as: 'revenue', column: 'amount', agg: 'sum' },
      ],
      filters: [{ column: 'status', op: 'eq', param: 'status' }],
      groupBy: ['day'],
      orderBy: [{ column: 'day', dir: 'desc' }],
    },
    columns: ['day', 'orders', 'revenue'],
  }),
  object('Endpoint', 'orders-total', {
    name: 'orders_total',
    description: 'All orders of the tenant in one row',
    datasetRef: { name: 'orders' },
    tenant: { column: 'tenant_id' },
    deprecation: { since: '2026-01-01', sunset: '2027-01-01', successor: 'orders_by_day' },
    query: { select: [{ as: 'revenue', column: 'amount', agg: 'sum' }] },
    columns: ['revenue'],
  }),
  ...['acme', 'beta'].map((tenant) => object('ApiKey', tenant, { tenant, endpoints: ['*'], hash: sha256(`${tenant}-token`) })),
];

const orders = `SELECT CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'beta' END AS tenant_id, 9007199254740993 + i AS id, DATE '2026-03-01' + (i // 40)::INTEGER AS day,
  ['open', 'shipped', 'returned'][1 + i % 3] AS status, round((i * 7919) % 10000 / 100, 2)::DOUBLE AS amount, (1 + i % 9)::BIGINT AS quantity,
  i % 4 <> 0 AS paid, TIMESTAMP '2026-03-01 08:00:00' + INTERVAL (i * 13) MINUTE AS placed_at FROM range(2000) r(i)`;

/** A key of tenant acme that may ask once a day; its token is `NAME-token`. */
export const limitedKey = (name: string): unknown =>
  object('ApiKey', name, { tenant: 'acme', endpoints: ['*'], hash: sha256(`${name}-token`), limits: { requestsPerDay: 1 } });

export const startStandalone = async (
  environment: Record<string, string> = {},
  resources: (url: string) => readonly unknown[] = orderResources,
): Promise<Standalone> => {
  const lake = await createLake('orders');
  await lake.publish('2026-03-31', orders);
  const world = await startWorld(resources(lake.url), environment);
  return {
    apiUrl: `http://127.0.0.1:${world.gateway.apiPort}`,
    adminUrl: `http://127.0.0.1:${world.gateway.adminPort}`,
    lakeUrl: lake.url,
    write: world.write,
    end: async () => {
      await world.end();
      await lake.remove();
    },
  };
};
