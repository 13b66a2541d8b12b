/** What a file system has free, for all who put files on the cache volume. */
import { statfs } from 'node:fs/promises';

/** Bytes that may still be written below a folder, or null when it cannot be told. */
export const freeBytes = async (folder: string): Promise<number | null> => {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
};
