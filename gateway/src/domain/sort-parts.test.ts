import { expect, test } from '@jest/globals';
import { rangeSql, sortPlan, sortsAtOnce } from './sort-parts.ts';

const mebibyte = 2 ** 20;
const engine = (engineMebibytes: number, threads = 2) => ({ engineBytes: engineMebibytes * mebibyte, threads });
/** Files so large that they bound nothing. */
const rowsOf = (rows: number, fileBytes = 1e12) => ({ rows, fileBytes });
const sample = (keys: readonly string[], bytes: number) => keys.map((key) => ({ key, bytes }));

test('a table that surely fits is not looked at twice, one that may not is', () => {
  const size = { rows: 100_000, columns: 4, fileBytes: 5e6 };
  expect(sortsAtOnce(size, engine(200))).toBe(true);
  expect(sortsAtOnce({ ...size, rows: 1e6 }, engine(200))).toBe(false);
  expect(sortsAtOnce({ ...size, fileBytes: 1e8 }, engine(200))).toBe(false);
});

test('rows that turn out to fit are one range', () => {
  expect(sortPlan(sample(['02', '01'], 40), rowsOf(1000), engine(100))).toEqual({ ranges: [{ from: null, to: null }], threads: 2 });
});

test('ranges follow one another without a gap, and hold about as many rows each', () => {
  // 2,000 MiB of rows, and 500 at once.
  const keys = ['08', '01', '02', '03', '04', '05', '06', '07'];
  expect(sortPlan(sample(keys, 100), rowsOf(20 * mebibyte), engine(100)).ranges).toEqual([
    { from: null, to: '03' },
    { from: '03', to: '05' },
    { from: '05', to: '07' },
    { from: '07', to: null },
  ]);
});

test('what is sorted at once is no more than the files take, which is what it may spill, or fits in memory', () => {
  const keys = Array.from({ length: 64 }, (_, at) => `a${at.toString(16).padStart(2, '0')}`);
  // 400 MiB of rows, where 500 can be merged.
  expect(sortPlan(sample(keys, 100), rowsOf(4 * mebibyte), engine(100)).ranges).toHaveLength(1);
  expect(sortPlan(sample(keys, 100), rowsOf(4 * mebibyte, 100 * mebibyte), engine(100)).ranges).toHaveLength(4);
  expect(sortPlan(sample(keys, 100), rowsOf(4 * mebibyte, mebibyte), engine(100)).ranges).toHaveLength(13);
});

test('rows so wide that no two threads can merge them are sorted within memory, and somewhat wide ones by fewer threads', () => {
  const keys = Array.from({ length: 16 }, (_, at) => `a${at.toString(16)}`);
  expect(sortPlan(sample(keys, 1000), rowsOf(0.25 * mebibyte), engine(100)).ranges).toHaveLength(8);
  expect(sortPlan(sample(keys, 1000), rowsOf(0.25 * mebibyte), engine(1000, 8))).toMatchObject({ ranges: [{}], threads: 3 });
});

test('a load is not cut into more parts than it is worth, and fails instead', () => {
  const keys = Array.from({ length: 10_000 }, (_, at) => at.toString(16).padStart(4, '0'));
  expect(sortPlan(sample(keys, 1000), rowsOf(1e9), engine(100)).ranges).toHaveLength(100);
});

test('a key of more rows than are sorted at once has a range to itself, which needs no sorting', () => {
  const { ranges } = sortPlan(sample(['01', '04', '04', '04', '04', '04', '04', '09'], 100), rowsOf(20 * mebibyte), engine(100));
  expect(ranges).toEqual([
    { from: null, to: '04' },
    { from: '04', to: '0400' },
    { from: '0400', to: null },
  ]);
  const sorts = ranges.map((range) => rangeSql('SELECT 1 AS x', range, ['x']).includes('ORDER BY'));
  expect(sorts).toEqual([true, false, true]);
});

test('a table without rows is one range', () => {
  expect(sortPlan([], rowsOf(0), engine(100)).ranges).toEqual([{ from: null, to: null }]);
});

test('a range is told by bytes, whatever they mean', () => {
  expect(rangeSql('SELECT 1 AS x', { from: '27', to: 'ff00' }, ['x'])).toBe(
    `SELECT * FROM (SELECT 1 AS x) WHERE create_sort_key("x", 'ASC NULLS LAST') >= '\\x27'::BLOB AND create_sort_key("x", 'ASC NULLS LAST') < '\\xff\\x00'::BLOB ORDER BY "x"`,
  );
});
