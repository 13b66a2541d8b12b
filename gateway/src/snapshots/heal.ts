/** Damage to a dataset's files on the volume: found, proved, taken out of service, built again. Other datasets never notice. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Activation } from './activation.ts';
import type { DatasetActor, DatasetPorts } from './dataset-actor.ts';
import type { DatasetState } from './dataset-state.ts';
import type { Holdings } from './holdings.ts';
import { folders } from './layout.ts';
import { databaseFile } from './load-job.ts';
import type { Attached } from './servings.ts';

/** A full read costs: a snapshot that is suspected over and over is read once a minute at most. */
const betweenReadsMs = 60_000;

const isGone = async (file: string): Promise<boolean> =>
  stat(file).then(
    () => false,
    (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(String((error as { code?: unknown }).code)),
  );

export const createHealer = (
  state: DatasetState,
  held: Holdings,
  activation: Activation,
  { servings, cacheDir, now, observe }: Pick<DatasetPorts, 'servings' | 'cacheDir' | 'now' | 'observe'>,
  rebuild: () => void,
): Pick<DatasetActor, 'suspect' | 'checkFiles'> => {
  const readAtMs = new WeakMap<Attached, number>();
  const all = (): readonly Attached[] => [...new Set([held.active(), held.staged(), ...held.kept()])].filter((one) => one !== null);
  const tell = (one: Attached, reason: string): void =>
    observe({ kind: 'snapshot_quarantined', dataset: state.dataset.name, snapshotId: one.record.snapshotId, reason });
  /** What is built again is the first that was damaged: a kept snapshot that took its place is not what should serve. */
  const buildAgain = (one: Attached): void => {
    state.damaged ??= { snapshotId: one.record.snapshotId, atMs: now() };
    rebuild();
  };

  const condemn = (bad: Attached, reason: string): void => {
    const wasActive = bad === held.active();
    tell(bad, reason);
    // First: the index that lets go of the file says what became of it.
    if (wasActive) buildAgain(bad);
    held.condemn(bad);
    // With nothing left to serve, what waits for its activation waits no longer.
    activation.tick();
  };

  const checkFile = async (one: Attached): Promise<void> => {
    const wasGone = await isGone(join(folders(cacheDir).load(state.dataset.name, one.record.loadId), databaseFile));
    if (state.ended || !all().includes(one)) return;
    if (!servings.isAttached(one)) return condemn(one, 'the snapshot file does not attach to a new engine');
    if (!wasGone) return;
    const isActive = one === held.active();
    if (!isActive || one.record.modes.includes('RemoteScan')) return condemn(one, 'the snapshot files have gone from the volume');
    // DuckDB holds the file open: what is active serves on from what has no name any more while it is built again.
    if (state.damaged !== null) return;
    tell(one, 'the snapshot file has gone from the volume; it serves on while it is built again');
    buildAgain(one);
  };

  return {
    suspect: (epoch) => {
      const suspected = all().find((one) => one.serving.epoch === epoch);
      if (suspected === undefined || now() - (readAtMs.get(suspected) ?? Number.NEGATIVE_INFINITY) < betweenReadsMs) return;
      readAtMs.set(suspected, now());
      void servings.reads(suspected).then((isSound) => {
        if (!isSound && !state.ended && all().includes(suspected)) condemn(suspected, 'the snapshot file does not read');
      });
    },
    checkFiles: async () => {
      // Kept ones first: what takes the place of the active one must not be one of them.
      for (const one of all().toReversed()) await checkFile(one);
    },
  };
};
