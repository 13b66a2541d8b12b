/** Watches DuckDB: an instance that a fatal error has invalidated is replaced, a snapshot file that may be damaged is reported. */
import { isSuspicious } from './domain/damage.ts';
import type { Engine } from './domain/engine.ts';
import { errorText } from './domain/error-text.ts';
import type { Observe } from './domain/observation.ts';

const probeMs = 2_000;

export type EngineWatch = {
  isUp(): boolean;
  /** An engine error: one that may come from a damaged file is its dataset's to look into; each asks for a probe now. */
  onQueryError(suspect: (dataset: string, epoch: number) => void): (dataset: string, epoch: number, message: string) => void;
  stop(): void;
};

/** `onReplaced` is called when another instance has taken over: not every file may have attached to it. */
export const watchEngine = (engine: Engine, observe: Observe, onReplaced: () => void): EngineWatch => {
  let up = true;
  let running = false;
  const probe = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      up = await engine.probe();
      if (up) return;
      const attached = await engine.replace();
      up = await engine.probe();
      observe({ kind: 'engine_replaced', attached });
      onReplaced();
    } catch (error) {
      up = false;
      observe({ kind: 'engine_failed', error: errorText(error) });
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void probe(), probeMs);
  timer.unref();
  return {
    isUp: () => up,
    onQueryError: (suspect) => (dataset, epoch, message) => {
      observe({ kind: 'engine_failed', error: message });
      if (isSuspicious(message)) suspect(dataset, epoch);
      void probe();
    },
    stop: () => clearInterval(timer),
  };
};
