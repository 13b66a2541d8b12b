/** What lies on the cache volume. */
import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The names of what lies in a folder. None when there is no folder, nor when a link stands there: what it leads to is not ours. */
export const namesIn = async (folder: string): Promise<readonly string[]> => {
  const seen = await lstat(folder).catch(() => null);
  return seen?.isDirectory() === true ? readdir(folder).catch(() => []) : [];
};

/** Bytes that a file or a folder takes on the disk; what goes away meanwhile counts nothing. */
export const bytesIn = async (path: string): Promise<number> => {
  const seen = await lstat(path).catch(() => null);
  if (seen === null) return 0;
  // Blocks of 512 bytes, whatever the file system's own are.
  if (!seen.isDirectory()) return seen.blocks * 512;
  const sizes = await Promise.all((await namesIn(path)).map(async (name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
};

/** Removes what held this folder when nothing else lies in it: of a dataset that was removed nothing is left. */
export const removeEmptyParent = async (folder: string): Promise<void> => rmdir(dirname(folder)).catch(() => undefined);

export const removeLoad = async (folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true });
  await removeEmptyParent(folder);
};
