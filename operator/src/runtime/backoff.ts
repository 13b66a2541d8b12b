/** How long to wait before the next attempt: doubling, bounded, and spread so that many waiters do not return together. */

export type Backoff = { readonly baseMs: number; readonly maxMs: number };

/** Delay before attempt `failures + 1`; `random` is in [0, 1). Between half and the whole of the doubled base. */
const backoffMs = (backoff: Backoff, failures: number, random: number): number => {
  const exponent = Math.min(Math.max(failures - 1, 0), 30);
  const ceiling = Math.min(backoff.maxMs, backoff.baseMs * 2 ** exponent);
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
};

/** The same, but never sooner than the other side asked for in its refusal (Retry-After), so that an overloaded server is left alone. */
export const retryDelayMs = (backoff: Backoff, failures: number, random: number, error: unknown): number => {
  const asked = typeof error === 'object' && error !== null && 'retryAfterMs' in error ? error.retryAfterMs : undefined;
  return Math.max(backoffMs(backoff, failures, random), typeof asked === 'number' ? asked : 0);
};
