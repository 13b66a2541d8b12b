import { describe, expect, test } from '@jest/globals';
import { parseDurationMs } from './duration.ts';
import { secondOrMorePattern } from './resources/shapes.ts';

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['26h', 93_600_000],
    ['7d', 604_800_000],
    ['1h30m', 5_400_000],
    ['0s', 0],
  ])('%s are %d milliseconds', (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  test.each(['', '5', 'm', '5 m', '-5m', '1.5h', '5M', '1w', '12345678s', '5m\n', ' 5m'])('%j is no duration', (text) =>
    expect(parseDurationMs(text)).toBeUndefined(),
  );

  test.each(['0s', '0m0h', '999ms', '0999ms', '0d1ms', '00ms'])('%s is less than a second', (text) =>
    expect(new RegExp(secondOrMorePattern).test(text)).toBe(false),
  );

  test.each(['1s', '1000ms', '01s', '1m', '10m', '1h', '0s1m', '5m1ms', '1d', '0001000ms'])('%s is a second or more', (text) =>
    expect(new RegExp(secondOrMorePattern).test(text)).toBe(true),
  );
});
