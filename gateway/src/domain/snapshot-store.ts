/** What the snapshots room offers to boot, admin and config: the lifecycle of every dataset's snapshots. */
import type { CacheVolume, CompiledDataset, Credentials, DatasetReport } from '@offloader/contract';
import type { LiveState, Serving } from './serving.ts';

export interface Snapshots {
  /** The active and kept Servings, for Live. */
  readonly state: Pick<LiveState, 'lease'> & {
    servings(): ReadonlyMap<string, Serving>;
    kept(): ReadonlyMap<string, Serving>;
    /** Called synchronously inside every swap, so that Live flips in the same tick. */
    onSwap(listener: (dataset: string) => void): void;
  };
  /** Warm start: attach what the index and this configuration agree on, before any source is contacted. */
  warmStart(datasets: readonly CompiledDataset[]): Promise<void>;
  /** The whole desired state; adds, removes, reschedules, rolls back, pins, rebuilds, forces refresh as it differs from before. Never throws for one dataset's sake. */
  configure(datasets: readonly CompiledDataset[], credentials: Credentials): void;
  /** One refresh now; resolves when the attempt ended. */
  refresh(dataset: string, options: { force: boolean }): Promise<void>;
  reports(nowMs: number): readonly DatasetReport[];
  /** Resolves when every dataset configured so far has been tried once. */
  firstPass(): Promise<void>;
  /** True when every dataset configured at boot was tried once and those that can load are active. */
  bootDone(): boolean;
  /** The operator asked /diagnostics just now (Coordinated activation waits for it while it is alive). */
  operatorSeen(): void;
  /** A query of this Serving met what may be a damaged file. */
  suspect(dataset: string, epoch: number): void;
  /** Looks now whether the files of every dataset are there and attached. */
  checkFiles(): void;
  /** What the last looks at the cache volume have shown. */
  cacheVolume(): CacheVolume;
  diskFreeBytes(): Promise<number | null>;
  close(): Promise<void>;
}
