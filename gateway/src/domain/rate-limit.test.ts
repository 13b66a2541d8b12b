import { describe, expect, test } from '@jest/globals';
import { type Bucket, type Limits, takeRequest } from './rate-limit.ts';

const limits = (some: Partial<Limits>): Limits => ({ requestsPerSecond: null, burst: null, requestsPerDay: null, ...some });
/** How many of a row of requests, each at its millisecond, are allowed. */
const allowedAt = (some: Partial<Limits>, moments: readonly number[]): number => {
  let bucket: Bucket | undefined;
  let allowed = 0;
  for (const nowMs of moments) {
    const verdict = takeRequest(limits(some), bucket, nowMs);
    bucket = verdict?.bucket;
    if (verdict?.allowed !== false) allowed += 1;
  }
  return allowed;
};
const times = (count: number, everyMs: number, fromMs = 0): readonly number[] =>
  Array.from({ length: count }, (_, n) => fromMs + n * everyMs);

describe('a limit', () => {
  test('without one there is no verdict', () => {
    expect(takeRequest(limits({}), undefined, 0)).toBeNull();
  });

  test.each([
    ['lets the whole rate through at once', { requestsPerSecond: 5 }, times(9, 0), 5],
    ['lets a burst through at once', { requestsPerSecond: 5, burst: 8 }, times(20, 0), 8],
    ['holds the steady rate over time, burst or not', { requestsPerSecond: 5, burst: 8 }, times(1000, 10), 8 + 49],
    ['is refilled after a pause, and not beyond the burst', { requestsPerSecond: 5, burst: 8 }, [...times(20, 0), ...times(20, 0, 60_000)], 16],
    ['counts a day', { requestsPerDay: 3 }, times(10, 1000), 3],
    ['starts a new day at midnight UTC', { requestsPerDay: 3 }, [...times(10, 1000), ...times(10, 1000, 86_400_000)], 6],
    ['of a second does not eat up the day', { requestsPerSecond: 1, requestsPerDay: 3 }, [...times(9, 0), ...times(9, 0, 2000), ...times(9, 0, 4000)], 3],
    ['takes a clock that is set back as no time at all', { requestsPerSecond: 1 }, [10_000, 5000, 4000], 1],
  ])('%s', (_sentence, some, moments, expected) => {
    expect(allowedAt(some, moments)).toBe(expected);
  }); // prettier-ignore

  test('says what is left, and after how long it is worth trying again', () => {
    const first = takeRequest(limits({ requestsPerSecond: 2 }), undefined, 0);
    expect(first).toMatchObject({ allowed: true, retryAfterSeconds: 0, allowance: { limit: 2, remaining: 1, resetSeconds: 1 } });
    const spent = takeRequest(limits({ requestsPerDay: 1 }), { tokens: 0, atMs: 0, day: 0, usedToday: 1 }, 86_000_000);
    expect(spent).toMatchObject({ allowed: false, retryAfterSeconds: 400, allowance: { limit: 1, remaining: 0, resetSeconds: 400 } });
  });

  test('that is edited takes over what was used, and a new one starts whole', () => {
    const used = takeRequest(limits({ requestsPerDay: 5 }), { tokens: Infinity, atMs: 0, day: 0, usedToday: 4 }, 0)?.bucket;
    const raised = takeRequest(limits({ requestsPerDay: 7, requestsPerSecond: 3 }), used, 0);
    expect(raised).toMatchObject({ allowed: true, bucket: { tokens: 2, usedToday: 6 }, allowance: { limit: 7, remaining: 1 } });
    const lowered = takeRequest(limits({ requestsPerDay: 2 }), raised?.bucket, 0);
    expect(lowered).toMatchObject({ allowed: false, allowance: { limit: 2, remaining: 0 } });
  });
});
