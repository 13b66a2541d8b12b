/** Each key's limits on this pod, as headers and a verdict. */
import type { CompiledKey } from '@offloader/contract';
import { type Bucket, takeRequest, type Verdict } from '../domain/rate-limit.ts';

export type LimitCheck = Pick<Verdict, 'allowed' | 'retryAfterSeconds'> & { readonly headers: Readonly<Record<string, string>> };

export type Limits = {
  check(key: CompiledKey, nowMs: number): LimitCheck | null;
  /** Forgets what every other key has used: keys that come and go must not pile up. */
  keepOnly(ids: ReadonlySet<string>): void;
};

/** Counts per key id. An edit changes what is allowed, not what has been used; of the configuration only a key's removal touches it. */
export const createLimits = (): Limits => {
  const buckets = new Map<string, Bucket>();
  return {
    keepOnly: (ids) => {
      for (const id of buckets.keys()) if (!ids.has(id)) buckets.delete(id);
    },
    check: ({ id, limits }, nowMs) => {
      const verdict = takeRequest(limits, buckets.get(id), nowMs);
      if (verdict === null) return null;
      buckets.set(id, verdict.bucket);
      const { limit, remaining, resetSeconds } = verdict.allowance;
      return {
        allowed: verdict.allowed,
        retryAfterSeconds: verdict.retryAfterSeconds,
        headers: {
          'RateLimit-Limit': String(limit),
          'RateLimit-Remaining': String(remaining),
          'RateLimit-Reset': String(resetSeconds),
        },
      };
    },
  };
};
