/** Sound resources, as users write them: the reference examples in full, and one of each at its shortest. */
import { parseAllDocuments } from 'yaml';

const full = `
apiVersion: offloader.dev/v1alpha1
kind: Dataset
metadata: {name: account-metrics}
spec:
  description: Daily account metrics
  source:
    manifest: {url: s3://lake/account-metrics/manifest.json}
    credentialsSecretRef: {name: lake-reader}
    s3: {region: eu-west-1, endpoint: https://minio.example, forcePathStyle: true}
    allowedRoots: [s3://lake/shared/]
    anonymous: false
    interval: 5m
  schema: [{name: account_id, type: VARCHAR}, {name: area, type: VARCHAR}, {name: tenant_id, type: VARCHAR}, {name: day, type: DATE}, {name: visits, type: BIGINT}]
  tenantColumn: tenant_id
  snapshot:
    pin: "2026-05-30T00"
    blocked: ["2026-05-31T00"]
    keep: 1
    activation: Coordinated
  guards: {minRows: 1, maxRowDropPercent: 50, allowOlderWatermark: false, allowFailedQuality: false}
  cache: {rebuild: "2026-11-24-a"}
  suspend: false
---
apiVersion: offloader.dev/v1alpha1
kind: Endpoint
metadata: {name: account-daily}
spec:
  name: account_daily
  version: 1
  owner: growth-team
  description: Visits per day for one account
  datasetRef: {name: account-metrics}
  servingMode: LocalTable
  tenant: {column: tenant_id}
  freshness: {maxStaleness: 26h}
  params: [{name: account_id, type: string, required: true}, {name: from, type: date}, {name: area, type: enum, enum: [web, store], aliases: {shop: store}}]
  combinations: [[account_id], [account_id, from]]
  query:
    select: [{as: day, column: day}, {as: visits, column: visits, agg: sum}]
    filters: [{column: account_id, op: eq, param: account_id}, {column: day, op: gte, param: from}]
    groupBy: [day]
    orderBy: [{column: day, dir: desc}]
  columns: [day, visits]
  pagination: {defaultLimit: 50, maxLimit: 500}
  cache: {policy: Snapshot}
  deprecation: {since: 2026-10-01, sunset: 2027-01-01, successor: account_daily_v2}
---
apiVersion: offloader.dev/v1alpha1
kind: ApiKey
metadata: {name: acme-dashboard}
spec:
  tenant: acme
  endpoints: [account_daily]
  state: Active
  expiresAt: 2027-01-01T00:00:00Z
  tokenSecret: {name: acme-dashboard-token}
  rotation: {token: "2026-q4", overlap: 24h}
  limits: {requestsPerSecond: 50, burst: 100, requestsPerDay: 1000000}
`;

const short = `
apiVersion: offloader.dev/v1alpha1
kind: Dataset
metadata: {name: places}
spec:
  source: {databricks: {url: gs://lake/tables/places/}, anonymous: true, interval: 1s}
  schema: [{name: id, type: BIGINT}, {name: detail, type: JSON}, {name: open, type: BOOLEAN}, {name: seen, type: TIMESTAMP}]
---
apiVersion: offloader.dev/v1alpha1
kind: Endpoint
metadata: {name: place}
spec:
  datasetRef: {name: places}
  params:
    - {name: id, type: integer, list: true, default: [1, 2], min: 1, max: 100}
    - {name: open, type: boolean, default: true}
    - {name: since, type: timestamp, default: "2026-05-30T00:00:00Z"}
    - {name: label, type: string, pattern: "^[A-Z]{2}$", minLength: 2, maxLength: 2, default: DE}
    - {name: share, type: number, default: 0.5}
  query:
    select: [{as: id, column: id}, {as: detail, column: detail}]
    filters: [{column: id, op: in, param: id}, {column: detail, op: is_null, param: open}, {column: seen, op: gt, param: since}]
  columns: [detail, id]
  cache: {}
---
apiVersion: offloader.dev/v1alpha1
kind: Endpoint
metadata: {name: place-totals}
spec:
  datasetRef: {name: places}
  query:
    select: [{as: all, column: id, agg: count}, {as: different, column: id, agg: count_distinct}, {as: details, column: detail, agg: count}]
  columns: [all, different, details]
---
apiVersion: offloader.dev/v1alpha1
kind: ApiKey
metadata: {name: everyone}
spec: {endpoints: ["*"], hash: ${'0f'.repeat(32)}, tenant:}
`;

const documents = (text: string): readonly unknown[] => parseAllDocuments(text).map((document) => document.toJS() as unknown);

export const goodResources: readonly unknown[] = [...documents(full), ...documents(short)];
