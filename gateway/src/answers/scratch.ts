/** Files that are made to be sent: those that lie on the cache volume at once take a bounded part of it. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freeBytes } from '../free-bytes.ts';

export type Scratch = {
  readonly dir: string;
  /** Of all files together. */
  readonly maxBytes: number;
};
/** `too_long`: the file alone has more than all may; `full`: the files together have. */
export type Overrun = 'full' | 'too_long';

const prefix = 'answer-';
export const scratchFile = ({ dir }: Scratch, id: string): string => join(dir, `${prefix}${id}`);

const bytesOf = async (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** Whether the files take more than they may, or more than they leave free: snapshots have to fit in there too. */
export const overrunOf = async (scratch: Scratch, file: string): Promise<Overrun | null> => {
  const { dir, maxBytes } = scratch;
  const paths = (await readdir(dir).catch(() => [])).filter((name) => name.startsWith(prefix)).map((name) => join(dir, name));
  const sizes = await Promise.all(paths.map(bytesOf));
  if ((sizes[paths.indexOf(file)] ?? 0) > maxBytes) return 'too_long';
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return bytes >= maxBytes || bytes >= ((await freeBytes(dir)) ?? Infinity) ? 'full' : null;
};

/** A writer of a gigabyte a second is told a tenth of a gigabyte late. */
const watchMs = 100;

/** Looks on while `write` makes a file, and aborts it as soon as there is an overrun. */
export const watchOver = async <T>(
  scratch: Scratch,
  file: string,
  { signal, write }: { readonly signal: AbortSignal; readonly write: (signal: AbortSignal) => Promise<T> },
): Promise<{ readonly written: T; readonly overrun: Overrun | null }> => {
  const [over, done] = [new AbortController(), new AbortController()];
  const watch = async (): Promise<Overrun | null> => {
    while (!done.signal.aborted) {
      const overrun = await overrunOf(scratch, file);
      if (overrun !== null) {
        over.abort();
        return overrun;
      }
      await pause(watchMs, undefined, { signal: done.signal }).catch(() => undefined);
    }
    return overrunOf(scratch, file);
  };
  const watching = watch();
  const written = await write(AbortSignal.any([signal, over.signal])).finally(() => done.abort());
  return { written, overrun: await watching };
};
