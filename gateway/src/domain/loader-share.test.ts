import { expect, test } from '@jest/globals';
import { bytesOf, limitInstead, loaderShare } from './loader-share.ts';

const mebibyte = 2 ** 20;

test.each([
  ['512MiB', 512 * mebibyte],
  ['1.5GB', 1.5e9],
  ['1GiB', 2 ** 30],
])('%s is %i bytes', (size, bytes) => {
  expect(bytesOf(size)).toBe(bytes);
});

test.each([
  ['a roomy one has a thread for each processor', '8GiB', 16, 16],
  ['with less memory fewer threads share it', '512MiB', 16, 3],
  ['a small one has two, which sort in smaller parts than one would', '64MiB', 16, 2],
  ['one processor has two as well', '1GiB', 1, 2],
])('%s', (_sentence, limit, threads, expected) => {
  expect(loaderShare(limit, threads).threads).toBe(expected);
});

test.each(['32MiB', '170MiB', '1GiB', '64GiB'])("the engine has less than the process's %s, and most of it", (limit) => {
  const { engineBytes } = loaderShare(limit, 4);
  expect(engineBytes).toBeLessThan(bytesOf(limit) * 0.76);
  expect(engineBytes).toBeGreaterThan(bytesOf(limit) * 0.37);
});

test.each([
  ['1GiB', 720],
  ['300MiB', 176],
  ['200MiB', 76],
  ['160MiB', 72],
  ['100MiB', 45],
])('of %s the engine has %i MiB, and what lies beside it in a process the rest', (limit, mebibytes) => {
  expect(Math.floor(loaderShare(limit, 2).engineBytes / mebibyte)).toBe(mebibytes);
});

test.each([
  ['is told to take twice as much', '160MiB', 0, '320MiB'],
  ['is told what reading its files takes at least', '160MiB', 400, '640MiB'],
  ['is told what lies beside its engine too', '64MiB', 96, '256MiB'],
  ['is told a round figure', '100MB', 0, '192MiB'],
])('a load that its limit was too small for %s', (_sentence, limit, neededMebibytes, expected) => {
  expect(limitInstead(limit, neededMebibytes * mebibyte)).toBe(expected);
  expect(loaderShare(expected, 1).engineBytes).toBeGreaterThanOrEqual(neededMebibytes * mebibyte);
});
