/** The snapshots room: every dataset's lifecycle side by side, warm start, leftovers, what is told of them. */
import { join } from 'node:path';
import type { CompiledDataset } from '@offloader/contract';
import pLimit from 'p-limit';
import type { Engine } from '../domain/engine.ts';
import type { Observe } from '../domain/observation.ts';
import type { QuarantineBounds } from '../domain/quarantine.ts';
import type { Snapshots } from '../domain/snapshot-store.ts';
import { createAdmission } from './admission.ts';
import { createVolumeWatch, makeFolders } from './cache-volume.ts';
import { createDataset } from './dataset.ts';
import type { DatasetActor } from './dataset-actor.ts';
import { freeBytes } from '../free-bytes.ts';
import type { LoadLimits } from './materialise.ts';
import type { OpenStore } from './object-store.ts';
import { clearTheWay, collectOrphans } from './orphans.ts';
import { createQuarantine } from './quarantine.ts';
import { type CacheIndex, readIndex, writeIndex } from './record.ts';
import { createSaver } from './saver.ts';
import { createServings } from './servings.ts';
import { findOnVolume } from './warm-start.ts';

export type SnapshotsOptions = {
  readonly cacheDir: string;
  readonly engine: Engine;
  readonly openStore: OpenStore;
  readonly observe: Observe;
  readonly limits: LoadLimits;
  readonly loadConcurrency: number;
  readonly quarantine: QuarantineBounds;
  readonly now?: () => number;
  /** Milliseconds by a clock that nobody sets. */
  readonly elapsedMs?: () => number;
  readonly random?: () => number;
  /** How long after its last word the operator counts as gone; then replicas activate on their own. */
  readonly operatorGoneMs?: number;
  /** How long a loaded snapshot waits for the release of an operator that is about. */
  readonly releaseOverdueMs?: number;
  /** How often the volume and the files on it are looked at. */
  readonly checkMs?: number;
};

const tickMs = 250;
const trimMs = 3_600_000;

/** Opens the room on a cache volume, also on one that cannot be written: what lies there serves. */
export const createSnapshots = async (options: SnapshotsOptions): Promise<Snapshots> => {
  const { cacheDir, engine, observe } = options;
  const now = options.now ?? Date.now;
  const elapsedMs = options.elapsedMs ?? (() => performance.now());
  const operatorGoneMs = options.operatorGoneMs ?? 120_000;
  // An operator releases within 60 s; without a nudge a mount may take as long again.
  const releaseOverdueMs = options.releaseOverdueMs ?? 180_000;
  await makeFolders(cacheDir);
  const volume = createVolumeWatch(cacheDir, { observe, now });
  const quarantine = createQuarantine(cacheDir, { bounds: options.quarantine, observe, now });
  const servings = createServings(cacheDir, engine, quarantine);
  const actors = new Map<string, DatasetActor>();
  let operatorSeenMs = Number.NEGATIVE_INFINITY;
  let remembered: CacheIndex = await readIndex(cacheDir);

  /** What no warm start has looked at yet stays as it was: a gateway that ends before its configuration comes forgets nothing. */
  const state = (): CacheIndex => {
    const known = Object.fromEntries([...actors].map(([name, actor]) => [name, actor.index()]));
    return { format: 1, datasets: { ...remembered.datasets, ...known } };
  };
  const save = createSaver(async () => writeIndex(cacheDir, state()));
  const ports = {
    cacheDir,
    servings,
    openStore: options.openStore,
    observe,
    limits: options.limits,
    admission: createAdmission(cacheDir, options.loadConcurrency),
    makeRoom: quarantine.makeRoom,
    save,
    now,
    elapsedMs,
    random: options.random ?? Math.random,
    operatorAlive: () => elapsedMs() - operatorSeenMs < operatorGoneMs,
    releaseOverdueMs,
  };

  const actorOf = (dataset: CompiledDataset): DatasetActor => {
    const held = actors.get(dataset.name);
    if (held !== undefined) return held;
    const made = createDataset(dataset, ports);
    actors.set(dataset.name, made);
    return made;
  };

  const checkFiles = (): void => {
    for (const actor of actors.values()) void actor.checkFiles();
  };
  const checkVolume = async (): Promise<void> => {
    const isBack = await volume.check();
    if (isBack) {
      await save().catch(() => undefined);
      // What failed for want of the volume waits for nothing any more.
      for (const actor of actors.values()) void actor.refresh(false);
    }
    checkFiles();
  };
  let trimmedMs = Number.NEGATIVE_INFINITY;
  const trim = (): void => {
    // Also after a clock was set back.
    if (Math.abs(now() - trimmedMs) < trimMs) return;
    trimmedMs = now();
    void quarantine.trim().catch(() => undefined);
  };
  const timers = [
    setInterval(() => {
      for (const actor of actors.values()) actor.tick();
      trim();
    }, tickMs),
    setInterval(() => void checkVolume(), options.checkMs ?? 15_000),
  ];
  for (const timer of timers) timer.unref();
  let bootNames: readonly string[] = [];

  return {
    state: { lease: servings.lease, servings: servings.servings, kept: servings.kept, onSwap: servings.onSwap },
    warmStart: async (datasets) => {
      bootNames = datasets.map((dataset) => dataset.name);
      await clearTheWay(cacheDir, bootNames, quarantine);
      const oneByOne = pLimit(1);
      await Promise.all(
        datasets.map(async (dataset) => {
          const index = remembered.datasets[dataset.name];
          if (index === undefined) return;
          const found = await findOnVolume({ cacheDir, servings, observe, oneByOne }, dataset, index);
          actorOf(dataset).warm(found);
          if (found.active !== null)
            observe({
              kind: 'snapshot_swapped',
              dataset: dataset.name,
              snapshotId: found.active.record.snapshotId,
              previous: null,
              cause: 'warm_start',
            });
        }),
      );
      remembered = { format: 1, datasets: {} };
      await volume.check();
      // After what serves was found: what a crash, a removed dataset or a changed contract has left is then what nobody holds.
      const living = new Set([...actors].flatMap(([name, actor]) => actor.loads().map((loadId) => join(name, loadId))));
      for (const path of await collectOrphans(cacheDir, living)) observe({ kind: 'orphan_collected', path });
    },
    configure: (datasets, credentials) => {
      const wanted = new Set(datasets.map((dataset) => dataset.name));
      for (const [name, actor] of actors) {
        if (wanted.has(name)) continue;
        actors.delete(name);
        void actor
          .end(true)
          .then(save)
          .catch(() => undefined);
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
      operatorSeenMs = elapsedMs();
    },
    suspect: (dataset, epoch) => actors.get(dataset)?.suspect(epoch),
    checkFiles,
    cacheVolume: volume.status,
    diskFreeBytes: async () => freeBytes(cacheDir),
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([...actors.values()].map(async (actor) => actor.end(false)));
      await save().catch(() => undefined);
    },
  };
};
