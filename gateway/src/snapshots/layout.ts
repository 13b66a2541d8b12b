/** Where everything lies on the cache volume. */
import { join } from 'node:path';

export const folders = (cacheDir: string) => ({
  index: join(cacheDir, 'index.json'),
  snapshots: join(cacheDir, 'snapshots'),
  dataset: (dataset: string) => join(cacheDir, 'snapshots', dataset),
  load: (dataset: string, loadId: string) => join(cacheDir, 'snapshots', dataset, loadId),
  /** Scratch files: what queries spill, answers that are made as a file. */
  tmp: join(cacheDir, 'tmp'),
  quarantine: join(cacheDir, 'quarantine'),
});
/** Written last into a load's folder: without it the folder is a leftover. */
export const recordFile = 'snapshot.json';

/** Names that loads give their folders: nothing else below a dataset's folder is ours to remove. */
export const isLoadId = (name: string): boolean => /^[0-9a-f]{12}$/.test(name);
