// Whether a soak tells a leak from what only moves.
import { describe, expect, test } from '@jest/globals';
import type { Bound } from '../operator/soak/bounds.ts';
import { seeded } from '../operator/soak/random.ts';
import { type Sample, slope, trendOf, trends } from '../operator/soak/verdict.ts';

const mebibyte = 2 ** 20;
const memory: Bound = {
  of: 'gateway',
  figure: 'rssBytes',
  what: 'resident memory',
  unit: 'MiB',
  part: 0.1,
  atLeast: 16 * mebibyte,
  stands: 'median',
  drawn: true,
};
const heap: Bound = { ...memory, figure: 'heapBytes', what: 'heap', atLeast: 8 * mebibyte, stands: 'lowest' };
const descriptors: Bound = { ...memory, figure: 'descriptors', what: 'descriptors', unit: '', part: 0.05, atLeast: 8 };
const hours = 6;
const everySeconds = 10;
const count = (hours * 3600) / everySeconds;

/** A look every ten seconds for six hours. */
const points = (valueAt: (part: number, random: () => number) => number): readonly (readonly [number, number])[] => {
  const random = seeded(7);
  return Array.from({ length: count + 1 }, (_, n) => [n * everySeconds, valueAt(n / count, random)] as const);
};

test.each([
  ['memory that moves by 20 MiB to and fro', memory, (_: number, random: () => number) => (200 + 20 * random()) * mebibyte],
  ['memory that grows while it warms up', memory, (part: number) => (part < 0.2 ? 100 + part * 500 : 200) * mebibyte],
  [
    'memory that is 60 MiB more while a third replica is there',
    memory,
    (part: number) => (part > 0.5 && part < 0.75 ? 260 : 200) * mebibyte,
  ],
  ['a heap that fills up and is collected', heap, (part: number) => (30 + ((part * 400) % 1) * 40) * mebibyte],
  ['descriptors that come and go', descriptors, (_: number, random: () => number) => 60 + Math.floor(random() * 12)],
])('%s is in bounds', (_, bound, valueAt) => {
  expect(trendOf('gateway-0', points(valueAt), bound)).toMatchObject({ met: true });
});

test.each([
  [
    '1 MiB an hour beside 10 MiB to and fro',
    memory,
    (part: number, random: () => number) => (100 + part * hours + 10 * random()) * mebibyte,
  ],
  ['40 MiB in one step', memory, (part: number) => (part < 0.6 ? 200 : 240) * mebibyte],
  ['a heap whose lowest grows by 4 MiB an hour', heap, (part: number) => (30 + part * hours * 4 + ((part * 400) % 1) * 40) * mebibyte],
  ['four descriptors an hour', descriptors, (part: number, random: () => number) => 60 + Math.floor(part * hours * 4 + random() * 3)],
])('%s is told', (_, bound, valueAt) => {
  expect(trendOf('gateway-0', points(valueAt), bound)).toMatchObject({ met: false });
});

test('a slope is drawn on to a day for six hours, and no further than it was seen for a short life', () => {
  const growing = Array.from({ length: 361 }, (_, n) => [n, 100 + n] as const);
  const drawn = [1, 15, 60].map(
    (scale) =>
      trendOf(
        'gateway-0',
        growing.map(([x, y]) => [x * scale, y] as const),
        descriptors,
      ).likely,
  );
  expect(drawn.map(Math.round)).toEqual([360, 360, 1440]);
});

test('the slope of what comes and goes with others does not count, its growth does', () => {
  const inSet = { ...descriptors, drawn: false };
  const verdicts = [12, 60].map(
    (more) =>
      trendOf(
        'gateway-0',
        points((part) => 60 + part * more),
        inSet,
      ).met,
  );
  expect(verdicts).toEqual([true, false]);
});

test('the slope is the one of the line, whatever a few looks say', () => {
  const line = Array.from({ length: 60 }, (_, n) => [n, n === 10 || n === 40 ? 1000 : 5 + 2 * n] as const);
  const { likely, least } = slope(line);
  expect(likely).toBeCloseTo(2, 5);
  expect(least).toBeGreaterThan(1.9);
});

describe('a series', () => {
  const sample = (seconds: number, life: number, name = 'gateway-1'): Sample => ({
    seconds,
    kind: 'gateway',
    name,
    life,
    values: { descriptors: life === 1 ? 500 : 50 },
  });

  test('begins anew with a process, and counts when it has lived for half of the run', () => {
    const samples = Array.from({ length: 101 }, (_, n) => sample(n * everySeconds, n < 40 ? 1 : 2));
    expect(trends(samples, [descriptors]).map(({ subject, before, after }) => ({ subject, before, after }))).toEqual([
      { subject: 'gateway-1', before: 50, after: 50 },
    ]);
  });

  test('is of one thing alone, and of figures that it has', () => {
    const samples = Array.from({ length: 101 }, (_, n) => [sample(n, 1, 'gateway-0'), sample(n, 2, 'gateway-1')]).flat();
    expect(trends(samples, [descriptors, memory]).map(({ subject, after }) => ({ subject, after }))).toEqual([
      { subject: 'gateway-0', after: 500 },
      { subject: 'gateway-1', after: 50 },
    ]);
  });
});
