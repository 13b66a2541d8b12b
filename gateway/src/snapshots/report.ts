/** What /diagnostics says of one dataset. */
import {
  type AttemptStatus,
  type CompiledDataset,
  type DatasetReport,
  ownerOf,
  type Problem,
  type RefreshError,
} from '@offloader/contract';
import { refusal } from '../domain/refresh.ts';
import type { Damaged, DatasetIndex } from './record.ts';
import type { Attached } from './servings.ts';

export type Attempt = {
  readonly status: AttemptStatus;
  readonly snapshotId: string | null;
  readonly at: string;
  readonly problems: readonly Problem[];
  readonly note: string | null;
};
type State = {
  readonly dataset: CompiledDataset;
  readonly active: Attached | null;
  readonly kept: readonly Attached[];
  readonly staged: Attached | null;
  readonly attempt: Attempt | null;
  readonly isPinMissed: boolean;
  readonly reachable: boolean | null;
  readonly manifestValid: boolean | null;
  readonly damaged: Damaged | null;
  readonly index: DatasetIndex;
};

const errorOf = ({ code, path, message, hint }: Problem): RefreshError => ({
  code,
  path,
  message: hint === undefined ? message : `${message}; ${hint}`,
  owner: ownerOf(code),
});

/** Whole seconds since the watermark; negative for one in the future, null when there is none. */
const ageSeconds = (watermark: string | null, nowMs: number): number | null =>
  watermark === null ? null : Math.floor((nowMs - Date.parse(watermark)) / 1000);

const snapshotOf = ({ record }: Attached, nowMs: number): NonNullable<DatasetReport['active_snapshot']> => ({
  snapshot_id: record.snapshotId,
  watermark: record.watermark,
  age_seconds: ageSeconds(record.watermark, nowMs),
  rows: record.rows,
  loaded_at: record.loadedAt,
  quality: record.quality,
});
const attemptOf = ({ snapshotId, status, at, note }: Attempt): NonNullable<DatasetReport['last_attempted']> => ({
  snapshot_id: snapshotId,
  status,
  at,
  note,
});

/** Null without a snapshot. */
const staleOf = (snapshot: DatasetReport['active_snapshot'], { maxStalenessMs }: CompiledDataset): boolean | null => {
  if (snapshot === null) return null;
  const { age_seconds: age } = snapshot;
  return age !== null && maxStalenessMs !== null && age * 1000 > maxStalenessMs;
};

const quarantinedOf = ({ dataset, attempt, damaged }: State, nowMs: number): DatasetReport['quarantined'] => [
  ...dataset.snapshot.blocked.map((id) => ({
    snapshot_id: id,
    at: attempt?.at ?? new Date(nowMs).toISOString(),
    reason: 'blocked by snapshot.blocked',
  })),
  ...(damaged === null
    ? []
    : [
        {
          snapshot_id: damaged.snapshotId,
          at: new Date(damaged.atMs).toISOString(),
          reason: 'its files on the cache volume are damaged or gone',
        },
      ]),
];

const lastGoodOf = ({ active, index }: State): DatasetReport['last_good'] =>
  active === null ? null : { snapshot_id: active.record.snapshotId, at: index.lastGoodAt ?? active.record.loadedAt };

export const reportOf = (state: State, nowMs: number): DatasetReport => {
  const { dataset, active, attempt } = state;
  const snapshot = active === null ? null : snapshotOf(active, nowMs);
  const errors = (attempt?.problems ?? []).map(errorOf);
  return {
    dataset: dataset.name,
    source: dataset.source.kind,
    active_snapshot: snapshot,
    staged: state.staged?.record.snapshotId ?? null,
    last_attempted: attempt === null ? null : attemptOf(attempt),
    last_good: lastGoodOf(state),
    kept: state.kept.map((one) => one.record.snapshotId),
    quarantined: quarantinedOf(state, nowMs),
    refresh_error: errors[0] ?? null,
    refresh_errors: errors,
    rebuilt: state.index.rebuilt,
    refreshed: state.index.refreshed,
    rollback_refused: refusal(dataset, active?.record ?? null, state.isPinMissed),
    source_reachable: state.reachable,
    manifest_valid: attempt?.status === 'ok' ? true : state.manifestValid,
    stale: staleOf(snapshot, dataset),
    cache_healthy: state.damaged === null,
    layout: active?.record.layout ?? null,
  };
};
