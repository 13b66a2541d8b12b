/** Each key's limits on this pod, as headers and a verdict. */
import type { CompiledKey } from '@offloader/contract';
import { type Bucket, takeRequest, type Verdict } from '../domain/rate-limit.ts';

export type LimitCheck = Pick<Verdict, 'allowed' | 'retryAfterSeconds'> & { readonly headers: Readonly<Record<string, string>> };

/** Counts per key id; a key whose limits are edited starts anew. */
export const createLimits = (): { check(key: CompiledKey, nowMs: number): LimitCheck | null } => {
  const held = new Map<string, { readonly of: string; readonly bucket: Bucket }>();
  return {
    check: ({ id, limits }, nowMs) => {
      const of = JSON.stringify(limits);
      const known = held.get(id);
      const verdict = takeRequest(limits, known?.of === of ? known.bucket : undefined, nowMs);
      if (verdict === null) return null;
      held.set(id, { of, bucket: verdict.bucket });
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
