import { describe, expect, test } from '@jest/globals';
import { isPattern, lengthOf, matchesPattern } from './pattern.ts';

describe('a pattern is one for RE2 and for ECMAScript', () => {
  test.each(['^[A-Z]{2}$', '(a|b)+', '^\\d{4}-\\d{2}$', '\\p{L}', '^(a+)+$', '[0-9a-f]{1,500}'])('%s', (pattern) => {
    expect(isPattern(pattern)).toBe(true);
  });
  test.each([
    ['looks ahead', 'a(?=b)'],
    ['looks behind', '(?<=a)b'],
    ['refers back', '(a)\\1'],
    ['is only of ECMAScript', '\\u0041'],
    ['repeats more than RE2 does', 'a{1001}'],
    ['is only of RE2', '[[:alpha:]]'],
    ['is written out to very much', '[a-z]{0,1000}[a-z]{0,1000}'],
    ['is not closed', '(a'],
  ])('not one that %s', (_what, pattern) => {
    expect(isPattern(pattern)).toBe(false);
    expect(matchesPattern(pattern, 'a')).toBe(false);
  });
});

test('a pattern that holds a backtracking engine for minutes costs little more than a harmless one', () => {
  const text = `${'a'.repeat(900)}!`;
  const timeOf = (pattern: string): number => {
    const from = performance.now();
    for (let n = 0; n < 100; n += 1) expect(matchesPattern(pattern, `${text}${n}`)).toBe(false);
    return performance.now() - from;
  };
  timeOf('^a+$');
  expect(timeOf('^(a+)+$')).toBeLessThan(100 * timeOf('^a+$') + 1000);
});

test('a text that is longer than 1,000 characters is not matched', () => {
  expect([matchesPattern('^a*$', 'a'.repeat(1000)), matchesPattern('^a*$', 'a'.repeat(1001))]).toEqual([true, false]);
  expect(matchesPattern('^.*$', '😀'.repeat(1000))).toBe(true);
});

test('characters are counted, not the units that hold them', () => {
  expect(['', 'abc', '😀😀😀'].map(lengthOf)).toEqual([0, 3, 3]);
});
