/** Files that are there whole or not at all, whatever dies in between. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const writeThrough = async (file: string, text: string, mode: number): Promise<void> => {
  const handle = await open(file, 'w', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/**
 * Temp, fsync, rename, fsync of the folder. A file has one writer at a time. The temporary name is always the same, so that
 * what a process that was killed has left of it is written over, and a disk that was full keeps nothing of it.
 */
export const writeDurably = async (file: string, text: string, mode = 0o640): Promise<void> => {
  const temporary = `${file}.tmp`;
  try {
    await writeThrough(temporary, text, mode);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/** The file's JSON, or undefined when it is absent or damaged. */
export const readJson = async (file: string): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
};
