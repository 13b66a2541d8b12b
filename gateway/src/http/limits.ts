/** Requests per second with burst, and per day, for each key and pod. */
import type { CompiledKey } from '@offloader/contract';
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

export type Verdict = { readonly allowed: boolean; readonly headers: Readonly<Record<string, string>>; readonly retryAfterSeconds: number };
type Limiter = { consume(): Promise<Verdict> };

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
const free: Verdict = { allowed: true, headers: {}, retryAfterSeconds: 0 };

const verdictOf = (limit: number, result: Pick<RateLimiterRes, 'remainingPoints' | 'msBeforeNext'>, allowed: boolean): Verdict => ({
  allowed,
  headers: {
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(Math.max(0, result.remainingPoints)),
    'RateLimit-Reset': String(seconds(result.msBeforeNext)),
  },
  retryAfterSeconds: seconds(result.msBeforeNext),
});

type Consumer = { consume(key: string): Promise<RateLimiterRes> };
const ask = async (limiter: Consumer, limit: number, key: string): Promise<Verdict> => {
  try {
    return verdictOf(limit, await limiter.consume(key), true);
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return verdictOf(limit, refused, false);
    throw refused;
  }
};

const perSecond = ({ requestsPerSecond, burst }: CompiledKey['limits']): Consumer | null => {
  if (requestsPerSecond === null) return null;
  const steady = new RateLimiterMemory({ points: requestsPerSecond, duration: 1 });
  const extra = (burst ?? requestsPerSecond) - requestsPerSecond;
  if (extra <= 0) return steady;
  // What a burst borrows comes back at the steady rate.
  return new BurstyRateLimiter(
    steady,
    new RateLimiterMemory({ keyPrefix: 'burst', points: extra, duration: Math.ceil(extra / requestsPerSecond) }),
  );
};

const createLimiter = ({ limits }: CompiledKey): Limiter => {
  const steady = perSecond(limits);
  const daily = limits.requestsPerDay === null ? null : new RateLimiterMemory({ points: limits.requestsPerDay, duration: 86_400 });
  return {
    consume: async () => {
      const second = steady === null ? free : await ask(steady, limits.requestsPerSecond ?? 0, 'key');
      return !second.allowed || daily === null ? second : ask(daily, limits.requestsPerDay ?? 0, 'key');
    },
  };
};

/** Counts per key id; a key whose limits are edited starts anew. */
export const createLimits = (): { check(key: CompiledKey): Promise<Verdict> } => {
  const limiters = new Map<string, { readonly of: string; readonly limiter: Limiter }>();
  return {
    check: async (key) => {
      const of = JSON.stringify(key.limits);
      const held = limiters.get(key.id);
      if (held?.of === of) return held.limiter.consume();
      const limiter = createLimiter(key);
      limiters.set(key.id, { of, limiter });
      return limiter.consume();
    },
  };
};
