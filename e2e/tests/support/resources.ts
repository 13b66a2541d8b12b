/** The three kinds as a platform team writes them; every suite has a dataset of its own. */
import { lakeSource } from './lake.ts';

const apiVersion = 'offloader.dev/v1alpha1';

export const dataset = (name: string, snapshot: object = {}) => ({
  apiVersion,
  kind: 'Dataset',
  metadata: { name },
  spec: {
    source: lakeSource(name),
    schema: [
      { name: 'tenant_id', type: 'VARCHAR' },
      { name: 'day', type: 'DATE' },
      { name: 'visits', type: 'BIGINT' },
    ],
    tenantColumn: 'tenant_id',
    snapshot,
  },
});

export const endpoint = (name: string, datasetName: string, spec: object = {}) => ({
  apiVersion,
  kind: 'Endpoint',
  metadata: { name },
  spec: {
    name: name.replaceAll('-', '_'),
    version: 1,
    owner: 'growth-team',
    datasetRef: { name: datasetName },
    tenant: { column: 'tenant_id' },
    freshness: { maxStaleness: '26h' },
    params: [{ name: 'from', type: 'date' }],
    query: {
      select: [
        { as: 'day', column: 'day' },
        { as: 'visits', column: 'visits', agg: 'sum' },
      ],
      filters: [{ column: 'day', op: 'gte', param: 'from' }],
      groupBy: ['day'],
      orderBy: [{ column: 'day', dir: 'asc' }],
    },
    columns: ['day', 'visits'],
    ...spec,
  },
});

/** A key whose token the operator mints. */
export const mintedKey = (name: string, endpoints: readonly string[]) => ({
  apiVersion,
  kind: 'ApiKey',
  metadata: { name },
  spec: { tenant: 'acme', endpoints, tokenSecret: { name: `${name}-token` } },
});

export const pathOf = (endpointName: string): string => `/v1/endpoints/${endpointName.replaceAll('-', '_')}`;
