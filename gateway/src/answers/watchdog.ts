/** Ends a transfer that makes no progress: neither a slow query nor a reader that stands still may hold a connection. */
export type Watchdog = {
  readonly signal: AbortSignal;
  /** Progress was made. */
  feed(): void;
  hasBitten(): boolean;
  end(): void;
};

export const createWatchdog = (outer: AbortSignal, patienceMs: number): Watchdog => {
  const inner = new AbortController();
  let bitten = false;
  const timer = setTimeout(() => {
    bitten = true;
    inner.abort();
  }, patienceMs);
  return {
    signal: AbortSignal.any([outer, inner.signal]),
    feed: () => void timer.refresh(),
    hasBitten: () => bitten,
    end: () => clearTimeout(timer),
  };
};
