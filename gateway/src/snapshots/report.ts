/** What /diagnostics says of one dataset. */
import {
  type AttemptStatus,
  type CompiledDataset,
  type DatasetReport,
  ownerOf,
  type Problem,
  type RefreshError,
} from '@offloader/contract';
import type { DatasetIndex } from './record.ts';
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
  readonly refused: string | null;
  readonly reachable: boolean | null;
  readonly manifestValid: boolean | null;
  readonly healthy: boolean;
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

export const reportOf = (state: State, nowMs: number): DatasetReport => {
  const { dataset, active, attempt } = state;
  const age = active === null ? null : ageSeconds(active.record.watermark, nowMs);
  const errors = attempt === null || attempt.status === 'ok' || attempt.status === 'unchanged' ? [] : attempt.problems.map(errorOf);
  return {
    dataset: dataset.name,
    source: dataset.source.kind,
    active_snapshot:
      active === null
        ? null
        : {
            snapshot_id: active.record.snapshotId,
            watermark: active.record.watermark,
            age_seconds: age,
            rows: active.record.rows,
            loaded_at: active.record.loadedAt,
            quality: active.record.quality,
          },
    staged: state.staged?.record.snapshotId ?? null,
    last_attempted:
      attempt === null ? null : { snapshot_id: attempt.snapshotId, status: attempt.status, at: attempt.at, note: attempt.note },
    last_good: active === null ? null : { snapshot_id: active.record.snapshotId, at: state.index.lastGoodAt ?? active.record.loadedAt },
    kept: state.kept.map((one) => one.record.snapshotId),
    quarantined: dataset.snapshot.blocked.map((id) => ({
      snapshot_id: id,
      at: attempt?.at ?? new Date(nowMs).toISOString(),
      reason: 'blocked by snapshot.blocked',
    })),
    refresh_error: errors[0] ?? null,
    refresh_errors: errors,
    rebuilt: state.index.rebuilt,
    refreshed: state.index.refreshed,
    rollback_refused: state.refused,
    source_reachable: state.reachable,
    manifest_valid: attempt?.status === 'ok' ? true : state.manifestValid,
    stale: age === null || dataset.maxStalenessMs === null ? (active === null ? null : false) : age * 1000 > dataset.maxStalenessMs,
    cache_healthy: state.healthy,
    layout: active?.record.layout ?? null,
  };
};
