/** A thousand datasets, a thousand endpoints, five thousand keys: what a large platform team would have. */
import { createHash } from 'node:crypto';
import { apiVersion, kinds, type Kind } from '@offloader/contract';
import type { ApiClient } from './part-types.ts';

export type Size = { readonly datasets: number; readonly endpoints: number; readonly keys: number };
type Item = { readonly kind: Kind; readonly name: string; readonly spec: object };

/** Of the datasets and keys, one in so many has credentials of its own, or a token that the operator mints. */
const ownSecretEvery = 4;
const hasOwnSecret = (n: number): boolean => n % ownSecretEvery === 0;

export const datasetSpec = (n: number, interval = '60s'): object => ({
  source: {
    manifest: { url: 's3://lake/visits/manifest.json' },
    interval,
    ...(hasOwnSecret(n) ? { credentialsSecretRef: { name: `lake-${n}` } } : {}),
  },
  schema: [
    { name: 'tenant_id', type: 'VARCHAR' },
    { name: 'day', type: 'DATE' },
    { name: 'area', type: 'VARCHAR' },
    { name: 'visits', type: 'BIGINT' },
  ],
  tenantColumn: 'tenant_id',
});

export const endpointSpec = (n: number, datasets: number, maxLimit = 1000): object => ({
  name: `visits_${n}`,
  version: 1,
  description: 'Visits per day of an area',
  owner: 'web-analytics',
  datasetRef: { name: `dataset-${n % datasets}` },
  tenant: { column: 'tenant_id' },
  params: [
    { name: 'from', type: 'date' },
    { name: 'to', type: 'date' },
    { name: 'area', type: 'enum', enum: ['north', 'south', 'east', 'west'] },
  ],
  query: {
    select: [
      { as: 'day', column: 'day' },
      { as: 'visits', column: 'visits', agg: 'sum' },
    ],
    filters: [
      { column: 'day', op: 'gte', param: 'from' },
      { column: 'day', op: 'lte', param: 'to' },
      { column: 'area', op: 'eq', param: 'area' },
    ],
    groupBy: ['day'],
    orderBy: [{ column: 'day', dir: 'desc' }],
  },
  columns: ['day', 'visits'],
  pagination: { defaultLimit: 100, maxLimit },
});

export const keySpec = (n: number, endpoints: number, edition = 0): object => ({
  tenant: `tenant-${n}`,
  endpoints: [`visits_${n % endpoints}`, `visits_${(n + 1) % endpoints}`],
  ...(hasOwnSecret(n)
    ? { tokenSecret: { name: `key-${n}-token` }, rotation: { token: `edition-${edition}`, overlap: '1h' } }
    : { hash: createHash('sha256').update(`token-${n}-${edition}`).digest('hex') }),
});

const items = ({ datasets, endpoints, keys }: Size): readonly Item[] => [
  ...Array.from({ length: datasets }, (_, n): Item => ({ kind: 'Dataset', name: `dataset-${n}`, spec: datasetSpec(n) })),
  ...Array.from({ length: endpoints }, (_, n): Item => ({ kind: 'Endpoint', name: `visits-${n}`, spec: endpointSpec(n, datasets) })),
  ...Array.from({ length: keys }, (_, n): Item => ({ kind: 'ApiKey', name: `key-${n}`, spec: keySpec(n, endpoints) })),
];

export const pathOf = (namespace: string, kind: Kind, name = ''): string =>
  `/apis/${apiVersion}/namespaces/${namespace}/${kinds[kind].plural}${name === '' ? '' : `/${name}`}`;

const inParallel = async <T>(list: readonly T[], width: number, work: (one: T) => Promise<unknown>): Promise<void> => {
  const rest = list.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const one of rest) await work(one);
    }),
  );
};

/** Puts them all in place, as a pipeline that applies manifests would, the credentials first. */
export const populate = async (client: ApiClient, namespace: string, size: Size): Promise<void> => {
  const named = Array.from({ length: size.datasets }, (_, n) => n).filter(hasOwnSecret);
  await inParallel(named, 16, async (n) =>
    client.request({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/secrets`,
      body: { metadata: { name: `lake-${n}` }, stringData: { accessKeyId: `id-${n}`, secretAccessKey: `secret-${n}` } },
    }),
  );
  await inParallel(items(size), 16, async ({ kind, name, spec }) =>
    client.request({
      method: 'POST',
      path: pathOf(namespace, kind),
      query: { fieldManager: 'bench' },
      body: { apiVersion, kind, metadata: { name }, spec },
    }),
  );
};

/** Secrets that are none of the operator's business. */
export const addUnrelatedSecrets = async (client: ApiClient, namespace: string, count: number, bytes: number): Promise<void> => {
  const filler = Buffer.alloc(bytes, 'x').toString('base64');
  await inParallel(
    Array.from({ length: count }, (_, n) => n),
    8,
    async (n) =>
      client.request({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/secrets`,
        body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: `unrelated-${n}` }, data: { filler } },
      }),
  );
};

type Condition = { readonly type: string; readonly status: string };
type Shown = {
  readonly metadata: { readonly generation?: number };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
};
export const isReady = ({ metadata, status }: Shown): boolean =>
  status?.observedGeneration === metadata.generation &&
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;

/** How many objects are Ready in the edition that they have now. */
export const countReady = async (client: ApiClient, namespace: string): Promise<number> => {
  let ready = 0;
  for (const kind of ['Dataset', 'Endpoint', 'ApiKey'] as const) {
    let token = '';
    do {
      const list = (await client.request({
        method: 'GET',
        path: pathOf(namespace, kind),
        query: { limit: '1000', ...(token === '' ? {} : { continue: token }) },
      })) as { readonly items: readonly Shown[]; readonly metadata: { readonly continue?: string } };
      ready += list.items.filter(isReady).length;
      token = list.metadata.continue ?? '';
    } while (token !== '');
  }
  return ready;
};
