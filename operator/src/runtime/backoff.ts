/** How long to wait before the next attempt: doubling, bounded, and spread so that many waiters do not return together. */

export type Backoff = { readonly baseMs: number; readonly maxMs: number };

/** Delay before attempt `failures + 1`; `random` is in [0, 1). Between half and the whole of the doubled base. */
export const backoffMs = (backoff: Backoff, failures: number, random: number): number => {
  const exponent = Math.min(Math.max(failures - 1, 0), 30);
  const ceiling = Math.min(backoff.maxMs, backoff.baseMs * 2 ** exponent);
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
};
