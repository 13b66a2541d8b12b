/** What the cache volume has free and what lies on it. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Free bytes on the cache volume, or null when it cannot be told. */
export const freeBytes = async (cacheDir: string): Promise<number | null> => {
  try {
    const { bavail, bsize } = await statfs(cacheDir);
    return bavail * bsize;
  } catch {
    return null;
  }
};

/** Bytes that a file or a folder takes on the disk; what goes away meanwhile counts nothing. */
export const bytesIn = async (path: string): Promise<number> => {
  const seen = await stat(path).catch(() => null);
  if (seen === null) return 0;
  // Blocks of 512 bytes, whatever the file system's own are.
  if (!seen.isDirectory()) return seen.blocks * 512;
  const names = await readdir(path).catch(() => []);
  const sizes = await Promise.all(names.map(async (name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
};
