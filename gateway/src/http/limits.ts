/** Each key's limits on this pod: what is left as headers, and a failure for a request that is over one. */
import type { CompiledKey } from '@offloader/contract';
import type { Response } from 'express';
import type { Failure } from '../domain/failure.ts';
import { type Bucket, takeRequest } from '../domain/rate-limit.ts';

/** Counts per key id. An edit changes what is allowed, not what has been used; of the configuration only a key's removal touches it. */
export type Limits = {
  /** Counts one request, and sets what is left on its response; undefined when it is allowed. */
  take(key: CompiledKey, nowMs: number, response: Response): Failure | undefined;
  /** Forgets what every other key has used: keys that come and go must not pile up. */
  keepOnly(ids: ReadonlySet<string>): void;
};

export const createLimits = (): Limits => {
  const buckets = new Map<string, Bucket>();
  return {
    keepOnly: (ids) => {
      for (const id of buckets.keys()) if (!ids.has(id)) buckets.delete(id);
    },
    take: ({ id, limits }, nowMs, response) => {
      const verdict = takeRequest(limits, buckets.get(id), nowMs);
      if (verdict === null) return undefined;
      buckets.set(id, verdict.bucket);
      const { limit, remaining, resetSeconds } = verdict.allowance;
      response.set({
        'RateLimit-Limit': String(limit),
        'RateLimit-Remaining': String(remaining),
        'RateLimit-Reset': String(resetSeconds),
      });
      if (verdict.allowed) return undefined;
      const { retryAfterSeconds } = verdict;
      const message = `the key's limit of ${limit} requests is reached; try again in ${retryAfterSeconds} s`;
      return { kind: 'rate_limited', retryAfterSeconds, message };
    },
  };
};
