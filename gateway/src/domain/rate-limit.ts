/** A key's limits: a token bucket per second with its burst, and a count per UTC day. Pure: the bucket goes in and comes out. */
import type { CompiledKey } from '@offloader/contract';

export type Limits = CompiledKey['limits'];
export type Bucket = { readonly tokens: number; readonly atMs: number; readonly day: number; readonly usedToday: number };
/** What one limit still allows; resetSeconds until it allows its whole again. */
export type Allowance = { readonly limit: number; readonly remaining: number; readonly resetSeconds: number };
export type Verdict = {
  readonly bucket: Bucket;
  readonly allowed: boolean;
  /** The limit that is nearest to its end. */
  readonly allowance: Allowance;
  /** 0 when allowed. */
  readonly retryAfterSeconds: number;
};

const dayMs = 86_400_000;
const ceilSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** Without a rate there is no end of tokens, so that a key which is given one later starts with all that it allows. */
const capacityOf = ({ requestsPerSecond: rate, burst }: Limits): number => (rate === null ? Infinity : Math.max(rate, burst ?? 0));

const refilled = (limits: Limits, bucket: Bucket | undefined, nowMs: number): Bucket => {
  const rate = limits.requestsPerSecond ?? 0;
  const capacity = capacityOf(limits);
  const day = Math.floor(nowMs / dayMs);
  if (bucket === undefined) return { tokens: capacity, atMs: nowMs, day, usedToday: 0 };
  // A clock that was set back gives nothing and takes nothing.
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  return {
    tokens: Math.min(capacity, bucket.tokens + (elapsedMs / 1000) * rate),
    atMs: nowMs,
    day,
    usedToday: bucket.day === day ? bucket.usedToday : 0,
  };
};

/** What is left of each limit that the key has; the tightest is what a client is told. */
const allowances = (limits: Limits, bucket: Bucket, dayEndsMs: number): readonly Allowance[] => {
  const { requestsPerSecond: rate, requestsPerDay: perDay } = limits;
  const capacity = capacityOf(limits);
  const bySecond =
    rate === null
      ? []
      : [{ limit: capacity, remaining: Math.floor(bucket.tokens), resetSeconds: ceilSeconds(((capacity - bucket.tokens) / rate) * 1000) }];
  const byDay =
    perDay === null ? [] : [{ limit: perDay, remaining: Math.max(0, perDay - bucket.usedToday), resetSeconds: ceilSeconds(dayEndsMs) }];
  return [...bySecond, ...byDay].toSorted((a, b) => a.remaining - b.remaining);
};

/** Takes one request out of both limits, or out of neither. Without a limit every request is allowed and there is no verdict. */
export const takeRequest = (limits: Limits, held: Bucket | undefined, nowMs: number): Verdict | null => {
  const { requestsPerSecond: rate, requestsPerDay: perDay } = limits;
  if (rate === null && perDay === null) return null;
  const before = refilled(limits, held, nowMs);
  const hasToken = rate === null || before.tokens >= 1;
  const hasDay = perDay === null || before.usedToday < perDay;
  const allowed = hasToken && hasDay;
  const bucket = allowed ? { ...before, tokens: before.tokens - (rate === null ? 0 : 1), usedToday: before.usedToday + 1 } : before;
  const dayEndsMs = (bucket.day + 1) * dayMs - nowMs;
  const untilToken = hasToken ? 0 : ceilSeconds(((1 - before.tokens) / rate) * 1000);
  const [allowance = { limit: 0, remaining: 0, resetSeconds: 1 }] = allowances(limits, bucket, dayEndsMs);
  return { bucket, allowed, allowance, retryAfterSeconds: allowed ? 0 : hasDay ? untilToken : ceilSeconds(dayEndsMs) };
};
