/** Promised times: a machine that stands still for a while may spoil one round of a measurement, and does not spoil every one. */
const rounds = 5;

/** How long it takes, in milliseconds. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const fromMs = performance.now();
  await work();
  return performance.now() - fromMs;
};

/** The shortest time of a few rounds, of which the first that keeps the promise is the last. */
export const quickest = async (promisedMs: number, round: (n: number) => Promise<number>): Promise<number> => {
  let shortestMs = Infinity;
  for (let n = 0; n < rounds && shortestMs >= promisedMs; n += 1) shortestMs = Math.min(shortestMs, await round(n));
  return shortestMs;
};
