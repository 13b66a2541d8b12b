/** Every edition of the three kinds that the API server tells of, from a watch that begins before the first. */
import { kinds } from '@offloader/contract';
import type { Kind } from '@offloader/contract';
import type { World } from './world.ts';
import { until } from './world.ts';

export type Editions = {
  /** Of one object, in order. */
  readonly of: (kind: Kind, name: string) => readonly any[];
  readonly all: () => readonly any[];
  /** Waits until it has told of the last one that there is. */
  readonly caughtUp: () => Promise<void>;
  readonly end: () => void;
};

export const watchEditions = (world: World): Editions => {
  const seen: any[] = [];
  const stopped = new AbortController();
  for (const kind of Object.keys(kinds) as Kind[])
    void world.client
      .stream({
        path: world.ownPath(kind),
        query: { watch: 'true', timeoutSeconds: '600' },
        onLine: (line) => seen.push(JSON.parse(line).object),
        inactivityMs: 600_000,
        signal: stopped.signal,
      })
      .catch(() => undefined);
  const of = (kind: Kind, name: string): readonly any[] => seen.filter((one) => one.kind === kind && one.metadata.name === name);
  return {
    of,
    all: () => seen,
    caughtUp: async () => {
      for (const kind of Object.keys(kinds) as Kind[]) {
        const { items } = (await world.client.request({ method: 'GET', path: world.ownPath(kind) })) as any;
        for (const { metadata } of items)
          await until(`the watch of ${kind}`, () =>
            of(kind, metadata.name).some((one) => one.metadata.resourceVersion === metadata.resourceVersion),
          );
      }
    },
    end: () => stopped.abort(),
  };
};
