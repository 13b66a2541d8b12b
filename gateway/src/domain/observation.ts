/** Everything worth telling, as data. observe/ turns it into log lines and metrics; domain code sees neither. */
import type { AttemptStatus, Problem } from '@offloader/contract';

/** A span of a caller, as W3C Trace Context names it. */
export type CallerSpan = { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };

export const cutReasons = ['slow_reader', 'timeout', 'failed'] as const;
type CutReason = (typeof cutReasons)[number];

export type Observation =
  | { kind: 'booted'; apiPort: number; adminPort: number; revision: string | null; version: string }
  | { kind: 'config_applied'; revision: string; sequence: number; datasets: number; endpoints: number; keys: number }
  | { kind: 'config_rejected'; error: string }
  | { kind: 'config_fallback'; revision: string; why: string }
  | {
      kind: 'refresh_ended';
      dataset: string;
      status: AttemptStatus;
      snapshotId: string | null;
      problems: readonly Problem[];
      tookMs: number;
    }
  | { kind: 'load_ended'; dataset: string; snapshotId: string; rows: number; bytes: number; tookMs: number }
  | {
      kind: 'snapshot_swapped';
      dataset: string;
      snapshotId: string;
      previous: string | null;
      cause: 'refresh' | 'rollback' | 'warm_start' | 'rebuild' | 'cutover' | 'fallback';
    }
  | { kind: 'snapshot_quarantined'; dataset: string; snapshotId: string | null; reason: string }
  | { kind: 'quarantine_removed'; name: string; reason: 'age' | 'bytes' | 'room' }
  | { kind: 'orphan_collected'; path: string }
  /** The last check of the cache volume said something else than the one before. */
  | { kind: 'cache_volume_changed'; status: 'ok' | 'failed'; reason: string | null }
  /** Its folders had gone and are there again, empty. */
  | { kind: 'cache_volume_renewed' }
  | { kind: 'engine_failed'; error: string }
  | { kind: 'engine_replaced'; attached: number }
  | {
      kind: 'request_ended';
      requestId: string;
      /** null: bytes that are no request. */
      method: string | null;
      /** A path that is declared, never what was asked for; null when there is none. */
      route: string | null;
      endpoint: string | null;
      keyId: string | null;
      status: number;
      tookMs: number;
      /** The form that was asked for; null when none can be met. */
      format: string | null;
      /** The caller's span, when it sent a W3C traceparent. */
      trace: CallerSpan | null;
      cache: 'hit' | 'miss' | 'off' | null;
      rows: number | null;
      snapshotId: string | null;
      poolWaitMs: number | null;
      queryMs: number | null;
      /** Why an answer was broken off that had begun to go out. */
      cut?: CutReason;
      /** Only in the log, never in an answer. */
      cause?: string;
    }
  /** not_granted: a good key asked for what is not there for it. */
  | { kind: 'auth_failed'; reason: 'missing' | 'malformed' | 'unknown' | 'revoked' | 'expired' | 'not_granted' }
  | { kind: 'rate_limited'; endpoint: string; keyId: string }
  | { kind: 'draining' }
  | { kind: 'crashed'; error: string; requestId?: string };
export type Observe = (observation: Observation) => void;
