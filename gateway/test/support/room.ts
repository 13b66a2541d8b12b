// The snapshots room alone, over a lake in a folder: real files, a real loader process, a real DuckDB, and no HTTP.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompiledDataset, DatasetReport } from '@offloader/contract';
import type { Engine } from '../../src/domain/engine.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createEngine } from '../../src/duckdb/engine.ts';
import { openStore } from '../../src/object-store/open.ts';
import { createSnapshots, type SnapshotsOptions } from '../../src/snapshots/snapshots.ts';
import { removeUsed } from './gateway.ts';
import { createLake, type Lake } from './lake.ts';

type Snapshots = Awaited<ReturnType<typeof createSnapshots>>;
export type Room = {
  readonly cacheDir: string;
  readonly lake: Lake;
  readonly engine: Engine;
  readonly snapshots: Snapshots;
  readonly observed: Observation[];
  /** Configures these datasets and waits until each was tried once. */
  start(...datasets: readonly CompiledDataset[]): Promise<void>;
  /** Ends engine and room; open again with `reopen`. */
  close(): Promise<void>;
  /** As a restart on the same volume: what lies there serves before any source is asked. Null when no configuration comes. */
  reopen(datasets: readonly CompiledDataset[] | null, options?: Partial<SnapshotsOptions>): Promise<void>;
  report(dataset?: string): DatasetReport;
  activeId(dataset?: string): string | undefined;
  /** Every distinct value of `visits`, which carries the snapshot's number, with the id of the Serving that answered. */
  answer(dataset?: string): Promise<{ id: string; values: number[] }>;
  end(): Promise<void>;
};

export const openRoom = async (given: Partial<SnapshotsOptions> = {}): Promise<Room> => {
  const cacheDir = given.cacheDir ?? (await mkdtemp(join(tmpdir(), 'offloader-cache-')));
  const lake = await createLake();
  const observed: Observation[] = [];
  const openBoth = async (options: Partial<SnapshotsOptions>) => {
    const engine = await createEngine({ cacheDir, poolSize: 8, remoteScanConcurrency: 8, threads: 2, memoryLimit: '512MiB' });
    const snapshots = await createSnapshots({
      cacheDir,
      engine,
      openStore,
      observe: (event) => observed.push(event),
      limits: { memoryLimit: '512MiB', threads: 1 },
      loadConcurrency: 2,
      quarantine: { maxBytes: 2 ** 30, maxAgeMs: 86_400_000 },
      operatorGoneMs: 0,
      random: () => 0.5,
      ...given,
      ...options,
    });
    return { engine, snapshots };
  };
  let both = await openBoth({});
  const room: Room = {
    cacheDir,
    lake,
    observed,
    get engine() {
      return both.engine;
    },
    get snapshots() {
      return both.snapshots;
    },
    start: async (...datasets) => {
      both.snapshots.configure(datasets, {});
      await both.snapshots.firstPass();
    },
    close: async () => {
      await both.snapshots.close();
      await both.engine.close();
    },
    reopen: async (datasets, options = {}) => {
      both = await openBoth(options);
      if (datasets !== null) await both.snapshots.warmStart(datasets);
    },
    report: (dataset = 'visits') => both.snapshots.reports(Date.now()).find((one) => one.dataset === dataset)!,
    activeId: (dataset) => room.report(dataset).active_snapshot?.snapshot_id,
    answer: async (dataset = 'visits') => {
      const serving = both.snapshots.state.servings().get(dataset);
      if (serving === undefined) throw new Error(`nothing serves for ${dataset}`);
      const lease = both.snapshots.state.lease(serving);
      try {
        const text = `SELECT DISTINCT visits::BIGINT FROM ${serving.relations.LocalTable ?? serving.relations.RemoteScan ?? ''}`;
        const options = { mode: 'LocalTable' as const, signal: new AbortController().signal, timeoutMs: 30_000 };
        const result = await both.engine.query({ text, values: [] }, options, async ({ chunks }) => {
          const values: number[] = [];
          for await (const chunk of chunks) values.push(...chunk.map((row) => Number(row[0])));
          return values;
        });
        if (!result.ok) throw new Error(JSON.stringify(result.error));
        return { id: serving.snapshotId, values: result.value.value };
      } finally {
        lease.release();
      }
    },
    end: async () => {
      await room.close();
      await lake.remove();
      await removeUsed(cacheDir);
    },
  };
  return room;
};
