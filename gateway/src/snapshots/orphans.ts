/** What a crash, an aborted load or a removed dataset left on the volume. Whatever lies there, collecting it fails nothing. */
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { folders, isLoadId } from './layout.ts';

const namesIn = async (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

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
