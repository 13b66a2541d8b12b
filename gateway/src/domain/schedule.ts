/** When a source is asked again. Pure: the random number is an argument. */
const maxBackoffMs = 15 * 60_000;

/** Milliseconds to the next poll: the interval ± 10 %, doubling to 15 minutes while attempts fail. `random` is in [0, 1). */
export const nextPollMs = (intervalMs: number, failures: number, random: number): number => {
  const base = failures === 0 ? intervalMs : Math.min(intervalMs * 2 ** Math.min(failures, 20), Math.max(maxBackoffMs, intervalMs));
  return Math.round(base * (0.9 + 0.2 * random));
};
