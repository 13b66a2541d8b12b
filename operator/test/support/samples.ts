/** Specs of the three kinds that are sound, to be varied. */

export const dataset = (overrides: object = {}) => ({
  source: { manifest: { url: 's3://lake/visits/manifest.json' } },
  schema: [
    { name: 'tenant_id', type: 'VARCHAR' },
    { name: 'day', type: 'DATE' },
    { name: 'visits', type: 'BIGINT' },
  ],
  tenantColumn: 'tenant_id',
  ...overrides,
});

export const endpoint = (overrides: object = {}) => ({
  name: 'daily',
  version: 1,
  datasetRef: { name: 'visits' },
  servingMode: 'LocalTable',
  tenant: { column: 'tenant_id' },
  params: [{ name: 'from', type: 'date' }],
  query: {
    select: [
      { as: 'day', column: 'day' },
      { as: 'visits', column: 'visits' },
    ],
    filters: [{ column: 'day', op: 'gte', param: 'from' }],
  },
  columns: ['day', 'visits'],
  ...overrides,
});

export const hash = 'a'.repeat(64);
export const apiKey = (overrides: object = {}) => ({ tenant: 'acme', endpoints: ['daily'], hash, ...overrides });
export const mintedKey = (overrides: object = {}) => ({
  tenant: 'acme',
  endpoints: ['daily'],
  tokenSecret: { name: 'acme-token' },
  ...overrides,
});
