/** The snapshots room: every dataset's lifecycle side by side, warm start, leftovers, what is told of them. */
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompiledDataset } from '@offloader/contract';
import type { Engine } from '../domain/engine.ts';
import type { Observe } from '../domain/observation.ts';
import type { QuarantineBounds } from '../domain/quarantine.ts';
import { decideServing } from '../domain/refresh.ts';
import type { Snapshots } from '../domain/snapshot-store.ts';
import { createAdmission } from './admission.ts';
import { createDataset } from './dataset.ts';
import type { DatasetActor } from './dataset-actor.ts';
import { freeBytes } from './disk.ts';
import { folders } from './layout.ts';
import type { LoadLimits } from './materialise.ts';
import type { OpenStore } from './object-store.ts';
import { createQuarantine } from './quarantine.ts';
import { type CacheIndex, createIndexWriter, type DatasetIndex, readIndex, readRecord } from './record.ts';
import { type Attached, createServings } from './servings.ts';

export type SnapshotsOptions = {
  readonly cacheDir: string;
  readonly engine: Engine;
  readonly openStore: OpenStore;
  readonly observe: Observe;
  readonly limits: LoadLimits;
  readonly loadConcurrency: number;
  readonly quarantine: QuarantineBounds;
  readonly now?: () => number;
  readonly random?: () => number;
  /** How long after its last word the operator counts as gone; then replicas activate on their own. */
  readonly operatorGoneMs?: number;
};

const tickMs = 250;
const trimMs = 3_600_000;

/** Opens the room on a cache volume. Throws when the volume cannot be written. */
export const createSnapshots = async (
  options: SnapshotsOptions,
): Promise<Snapshots & { reportCorrupt(dataset: string, epoch: number): void }> => {
  const { cacheDir, engine, observe } = options;
  const now = options.now ?? Date.now;
  const operatorGoneMs = options.operatorGoneMs ?? 120_000;
  const place = folders(cacheDir);
  await mkdir(place.snapshots, { recursive: true });
  const quarantine = createQuarantine(cacheDir, { bounds: options.quarantine, observe, now });
  const servings = createServings(cacheDir, engine, quarantine);
  const actors = new Map<string, DatasetActor>();
  let operatorSeenMs = Number.NEGATIVE_INFINITY;
  let remembered: CacheIndex = await readIndex(cacheDir);

  const state = (): CacheIndex => ({ format: 1, datasets: Object.fromEntries([...actors].map(([name, actor]) => [name, actor.index()])) });
  const writer = createIndexWriter(cacheDir, state);
  const ports = {
    cacheDir,
    servings,
    openStore: options.openStore,
    observe,
    limits: options.limits,
    admission: createAdmission(cacheDir, options.loadConcurrency),
    makeRoom: quarantine.makeRoom,
    save: writer.save,
    now,
    random: options.random ?? Math.random,
    // By a clock that nobody sets.
    operatorAlive: () => performance.now() - operatorSeenMs < operatorGoneMs,
  };

  /** Attaches a remembered load, or moves it aside and says so: a damaged file means a cold start of this dataset alone. */
  const recover = async (dataset: CompiledDataset, loadId: string): Promise<Attached | null> => {
    const record = await readRecord(cacheDir, dataset.name, loadId);
    if (record === undefined || record.layout !== dataset.layout) {
      await rm(place.load(dataset.name, loadId), { recursive: true, force: true });
      return null;
    }
    try {
      return await servings.attach(record);
    } catch {
      observe({
        kind: 'snapshot_quarantined',
        dataset: dataset.name,
        snapshotId: record.snapshotId,
        reason: 'the snapshot file does not read',
      });
      await servings.retire({ record, serving: { epoch: -1 } as Attached['serving'], alias: '' }, 'quarantine');
      return null;
    }
  };

  const warmOne = async (dataset: CompiledDataset, index: DatasetIndex): Promise<void> => {
    const found = (await Promise.all([index.active, ...index.kept].map(async (id) => (id === null ? null : recover(dataset, id))))).filter(
      (one) => one !== null,
    );
    const active = found.find((one) => one.record.loadId === index.active) ?? null;
    const others = found.filter((one) => one !== active);
    const decision = decideServing(
      dataset,
      active?.record ?? null,
      others.map((one) => one.record),
    );
    const chosen = decision.kind === 'swap' ? (others.find((one) => one.record.snapshotId === decision.snapshotId) ?? active) : active;
    const actor = actorOf(dataset);
    // Without its active snapshot a dataset starts from its source, conditional requests forgotten.
    actor.warm(
      chosen,
      found.filter((one) => one !== chosen),
      chosen === active ? index : { ...index, etag: null },
    );
    if (chosen !== null)
      observe({
        kind: 'snapshot_swapped',
        dataset: dataset.name,
        snapshotId: chosen.record.snapshotId,
        previous: null,
        cause: 'warm_start',
      });
  };

  const actorOf = (dataset: CompiledDataset): DatasetActor => {
    const held = actors.get(dataset.name);
    if (held !== undefined) return held;
    const made = createDataset(dataset, ports);
    actors.set(dataset.name, made);
    return made;
  };

  /** What a crash or a removed dataset left behind. */
  const collectOrphans = async (names: ReadonlySet<string>): Promise<void> => {
    for (const dataset of await readdir(place.snapshots)) {
      const living = names.has(dataset)
        ? new Set([remembered.datasets[dataset]?.active, ...(remembered.datasets[dataset]?.kept ?? [])])
        : new Set();
      for (const loadId of await readdir(place.dataset(dataset)).catch(() => [])) {
        if (living.has(loadId)) continue;
        const path = place.load(dataset, loadId);
        await rm(path, { recursive: true, force: true });
        observe({ kind: 'orphan_collected', path: join(dataset, loadId) });
      }
      // Of a removed dataset the folder is left, empty; one with loads stays.
      await rmdir(place.dataset(dataset)).catch(() => undefined);
    }
  };

  let trimmedMs = Number.NEGATIVE_INFINITY;
  const trim = (): void => {
    // Also after a clock was set back.
    if (Math.abs(now() - trimmedMs) < trimMs) return;
    trimmedMs = now();
    void quarantine.trim().catch(() => undefined);
  };
  const timer = setInterval(() => {
    for (const actor of actors.values()) actor.tick();
    trim();
  }, tickMs);
  timer.unref();
  let bootNames: readonly string[] = [];

  return {
    state: { lease: servings.lease, servings: servings.servings, kept: servings.kept, onSwap: servings.onSwap },
    warmStart: async (datasets) => {
      bootNames = datasets.map((dataset) => dataset.name);
      await collectOrphans(new Set(bootNames));
      await Promise.all(
        datasets.map(async (dataset) => {
          const index = remembered.datasets[dataset.name];
          if (index !== undefined) await warmOne(dataset, index);
        }),
      );
      remembered = { format: 1, datasets: {} };
    },
    configure: (datasets, credentials) => {
      const wanted = new Set(datasets.map((dataset) => dataset.name));
      for (const [name, actor] of actors) {
        if (wanted.has(name)) continue;
        actors.delete(name);
        void actor.end(true).then(writer.save);
      }
      for (const dataset of datasets) {
        const { credentials: secret } = dataset.source;
        const actor = actorOf(dataset);
        actor.configure(dataset, secret === null ? null : (credentials[secret] ?? null));
        actor.tick();
      }
    },
    refresh: async (dataset, { force }) => actors.get(dataset)?.refresh(force),
    reports: (nowMs) => [...actors].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, actor]) => actor.report(nowMs)),
    firstPass: async () => void (await Promise.all([...actors.values()].map(async (actor) => actor.firstTry()))),
    bootDone: () => bootNames.every((name) => actors.get(name)?.triedOnce() ?? true),
    operatorSeen: () => {
      operatorSeenMs = performance.now();
    },
    reportCorrupt: (dataset, epoch) => actors.get(dataset)?.healthFailed(epoch),
    diskFreeBytes: async () => freeBytes(cacheDir),
    close: async () => {
      clearInterval(timer);
      await Promise.all([...actors.values()].map(async (actor) => actor.end(false)));
      await writer.save().catch(() => undefined);
    },
  };
};
