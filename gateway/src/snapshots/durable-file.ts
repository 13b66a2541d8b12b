/** Files that are there whole or not at all, whatever dies in between. */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Temp, fsync, rename, fsync of the folder. */
export const writeDurably = async (file: string, text: string): Promise<void> => {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w', 0o640);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
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
