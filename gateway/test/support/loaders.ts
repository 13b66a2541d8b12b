// The loader processes of this one, as /proc shows them.
import { readdir, readFile } from 'node:fs/promises';

/** What /proc says after a process's name, which may hold blanks: state, parent, …, and at 16 its niceness. */
export const statOf = async (path: string): Promise<readonly string[]> =>
  (await readFile(`${path}/stat`, 'utf8').catch(() => '')).split(') ').at(-1)?.split(' ') ?? [];

/** The loaders that a process has started; it may have other children too. */
export const loadersOf = async (parent: number): Promise<readonly number[]> => {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const isChild = (await statOf(`/proc/${pid}`))[1] === String(parent);
    if (isChild && (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('loader-main')) found.push(Number(pid));
  }
  return found;
};

/** A loader that this process has started. */
export const findLoader = async (): Promise<number | undefined> => (await loadersOf(process.pid))[0];
