// Loads many times the size of their memory: the short form of `make bench-large-load`.
import { beforeAll, describe, expect } from '@jest/globals';
import { requiring } from '../support/linux.ts';
import { command } from '../support/process.ts';
import { minio } from '../support/stores.ts';
import { type LargeLoad, largeLoad } from './support/large-load.ts';

const mebibyte = 2 ** 20;
/** Rows of 290 and 145 MB go through it, each dataset in several ranges. */
const loadMebibytes = 200;
const { describe: onLinux } = requiring('proc');

(minio === undefined ? describe.skip : onLinux)('two datasets of 100 MB each, Parquet and CSV, that load side by side', () => {
  const { test } = requiring('proc');
  let load: LargeLoad;
  beforeAll(async () => {
    const size = { bytes: 100e6, files: 32, snapshots: 1 };
    load = await largeLoad({ ...size, podMebibytes: 1024, engineMebibytes: 192, loadMebibytes, by: command });
  }, 600_000);

  test('fail no request and mix no answer', () => {
    const { right, wrong, failed } = load.asked;
    expect([wrong, [...failed]]).toEqual([[], []]);
    expect(right).toBeGreaterThan(10);
  });

  test('keep each loader within its memory, and all within that of the pod', () => {
    for (const { peaks } of load.rounds) {
      expect(peaks.loader / mebibyte).toBeLessThan(loadMebibytes);
      expect(peaks.all / mebibyte).toBeLessThan(1024);
    }
    expect(Math.max(...load.rounds.map(({ peaks }) => peaks.loader / mebibyte))).toBeGreaterThan(100);
    expect(load.kernel?.kills ?? 0).toBe(0);
  });

  test('take no more of the volume than the room they were given, and leave old and new there', () => {
    for (const { peaks, diskBefore, diskAfter, diskBudget, loads, published } of load.rounds) {
      expect(published.parquet.bytes + published.csv.bytes).toBeGreaterThan(180e6);
      expect(peaks.disk).toBeLessThan(diskBudget);
      // What served before and what serves now, and nothing besides.
      const tables = loads.reduce((sum, { tableBytes }) => sum + tableBytes, 0);
      expect(diskAfter).toBeGreaterThan(tables);
      expect(diskAfter).toBeLessThan(diskBefore + tables + mebibyte);
    }
  });
});
