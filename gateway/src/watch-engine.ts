/** Watches DuckDB: an instance that a fatal error has invalidated is replaced, a snapshot file that does not read is reported. */
import type { Engine } from './domain/engine.ts';
import type { Observe } from './domain/observation.ts';

const probeMs = 2_000;

export type EngineWatch = {
  isUp(): boolean;
  /** Sorts an engine error: a corrupt file is its dataset's, everything else asks for a probe now. */
  onQueryError(reportCorrupt: (dataset: string, epoch: number) => void): (dataset: string, epoch: number, message: string) => void;
  stop(): void;
};

const isCorruption = (message: string): boolean =>
  /checksum|corrupt|could not read|not a valid DuckDB|Invalid Parquet|No magic bytes/i.test(message);

export const watchEngine = (engine: Engine, observe: Observe): EngineWatch => {
  let up = true;
  let running = false;
  const probe = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      up = await engine.probe();
      if (up) return;
      await engine.replace();
      up = await engine.probe();
      observe({ kind: 'engine_replaced', attached: 0 });
    } catch (error) {
      up = false;
      observe({ kind: 'engine_failed', error: error instanceof Error ? error.message : String(error) });
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void probe(), probeMs);
  timer.unref();
  return {
    isUp: () => up,
    onQueryError: (reportCorrupt) => (dataset, epoch, message) => {
      observe({ kind: 'engine_failed', error: message });
      if (isCorruption(message)) reportCorrupt(dataset, epoch);
      void probe();
    },
    stop: () => clearInterval(timer),
  };
};
