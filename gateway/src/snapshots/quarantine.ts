/** Copies set aside for whoever looks into them. They are bounded in bytes and age, and make way for data that is to serve. */
import { lstat, lutimes, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Observe } from '../domain/observation.ts';
import { type Aside, goneFromQuarantine, type QuarantineBounds } from '../domain/quarantine.ts';
import { bytesIn, namesIn } from './disk.ts';
import { folders } from './layout.ts';

export type Quarantine = {
  /** Moves a folder aside under a name of its own; one that cannot be moved is removed. */
  setAside(folder: string, name: string): Promise<void>;
  /** Removes what is over the bounds. */
  trim(): Promise<void>;
  /** Removes everything; true when there was something to remove. */
  makeRoom(): Promise<boolean>;
};
type Ports = { readonly bounds: QuarantineBounds; readonly observe: Observe; readonly now: () => number };

export const createQuarantine = (cacheDir: string, { bounds, observe, now }: Ports): Quarantine => {
  const place = folders(cacheDir).quarantine;

  /** Null when it has gone meanwhile. */
  const look = async (name: string): Promise<Aside | null> => {
    const folder = join(place, name);
    return Promise.all([bytesIn(folder), lstat(folder)]).then(
      ([bytes, { mtimeMs }]) => ({ name, bytes, atMs: mtimeMs }),
      () => null,
    );
  };
  const remove = async (name: string, reason: 'age' | 'bytes' | 'room'): Promise<void> => {
    await rm(join(place, name), { recursive: true, force: true });
    observe({ kind: 'quarantine_removed', name, reason });
  };
  const trim = async (): Promise<void> => {
    const aside = (await Promise.all((await namesIn(place)).map(look))).filter((one) => one !== null);
    for (const { name, reason } of goneFromQuarantine(aside, bounds, now())) await remove(name, reason);
  };

  return {
    setAside: async (folder, name) => {
      try {
        await mkdir(place, { recursive: true });
        // Its age counts from now on, not from when it was loaded.
        await lutimes(folder, now() / 1000, now() / 1000);
        await rename(folder, join(place, name));
      } catch {
        await rm(folder, { recursive: true, force: true });
      }
      await trim();
    },
    trim,
    makeRoom: async () => {
      const names = await namesIn(place);
      for (const name of names) await remove(name, 'room');
      return names.length > 0;
    },
  };
};
