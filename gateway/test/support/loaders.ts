// The loader processes of this one, as /proc shows them.
import { readdir, readFile } from 'node:fs/promises';

/** What /proc says after a process's name, which may hold blanks: state, parent, …, and at 16 its niceness. */
export const statOf = async (path: string): Promise<readonly string[]> =>
  (await readFile(`${path}/stat`, 'utf8').catch(() => '')).split(') ').at(-1)?.split(' ') ?? [];

/** A loader that this process has started; it has other children too. */
export const findLoader = async (): Promise<number | undefined> => {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const isChild = (await statOf(`/proc/${pid}`))[1] === String(process.pid);
    if (isChild && (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('loader-main')) return Number(pid);
  }
  return undefined;
};
