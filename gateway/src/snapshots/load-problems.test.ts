import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { loadProblem } from './load-problems.ts';

test.each([
  ['a value that speaks of a full disk does not fit, and the disk is not full', `Conversion Error: Could not convert string 'No space left on device' to INT64`, 'value_does_not_fit'],
  ['a value that one of our own casts refuses', 'Invalid Input Error: Conversion Error: the value does not fit', 'value_does_not_fit'],
  ['a line of CSV that speaks of memory is a bad line', 'Invalid Input Error: CSV Error on Line: 3\nOriginal Line: Out of Memory', 'corrupt_file'],
  ['a full disk', 'IO Error: Could not write file "x": No space left on device', 'disk_full'],
  ['a volume that is mounted read-only', 'IO Error: Cannot open file "x": Read-only file system', 'cache_unusable'],
  ['a folder that cannot be made', "EROFS: read-only file system, mkdir 'x'", 'cache_unusable'],
  ['a disk that breaks', 'IO Error: Could not read from file "x": Input/output error', 'cache_unusable'],
  ['too little memory', 'Out of Memory Error: failed to pin block of size 256.0 KiB (512.0 MiB/512.0 MiB used)', 'out_of_memory'],
  ['a file that is none', "Invalid Input Error: No magic bytes found at end of file '0.parquet'", 'corrupt_file'],
  ['anything else', 'Binder Error: no such thing', 'load_failed'],
] as const)('%s', (_what, text, code) => expect(loadProblem(new Error(text), '', null).code).toBe(code)); // prettier-ignore

test('an error of another realm is one too', () => {
  expect(loadProblem(runInNewContext(`new Error('Conversion Error: x')`), '', null).code).toBe('value_does_not_fit');
});

test('a message names file and column and never a value', () => {
  expect(
    loadProblem(new Error(`Conversion Error: Could not convert string 'secret' to INT64`), 'files[0]', 'part-0.csv', 'visits'),
  ).toEqual({
    code: 'value_does_not_fit',
    path: 'files[0]',
    message: 'file part-0.csv, column visits: a value does not fit the declared type',
  });
});
