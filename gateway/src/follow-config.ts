/** Keeps the configuration in step with its source: valid changes are applied, bad ones told, the running one kept. */
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

export const followConfig = (source: BundleSource, ports: Ports): Follower => {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let mark = '';
  let applied: { revision: string; sequence: number; at: string } | null = null;
  let lastError: string | null = null;

  const now = (): string => new Date().toISOString();
  const tell = (result: 'init' | 'unchanged' | 'applied' | 'error', error: string | null): void =>
    ports.onSync({
      enabled: true,
      result,
      error,
      last_checked: now(),
      last_applied: applied?.at ?? null,
      revision: applied?.revision ?? null,
      sequence: applied?.sequence ?? 0,
    });

  const use = async (config: LoadedConfig): Promise<void> => {
    await ports.apply(config);
    applied = { revision: config.bundle.revision, sequence: config.sequence, at: now() };
  };

  const look = async (): Promise<void> => {
    const seen = await source.mark();
    if (seen === mark) return;
    const config = await source.read();
    // The mark of before the read: a change during it is seen next time. A failed read is tried again at the next look.
    mark = config.ok ? seen : mark;
    if (!config.ok) {
      if (config.error !== lastError) ports.observe({ kind: 'config_rejected', error: config.error });
      lastError = config.error;
      return tell('error', config.error);
    }
    lastError = null;
    if (config.value.bundle.revision === applied?.revision && config.value.sequence === applied.sequence) return tell('unchanged', null);
    await use(config.value);
    tell('applied', null);
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
