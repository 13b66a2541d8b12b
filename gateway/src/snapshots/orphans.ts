/** What a crash, an aborted load or a removed dataset left on the volume. Whatever lies there, collecting it fails nothing. */
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { folders, isLoadId } from './layout.ts';
import type { Quarantine } from './quarantine.ts';

const namesIn = async (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

/** Whether something that is no folder, or no file, stands where one of ours must lie. */
const isOddOne = async (path: string, isFolder: boolean): Promise<boolean> =>
  stat(path).then(
    (seen) => seen.isDirectory() !== isFolder,
    () => false,
  );

/** Sets aside what stands in the way of a dataset's folder or of the index; without this every load or every save would fail. */
export const clearTheWay = async (
  cacheDir: string,
  datasets: readonly string[],
  { setAside }: Pick<Quarantine, 'setAside'>,
): Promise<void> => {
  const place = folders(cacheDir);
  for (const file of [place.index, `${place.index}.tmp`]) if (await isOddOne(file, false)) await setAside(file, `odd.${basename(file)}`);
  for (const dataset of datasets) {
    if (await isOddOne(place.dataset(dataset), true)) await setAside(place.dataset(dataset), `odd.${dataset}`);
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
