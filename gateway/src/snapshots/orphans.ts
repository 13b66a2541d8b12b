/**
 * What a crash, an aborted load or a removed dataset left on the volume. Whatever lies there, collecting it fails nothing, and
 * no link is followed: where one leads is not ours.
 */
import { lstat, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { namesIn } from './disk.ts';
import { folders, isLoadId } from './layout.ts';
import type { Quarantine } from './quarantine.ts';

/** Whether something that is no folder, or no file, stands where one of ours must lie. */
const isOddOne = async (path: string, wanted: 'file' | 'folder'): Promise<boolean> =>
  lstat(path).then(
    (seen) => !(wanted === 'file' ? seen.isFile() : seen.isDirectory()),
    () => false,
  );

/** Sets aside what stands in the way of a dataset's folder or of the index; without this every load or every save would fail. */
export const clearTheWay = async (
  cacheDir: string,
  datasets: readonly string[],
  { setAside }: Pick<Quarantine, 'setAside'>,
): Promise<void> => {
  const place = folders(cacheDir);
  // Where nothing can be moved, what lies on the volume serves all the same.
  const move = async (path: string, name: string): Promise<void> => setAside(path, name).catch(() => undefined);
  // What is set aside must have somewhere to go.
  if (await isOddOne(place.quarantine, 'folder')) await rm(place.quarantine, { force: true }).catch(() => undefined);
  for (const file of [place.index, `${place.index}.tmp`]) if (await isOddOne(file, 'file')) await move(file, `odd.${basename(file)}`);
  for (const dataset of datasets) {
    if (await isOddOne(place.dataset(dataset), 'folder')) await move(place.dataset(dataset), `odd.${dataset}`);
  }
};

/** Removes every load that is not `living`; names of ours only, so that a lost+found or somebody's notes stay. Answers what went. */
export const collectOrphans = async (cacheDir: string, living: ReadonlySet<string>): Promise<readonly string[]> => {
  const place = folders(cacheDir);
  const gone: string[] = [];
  for (const dataset of await namesIn(place.snapshots)) {
    for (const loadId of (await namesIn(place.dataset(dataset))).filter(isLoadId)) {
      const path = join(dataset, loadId);
      if (living.has(path)) continue;
      const isGone = await rm(place.load(dataset, loadId), { recursive: true, force: true }).then(
        () => true,
        () => false,
      );
      if (isGone) gone.push(path);
    }
    // Only when nothing is left in it.
    await rmdir(place.dataset(dataset)).catch(() => undefined);
  }
  return gone;
};
