/** The Report is what a gateway pod says of itself at /diagnostics; the operator and the CLI read nothing else of it. */
import type { Incident } from './bundle.ts';
import type { Owner, ProblemCode } from './problem.ts';

export type AttemptStatus = 'ok' | 'unchanged' | 'rejected' | 'failed';
export type RefreshError = { readonly code: ProblemCode; readonly path: string; readonly message: string; readonly owner: Owner };

export type DatasetReport = {
  readonly dataset: string;
  readonly source: 'manifest' | 'databricks';
  readonly active_snapshot: {
    readonly snapshot_id: string;
    readonly watermark: string | null;
    readonly age_seconds: number | null;
    readonly rows: number;
    readonly loaded_at: string;
    readonly quality: 'passed' | 'warning' | 'failed';
  } | null;
  /** Loaded and waiting for the operator's word (activation: Coordinated); null otherwise. */
  readonly staged: string | null;
  readonly last_attempted: {
    readonly snapshot_id: string | null;
    readonly status: AttemptStatus;
    readonly at: string;
    readonly note: string | null;
  } | null;
  readonly last_good: { readonly snapshot_id: string; readonly at: string } | null;
  readonly kept: readonly string[];
  readonly quarantined: readonly { readonly snapshot_id: string; readonly at: string; readonly reason: string }[];
  readonly refresh_error: RefreshError | null;
  /** Every finding of the last rejected or failed attempt; refresh_error is the first. */
  readonly refresh_errors: readonly RefreshError[];
  /** The last rebuild and refresh tokens that were acted on. */
  readonly rebuilt: string | null;
  readonly refreshed: string | null;
  /** The pin or block that could not be obeyed, in words; null when none. */
  readonly rollback_refused: string | null;
  readonly source_reachable: boolean | null;
  readonly manifest_valid: boolean | null;
  readonly stale: boolean | null;
  readonly cache_healthy: boolean;
  /** The layout that is being served; differs from the configured one until a blue-green cutover is done. */
  readonly layout: string | null;
};

export type ConfigSync =
  | { readonly enabled: false }
  | {
      readonly enabled: true;
      readonly result: 'init' | 'unchanged' | 'applied' | 'error';
      readonly error: string | null;
      readonly last_checked: string | null;
      readonly last_applied: string | null;
      readonly revision: string | null;
      readonly sequence: number;
    };

/** Whether the cache volume as a whole can be used; 'failed' when nothing that the gateway itself can do mends it. */
export type CacheVolume = {
  readonly status: 'ok' | 'failed';
  /** A stable word: vanished (the folder is gone and cannot be made anew), unwritable, unreadable. */
  readonly reason: 'vanished' | 'unwritable' | 'unreadable' | null;
  /** RFC 3339 UTC: since when it failed. */
  readonly since: string | null;
};

export type Report = {
  readonly build_version: string;
  readonly pod: string | null;
  readonly config_revision: string | null;
  readonly duckdb_status: 'ok' | 'error';
  readonly pool: { readonly connections: number; readonly busy: number; readonly saturated: boolean; readonly remote_cap: number };
  readonly disk: { readonly cache_dir_free_bytes: number | null };
  readonly cache_volume: CacheVolume;
  readonly ready: boolean;
  readonly config_sync: ConfigSync;
  readonly datasets: readonly DatasetReport[];
  /** Last use per key id, only keys used since the process started. */
  readonly keys: readonly { readonly id: string; readonly last_used_at: string }[];
  readonly incidents: readonly Incident[];
};
