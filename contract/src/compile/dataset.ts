/** Dataset resource → compiled dataset: defaults filled in, durations in milliseconds. */
import type { CompiledDataset, CompiledEndpoint, CompiledSource, ServingMode } from '../bundle.ts';
import { digestOf } from '../canonical.ts';
import { parseDurationMs } from '../duration.ts';
import { rememberingWith, sameItems } from '../memo.ts';
import { annotations } from '../names.ts';
import type { Dataset, DatasetSpec } from '../resources/dataset.ts';

/** What a dataset says by itself; modes, layout and the rest come from its endpoints. */
export type DatasetBase = Omit<CompiledDataset, 'layout' | 'modes' | 'maxStalenessMs' | 'filterColumns'>;

/** Timers hold no more than 24 days; beyond a week nobody waits for a poll anyway. */
const longestIntervalMs = 7 * 86_400_000;
const intervalMs = (text = '5m'): number => Math.min(parseDurationMs(text) ?? 300_000, longestIntervalMs);

const compileS3 = (s3: DatasetSpec['source']['s3'] = {}): CompiledSource['s3'] => ({
  region: s3.region ?? null,
  endpoint: s3.endpoint ?? null,
  forcePathStyle: s3.forcePathStyle ?? false,
});

const compileSource = ({ source }: DatasetSpec): CompiledSource => ({
  kind: source.databricks === undefined ? 'manifest' : 'databricks',
  url: source.databricks?.url ?? source.manifest?.url ?? '',
  credentials: source.credentialsSecretRef?.name ?? null,
  s3: compileS3(source.s3),
  allowedRoots: source.allowedRoots ?? [],
  anonymous: source.anonymous ?? false,
  intervalMs: intervalMs(source.interval),
});

const compileSnapshot = (snapshot: DatasetSpec['snapshot'] = {}, release: string | null): DatasetBase['snapshot'] => ({
  pin: snapshot.pin ?? null,
  blocked: (snapshot.blocked ?? []).toSorted(),
  keep: snapshot.keep ?? 1,
  activation: snapshot.activation ?? 'Coordinated',
  release,
});

const compileGuards = (guards: DatasetSpec['guards'] = {}): DatasetBase['guards'] => ({
  minRows: guards.minRows ?? null,
  maxRowDropPercent: guards.maxRowDropPercent ?? null,
  allowOlderWatermark: guards.allowOlderWatermark ?? false,
  allowFailedQuality: guards.allowFailedQuality ?? false,
});

export const compileDataset = rememberingWith(({ metadata, spec }: Dataset, release: string | null): DatasetBase => ({
  name: metadata.name,
  source: compileSource(spec),
  schema: spec.schema.map(({ name, type }) => ({ name, type })),
  tenantColumn: spec.tenantColumn ?? null,
  snapshot: compileSnapshot(spec.snapshot, release),
  guards: compileGuards(spec.guards),
  rebuildToken: spec.cache?.rebuild ?? null,
  refreshToken: metadata.annotations?.[annotations.refreshRequestedAt] ?? null,
  suspend: spec.suspend ?? false,
}));

const modeOrder: readonly ServingMode[] = ['LocalTable', 'RemoteScan'];

/** Which digest of its schema, tenant column and modes a dataset's snapshots are loaded for. */
export const layoutOf = (base: Pick<DatasetBase, 'schema' | 'tenantColumn'>, modes: readonly ServingMode[]): string =>
  digestOf({ schema: base.schema, tenantColumn: base.tenantColumn, modes: modes.length === 0 ? ['LocalTable'] : modes });

const byFrequency = (names: readonly string[]): readonly string[] => {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name]) => name);
};

/** The dataset together with what its own endpoints ask of it. */
export const withEndpoints = rememberingWith((base: DatasetBase, own: readonly CompiledEndpoint[]): CompiledDataset => {
  const modes = modeOrder.filter((mode) => own.some((endpoint) => endpoint.servingMode === mode));
  const staleness = own.flatMap((endpoint) => (endpoint.maxStalenessMs === null ? [] : [endpoint.maxStalenessMs]));
  return {
    ...base,
    layout: layoutOf(base, modes),
    modes,
    maxStalenessMs: staleness.length === 0 ? null : Math.min(...staleness),
    filterColumns: byFrequency(own.flatMap((endpoint) => endpoint.filters.map((filter) => filter.column))),
  };
}, sameItems);
