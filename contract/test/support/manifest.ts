/** A sound manifest, and the compiled dataset that it is for, to be varied. */
import type { CompiledDataset, Manifest } from '@offloader/contract';

export const manifest = (more: object = {}): object => ({
  dataset_id: 'visits',
  snapshot_id: '2026-05-30T00',
  created_at: '2026-05-30T01:00:00Z',
  watermark: '2026-05-30T00:00:00Z',
  schema: [{ name: 'day', type: 'DATE' }, { name: 'visits', type: 'BIGINT' }],
  files: [{ path: 'part-0.parquet', format: 'parquet', row_count: 7, size_bytes: 700 }],
  partition_columns: ['day'],
  sort_columns: ['day'],
  row_count: 7,
  size_bytes: 700,
  producer: 'nightly',
  upstream_run_id: 'run-1',
  schema_version: 1,
  data_quality_status: 'passed',
  compatibility_policy: 'additive_only',
  ...more,
}); // prettier-ignore
export const parsed = (more: Partial<Manifest> = {}): Manifest => manifest(more) as Manifest;

export const compiledDataset = (more: Partial<CompiledDataset> = {}): CompiledDataset => ({
  name: 'visits',
  layout: 'l',
  source: {
    kind: 'manifest',
    url: 's3://lake/visits/manifest.json',
    credentials: null,
    s3: { region: null, endpoint: null, forcePathStyle: false },
    allowedRoots: [],
    anonymous: false,
    intervalMs: 300_000,
  },
  schema: [{ name: 'day', type: 'DATE' }, { name: 'visits', type: 'BIGINT' }],
  tenantColumn: null,
  snapshot: { pin: null, blocked: [], keep: 1, activation: 'Coordinated', release: null },
  guards: { minRows: null, maxRowDropPercent: null, allowOlderWatermark: false, allowFailedQuality: false },
  rebuildToken: null,
  refreshToken: null,
  suspend: false,
  modes: ['LocalTable'],
  maxStalenessMs: null,
  filterColumns: [],
  ...more,
}); // prettier-ignore
