import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from './backoff.ts';

test('delays double from half the base up to the bound, whatever chance says', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, random) => {
      const delay = backoffMs({ baseMs: 500, maxMs: 15_000 }, failures, random);
      expect(delay).toBeGreaterThanOrEqual(250);
      expect(delay).toBeLessThanOrEqual(15_000);
    }),
  );
  expect([1, 2, 3, 4, 5, 6, 60].map((failures) => backoffMs({ baseMs: 500, maxMs: 15_000 }, failures, 1))).toEqual([
    500, 1000, 2000, 4000, 8000, 15_000, 15_000,
  ]);
});
