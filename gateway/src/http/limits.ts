/** Each key's limits on this pod, as headers and a verdict. */
import type { CompiledKey } from '@offloader/contract';
import { type Bucket, takeRequest, type Verdict } from '../domain/rate-limit.ts';

export type LimitCheck = Pick<Verdict, 'allowed' | 'retryAfterSeconds'> & { readonly headers: Readonly<Record<string, string>> };

/** Counts per key id. An edit changes what is allowed, not what has been used; nothing else of the configuration touches it. */
export const createLimits = (): { check(key: CompiledKey, nowMs: number): LimitCheck | null } => {
  const buckets = new Map<string, Bucket>();
  return {
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
