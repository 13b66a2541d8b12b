/** Ends a transfer that makes no progress: neither a slow query nor a slow reader may hold what others need. */

/** Half a megabit per second: a poor mobile network has more. */
export const leastBytesPerSecond = 64 * 1024;

/** Why a transfer was ended. */
export type Bite = 'no progress' | 'slow reader';
export type Watchdog = {
  readonly signal: AbortSignal;
  /** Lends the time in which a reader takes so many bytes; all other time is the query's. */
  reading<T>(bytes: number, take: () => Promise<T>): Promise<T>;
  bitten(): Bite | null;
  end(): void;
};

/**
 * A query has the whole patience for each piece. A reader has it once and earns more by what it takes, never more than the whole:
 * it may take its bytes in lumps, as networks deliver them, and is ended once it is that far behind the least pace.
 */
export const createWatchdog = (outer: AbortSignal, patienceMs: number): Watchdog => {
  const inner = new AbortController();
  let bitten: Bite | null = null;
  let creditMs = patienceMs;
  let timer: NodeJS.Timeout;
  const wait = (ms: number, why: Bite): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      bitten = why;
      inner.abort();
    }, ms);
  };
  wait(patienceMs, 'no progress');
  return {
    signal: AbortSignal.any([outer, inner.signal]),
    reading: async (bytes, take) => {
      const from = performance.now();
      wait(creditMs, 'slow reader');
      const taken = await take();
      const earnedMs = (bytes / leastBytesPerSecond) * 1000;
      creditMs = Math.min(patienceMs, Math.max(0, creditMs - (performance.now() - from)) + earnedMs);
      wait(patienceMs, 'no progress');
      return taken;
    },
    bitten: () => bitten,
    end: () => clearTimeout(timer),
  };
};
