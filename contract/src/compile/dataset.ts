/** Dataset resource → compiled dataset: defaults filled in, durations in milliseconds. */
import type { CompiledDataset, CompiledEndpoint, CompiledSource, ServingMode } from '../bundle.ts';
import { digestOf } from '../canonical.ts';
import { parseDurationMs } from '../duration.ts';
import { annotations } from '../names.ts';
import type { Dataset, DatasetSpec } from '../resources/dataset.ts';

/** What a dataset says by itself; modes, layout and the rest come from its endpoints. */
export type DatasetBase = Omit<CompiledDataset, 'layout' | 'modes' | 'maxStalenessMs' | 'filterColumns'>;

const compileSource = ({ source }: DatasetSpec): CompiledSource => ({
  kind: source.databricks === undefined ? 'manifest' : 'databricks',
  url: source.databricks?.url ?? source.manifest?.url ?? '',
  credentials: source.credentialsSecretRef?.name ?? null,
  s3: {
    region: source.s3?.region ?? null,
    endpoint: source.s3?.endpoint ?? null,
    forcePathStyle: source.s3?.forcePathStyle ?? false,
  },
  allowedRoots: source.allowedRoots ?? [],
  anonymous: source.anonymous ?? false,
  intervalMs: parseDurationMs(source.interval ?? '5m') ?? 300_000,
});

export const compileDataset = ({ metadata, spec }: Dataset, release: string | null): DatasetBase => ({
  name: metadata.name,
  source: compileSource(spec),
  schema: spec.schema.map(({ name, type }) => ({ name, type })),
  tenantColumn: spec.tenantColumn ?? null,
  snapshot: {
    pin: spec.snapshot?.pin ?? null,
    blocked: (spec.snapshot?.blocked ?? []).toSorted(),
    keep: spec.snapshot?.keep ?? 1,
    activation: spec.snapshot?.activation ?? 'Coordinated',
    release,
  },
  guards: {
    minRows: spec.guards?.minRows ?? null,
    maxRowDropPercent: spec.guards?.maxRowDropPercent ?? null,
    allowOlderWatermark: spec.guards?.allowOlderWatermark ?? false,
    allowFailedQuality: spec.guards?.allowFailedQuality ?? false,
  },
  rebuildToken: spec.cache?.rebuild ?? null,
  refreshToken: metadata.annotations?.[annotations.refreshRequestedAt] ?? null,
  suspend: spec.suspend ?? false,
});

const modeOrder: readonly ServingMode[] = ['LocalTable', 'RemoteScan'];

/** Which digest of its schema, tenant column and modes a dataset's snapshots are loaded for. */
export const layoutOf = (base: Pick<DatasetBase, 'schema' | 'tenantColumn'>, modes: readonly ServingMode[]): string =>
  digestOf({ schema: base.schema, tenantColumn: base.tenantColumn, modes: modes.length === 0 ? ['LocalTable'] : modes });

const byFrequency = (names: readonly string[]): readonly string[] => {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name]) => name);
};

/** The dataset together with what its endpoints ask of it. */
export const withEndpoints = (base: DatasetBase, endpoints: readonly CompiledEndpoint[]): CompiledDataset => {
  const own = endpoints.filter((endpoint) => endpoint.dataset === base.name);
  const modes = modeOrder.filter((mode) => own.some((endpoint) => endpoint.servingMode === mode));
  const staleness = own.flatMap((endpoint) => (endpoint.maxStalenessMs === null ? [] : [endpoint.maxStalenessMs]));
  return {
    ...base,
    layout: layoutOf(base, modes),
    modes,
    maxStalenessMs: staleness.length === 0 ? null : Math.min(...staleness),
    filterColumns: byFrequency(own.flatMap((endpoint) => endpoint.filters.map((filter) => filter.column))),
  };
};
