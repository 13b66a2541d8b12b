import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Aside, goneFromQuarantine } from './quarantine.ts';

const bounds = { maxBytes: 100, maxAgeMs: 10 };
const nowMs = 1000;
const aside = (name: string, bytes: number, agoMs: number): Aside => ({ name, bytes, atMs: nowMs - agoMs });

test.each([
  ['nothing goes while all of it is within the bounds', [aside('a', 50, 10), aside('b', 50, 0)], {}],
  ['what is too old goes, however small', [aside('a', 1, 11), aside('b', 1, 10)], { a: 'age' }],
  ['of what is too much the oldest goes', [aside('a', 50, 3), aside('b', 50, 1), aside('c', 50, 2)], { a: 'bytes' }],
  ['a newer one that is too large alone takes all of them with it', [aside('a', 1, 2), aside('b', 101, 1)], { a: 'bytes', b: 'bytes' }],
  ['what is too old does not count among what is too much', [aside('a', 90, 11), aside('b', 90, 1)], { a: 'age' }],
] as const)('%s', (_sentence, all, gone) => {
  expect(Object.fromEntries(goneFromQuarantine(all, bounds, nowMs).map(({ name, reason }) => [name, reason]))).toEqual(gone);
});

test('whatever lies there, what stays is within both bounds, and newer than all that went for its size', () => {
  const any = fc.array(fc.record({ bytes: fc.nat(150), agoMs: fc.nat(15) }), { maxLength: 8 });
  fc.assert(
    fc.property(any, (parts) => {
      const all = parts.map(({ bytes, agoMs }, n) => aside(String(n), bytes, agoMs));
      const gone = new Map(goneFromQuarantine(all, bounds, nowMs).map(({ name, reason }) => [name, reason]));
      const stays = all.filter(({ name }) => !gone.has(name));
      const tooMuch = all.filter(({ name }) => gone.get(name) === 'bytes');
      expect(stays.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(bounds.maxBytes);
      expect(stays.every(({ atMs }) => nowMs - atMs <= bounds.maxAgeMs && tooMuch.every((one) => one.atMs <= atMs))).toBe(true);
    }),
  );
});
