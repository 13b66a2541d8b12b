import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { retryDelayMs } from './backoff.ts';

test('delays double from half the base up to the bound, whatever chance says', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, random) => {
      const delay = retryDelayMs({ baseMs: 500, maxMs: 15_000 }, failures, random, undefined);
      expect(delay).toBeGreaterThanOrEqual(250);
      expect(delay).toBeLessThanOrEqual(15_000);
    }),
  );
  expect([1, 2, 3, 4, 5, 6, 60].map((failures) => retryDelayMs({ baseMs: 500, maxMs: 15_000 }, failures, 1, undefined))).toEqual([
    500, 1000, 2000, 4000, 8000, 15_000, 15_000,
  ]);
});

test('a server that says how long it wants to be left alone is left alone for that long', () => {
  const backoff = { baseMs: 500, maxMs: 15_000 };
  expect(retryDelayMs(backoff, 1, 0, { retryAfterMs: 30_000 })).toBe(30_000);
  expect(retryDelayMs(backoff, 6, 1, { retryAfterMs: 1000 })).toBe(15_000);
  expect(retryDelayMs(backoff, 1, 0, new Error('down'))).toBe(250);
});
