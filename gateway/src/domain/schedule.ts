/** When a source is asked again. Pure: the random number is an argument, in [0, 1). */
const maxBackoffMs = 15 * 60_000;

/** Within 10 % of a time, so that many who wait do not come at once. */
const jittered = (ms: number, random: number): number => Math.round(ms * (0.9 + 0.2 * random));

/** Milliseconds to the next poll: the interval, doubling to 15 minutes while attempts fail. */
export const nextPollMs = (intervalMs: number, failures: number, random: number): number => {
  const base = failures === 0 ? intervalMs : Math.min(intervalMs * 2 ** Math.min(failures, 20), Math.max(maxBackoffMs, intervalMs));
  return jittered(base, random);
};

/** Milliseconds before a request is made again, the first time `firstMs`, then doubling. */
export const retryPauseMs = (firstMs: number, attempt: number, random: number): number =>
  jittered(firstMs * 2 ** Math.min(attempt - 1, 10), random);
