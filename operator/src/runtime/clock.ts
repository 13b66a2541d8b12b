/** Time as a port, so that everything that waits can be tested without waiting. */

export interface Clock {
  /** Milliseconds that never jump; only differences mean anything. */
  monotonicMs(): number;
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Calls back once after the delay; the answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Node.js's maximum timer delay; anything longer fires at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The real clock. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), longestTimerMs));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves after the delay, or at once when the signal aborts. */
export const sleep = (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
