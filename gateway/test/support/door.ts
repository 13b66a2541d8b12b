// The way from a room to its sources, on which the next load can be held up, and which can be broken.
import { err, type Problem } from '@offloader/contract';
import { openStore } from '../../src/object-store/open.ts';
import type { OpenStore } from '../../src/snapshots/object-store.ts';

/** A load that is held back when its files would be fetched, until it is opened, or given up. */
type HeldLoad = { readonly reached: Promise<unknown>; open(): void };
export type Door = {
  readonly openStore: OpenStore;
  /** Every manifest below this folder answers with a failure; null: none does. */
  broken: string | null;
  /** Holds the next load back. */
  close(): HeldLoad;
};

const broken: Problem = { code: 'source_failed', path: '', message: 'reading failed' };

export const createDoor = (): Door => {
  let held: { readonly reach: () => void; readonly opened: Promise<unknown> } | undefined;
  const door: Door = {
    broken: null,
    openStore: (...source) => {
      const store = openStore(...source);
      return {
        ...store,
        read: async (url, ...asked) => (door.broken !== null && url.includes(door.broken) ? err(broken) : store.read(url, ...asked)),
        download: async (url, file, bytes, signal) => {
          held?.reach();
          await Promise.race([held?.opened, new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
          return store.download(url, file, bytes, signal);
        },
      };
    },
    close: () => {
      const [reached, opened] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      held = { reach: () => reached.resolve(undefined), opened: opened.promise };
      return {
        reached: reached.promise,
        open: () => {
          held = undefined;
          opened.resolve(undefined);
        },
      };
    },
  };
  return door;
};
