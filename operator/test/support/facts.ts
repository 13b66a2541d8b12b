/** Facts for decisions: compiled objects, rows and pods that are well, to be varied. */
import type { CompiledDataset, CompiledEndpoint, CompiledKey, DatasetReport, Report } from '@offloader/contract';
import type { PodState } from '../../src/domain/pod-state.ts';

export const compiledDataset = (overrides: Partial<CompiledDataset> = {}): CompiledDataset => ({
  name: 'visits',
  layout: 'layout-1',
  source: {
    kind: 'manifest',
    url: 's3://lake/m.json',
    credentials: null,
    s3: { region: null, endpoint: null, forcePathStyle: false },
    allowedRoots: [],
    anonymous: false,
    intervalMs: 300_000,
  },
  schema: [{ name: 'day', type: 'DATE' }],
  tenantColumn: null,
  snapshot: { pin: null, blocked: [], keep: 1, activation: 'Coordinated', release: null },
  guards: { minRows: null, maxRowDropPercent: null, allowOlderWatermark: false, allowFailedQuality: false },
  rebuildToken: null,
  refreshToken: null,
  suspend: false,
  modes: ['LocalTable'],
  maxStalenessMs: null,
  filterColumns: [],
  ...overrides,
});

export const compiledEndpoint = (overrides: Partial<CompiledEndpoint> = {}): CompiledEndpoint => ({
  object: 'daily',
  name: 'daily',
  version: 1,
  owner: null,
  description: null,
  dataset: 'visits',
  layout: 'layout-1',
  servingMode: 'LocalTable',
  tenantColumn: null,
  maxStalenessMs: null,
  params: [],
  combinations: null,
  select: [],
  filters: [],
  groupBy: null,
  orderBy: [],
  columns: [],
  pagination: { defaultLimit: 50, maxLimit: 100 },
  cache: 'None',
  deprecation: null,
  digest: 'digest-1',
  ...overrides,
});

export const compiledKey = (overrides: Partial<CompiledKey> = {}): CompiledKey => ({
  id: 'acme',
  tenant: null,
  endpoints: ['*'],
  state: 'Active',
  expiresAt: null,
  hashes: [],
  limits: { requestsPerSecond: null, burst: null, requestsPerDay: null },
  ...overrides,
});

export const active = (id: string, quality: 'passed' | 'warning' = 'passed'): DatasetReport['active_snapshot'] => ({
  snapshot_id: id,
  watermark: '2026-05-30T00:00:00Z',
  age_seconds: 1,
  rows: 7,
  loaded_at: '2026-05-30T01:00:00Z',
  quality,
});

export const row = (overrides: Partial<DatasetReport> = {}): DatasetReport => ({
  dataset: 'visits',
  source: 'manifest',
  active_snapshot: active('s1'),
  staged: null,
  last_attempted: { snapshot_id: 's1', status: 'ok', at: '2026-05-30T01:00:00Z', note: null },
  last_good: null,
  kept: [],
  quarantined: [],
  refresh_error: null,
  refresh_errors: [],
  rebuilt: null,
  refreshed: null,
  rollback_refused: null,
  source_reachable: true,
  manifest_valid: true,
  stale: false,
  cache_healthy: true,
  layout: 'layout-1',
  ...overrides,
});

export const report = (sequence: number, rows: readonly DatasetReport[], keys: Report['keys'] = []): Report => ({
  build_version: 'test',
  pod: null,
  config_revision: null,
  duckdb_status: 'ok',
  pool: { connections: 1, busy: 0, saturated: false, remote_cap: 1 },
  disk: { cache_dir_free_bytes: null },
  cache_volume: { status: 'ok', reason: null, since: null },
  ready: true,
  config_sync: { enabled: true, result: 'applied', error: null, last_checked: null, last_applied: null, revision: null, sequence },
  datasets: rows,
  keys,
  incidents: [],
});

/** A pod that says so; without a sequence, one that says nothing. */
export const pod = (name: string, sequence?: number, rows: readonly DatasetReport[] = [row()], keys: Report['keys'] = []): PodState => ({
  name,
  uid: `uid-${name}`,
  ip: '10.0.0.1',
  ending: false,
  why: sequence === undefined ? 'gives no report' : null,
  report: sequence === undefined ? null : report(sequence, rows, keys),
  sequence: sequence ?? 0,
  rows: new Map(sequence === undefined ? [] : rows.map((one) => [one.dataset, one])),
});
