/** What a dataset's lifecycle needs, and what it offers to the room. */
import type { CompiledDataset, DatasetReport, SourceCredentials } from '@offloader/contract';
import type { Observe } from '../domain/observation.ts';
import type { LoadPorts } from './materialise.ts';
import type { OpenStore } from './object-store.ts';
import type { DatasetIndex } from './record.ts';
import type { Servings } from './servings.ts';
import type { WarmStart } from './warm-start.ts';

/** 'no' loads what is new; 'refresh' also what serves already; 'rebuild' that very snapshot, its old copy going into quarantine. */
export type Force = 'no' | 'refresh' | 'rebuild';

export type DatasetPorts = LoadPorts & {
  readonly servings: Servings;
  readonly openStore: OpenStore;
  readonly observe: Observe;
  readonly save: () => Promise<void>;
  readonly now: () => number;
  readonly elapsedMs: () => number;
  readonly random: () => number;
  /** Whether an operator has been heard of lately: only then a coordinated activation waits for its word. */
  readonly operatorAlive: () => boolean;
  /** How long it is waited for. */
  readonly releaseOverdueMs: number;
};

export type DatasetActor = {
  configure(dataset: CompiledDataset, credentials: SourceCredentials | null): void;
  /** Puts what was found on the volume into service; called once, before configure. */
  warm(found: WarmStart): void;
  refresh(force: boolean): Promise<void>;
  /** Coordinated activation: looks whether the staged snapshot may go live now. */
  tick(): void;
  /** A query of this serving met what may be a damaged file: it is read in full, and condemned if it does not read. */
  suspect(epoch: number): void;
  /** Looks whether every file is still there and attached. */
  checkFiles(): Promise<void>;
  /** The ids of the loads it holds. */
  loads(): readonly string[];
  index(): DatasetIndex;
  report(nowMs: number): DatasetReport;
  triedOnce(): boolean;
  firstTry(): Promise<void>;
  /** Ends polling and loads; `drop` also removes every file. */
  end(drop: boolean): Promise<void>;
};
