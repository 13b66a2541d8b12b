/** What is known of one dataset. Its own attempts, one at a time, and its configuration change it; nobody else does. */
import type { CompiledDataset, SourceCredentials } from '@offloader/contract';
import type { ObjectStore } from './object-store.ts';
import { type Damaged, type DatasetIndex, emptyIndex } from './record.ts';
import type { Attempt } from './report.ts';

export type DatasetState = {
  dataset: CompiledDataset;
  credentials: SourceCredentials | null;
  store: ObjectStore;
  index: DatasetIndex;
  /** The manifest that was looked at last and what it named; a conditional request is right only while that is what we have. */
  seen: { readonly etag: string; readonly snapshotId: string } | null;
  attempt: Attempt | null;
  /** Attempts that failed since the last that did not. */
  failures: number;
  /** The snapshot that is being loaded. */
  loading: string | null;
  /** Whether the source, when it answered last, did not bring what is pinned. */
  isPinMissed: boolean;
  reachable: boolean | null;
  manifestValid: boolean | null;
  damaged: Damaged | null;
  ended: boolean;
  /** Ends the load that runs. */
  abort: AbortController;
};

export const createDatasetState = (dataset: CompiledDataset, store: ObjectStore): DatasetState => ({
  dataset,
  credentials: null,
  store,
  index: emptyIndex,
  seen: null,
  attempt: null,
  failures: 0,
  loading: null,
  isPinMissed: false,
  reachable: null,
  manifestValid: null,
  damaged: null,
  ended: false,
  abort: new AbortController(),
});
