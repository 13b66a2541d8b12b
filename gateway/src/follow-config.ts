/** Keeps the configuration in step with its source: valid changes are applied, bad ones told, the running one kept. */
import { isDeepStrictEqual } from 'node:util';
import type { ConfigSync, LoadedConfig } from '@offloader/contract';
import type { BundleSource } from './bundle-source/source.ts';
import type { Observe } from './domain/observation.ts';

type Ports = {
  readonly apply: (config: LoadedConfig) => Promise<void>;
  readonly fallback: () => Promise<LoadedConfig | undefined>;
  /** Whether there must be a configuration at boot (a mounted one may come later). */
  readonly isRequired: boolean;
  readonly observe: Observe;
  readonly onSync: (sync: ConfigSync) => void;
};

export type Follower = { start(): Promise<void>; stop(): void };

/** What could not be read and has not changed is read again this often: it is a lot of work for the thread that serves. */
const retryMs = 2000;

/** A Secret may be renewed with nothing else changed. */
const isSame = (a: LoadedConfig, b: LoadedConfig): boolean =>
  a.bundle.revision === b.bundle.revision && a.sequence === b.sequence && isDeepStrictEqual(a.credentials, b.credentials);

export const followConfig = (source: BundleSource, ports: Ports): Follower => {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let mark = '';
  /** What the look before saw. */
  let lastSeen = '';
  let failed: { readonly mark: string; readonly atMs: number } | null = null;
  let applied: { config: LoadedConfig; at: string } | null = null;
  let lastError: string | null = null;

  const now = (): string => new Date().toISOString();
  const tell = (result: 'init' | 'unchanged' | 'applied' | 'error', error: string | null): void =>
    ports.onSync({
      enabled: true,
      result,
      error,
      last_checked: now(),
      last_applied: applied?.at ?? null,
      revision: applied?.config.bundle.revision ?? null,
      sequence: applied?.config.sequence ?? 0,
    });

  const use = async (config: LoadedConfig): Promise<void> => {
    await ports.apply(config);
    applied = { config, at: now() };
  };

  /** Emptied to be written again, a file would read as a configuration without endpoints. */
  const mayBeHalf = (): boolean => source.isEditedInPlace && applied !== null;

  const look = async (): Promise<void> => {
    const seen = await source.mark();
    const [before, isNew] = [lastSeen, seen !== mark];
    lastSeen = seen;
    if (!isNew || (mayBeHalf() && seen !== before)) return;
    if (failed?.mark === seen && performance.now() - failed.atMs < retryMs) return;
    const config = await source.read();
    if (mayBeHalf() && (await source.mark()) !== seen) return;
    // Until it is applied: what cannot be read, and what could not be applied, is tried again though nothing changes.
    failed = { mark: seen, atMs: performance.now() };
    if (!config.ok) {
      if (config.error !== lastError) ports.observe({ kind: 'config_rejected', error: config.error });
      lastError = config.error;
      return tell('error', config.error);
    }
    lastError = null;
    const isKnown = applied !== null && isSame(config.value, applied.config);
    if (!isKnown) await use(config.value);
    // The mark of before the read: a change during it is seen next time.
    [mark, failed] = [seen, null];
    tell(isKnown ? 'unchanged' : 'applied', null);
  };

  const schedule = (): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      look()
        .catch((error: unknown) => tell('error', error instanceof Error ? error.message : 'the configuration could not be applied'))
        .finally(schedule);
    }, source.pollMs);
  };

  return {
    start: async () => {
      await look();
      if (applied === null) {
        const kept = await ports.fallback();
        if (kept !== undefined) {
          await use(kept);
          ports.observe({ kind: 'config_fallback', revision: kept.bundle.revision, why: lastError ?? 'no configuration yet' });
          tell('error', lastError);
        } else if (ports.isRequired) throw new Error(lastError ?? 'there is no configuration');
      }
      schedule();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
};
