/** Everything the operator has to tell. Logs and metrics are two consumers of it. */
import type { Kind, VolumeCause, VolumePhase } from '@offloader/contract';

export type Observation =
  | { readonly kind: 'listed'; readonly watcher: string; readonly objects: number; readonly found: number }
  | { readonly kind: 'watch_ended'; readonly watcher: string; readonly end: 'closed' | 'expired' }
  | { readonly kind: 'watch_failed'; readonly watcher: string; readonly error: unknown; readonly retryInMs: number }
  | {
      readonly kind: 'reconciled';
      readonly controller: string;
      readonly key: string;
      readonly tookMs: number;
      readonly error: unknown;
      readonly retryInMs: number | null;
    }
  | {
      readonly kind: 'started';
      readonly version: string;
      readonly namespace: string;
      readonly release: string;
      readonly identity: string;
      readonly httpPort: number;
    }
  | { readonly kind: 'elected'; readonly identity: string }
  | { readonly kind: 'leadership_lost'; readonly identity: string }
  | { readonly kind: 'election_failed'; readonly error: unknown }
  | { readonly kind: 'restored'; readonly revision: string; readonly sequence: number }
  | { readonly kind: 'nothing_restored'; readonly why: string }
  | {
      readonly kind: 'bundle_written';
      readonly revision: string;
      readonly sequence: number;
      readonly writes: number;
      readonly tookMs: number;
    }
  | { readonly kind: 'drift_corrected'; readonly object: string }
  | { readonly kind: 'credentials_missing'; readonly secret: string }
  | { readonly kind: 'token_written'; readonly key: string; readonly what: 'minted' | 'rotated' | 'moved' }
  | { readonly kind: 'event_lost'; readonly object: string; readonly reason: string; readonly error: unknown }
  | { readonly kind: 'snapshot_released'; readonly dataset: string; readonly snapshotId: string }
  | { readonly kind: 'nudged'; readonly pod: string; readonly sequence: number; readonly attempt: number }
  | { readonly kind: 'pod_unreachable'; readonly pod: string; readonly why: string }
  | { readonly kind: 'pod_reachable'; readonly pod: string }
  | {
      readonly kind: 'volume_quarantine';
      readonly pod: string;
      readonly phase: VolumePhase;
      readonly cause: VolumeCause;
      /** The token of the request. */
      readonly asked: string;
      readonly volume: string | null;
      readonly message: string;
    }
  | { readonly kind: 'status_written'; readonly object: string; readonly resource: Kind }
  /** For metrics alone. */
  | { readonly kind: 'api_request'; readonly method: string; readonly status: number; readonly tookMs: number }
  | { readonly kind: 'stopped' };

export type Observe = (observation: Observation) => void;
