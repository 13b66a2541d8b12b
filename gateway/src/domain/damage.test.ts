import { expect, test } from '@jest/globals';
import { brokenOff, isDamage, isSuspicious } from './damage.ts';

test.each([
  ['a block whose bits have turned', 'IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 2 in block at location 0', true],
  ['a file that was cut off', 'IO Error: Could not read enough bytes from file "x": attempted to read 262144 bytes from location 798720', true],
  ['a Parquet file that is none', "Invalid Input Error: No magic bytes found at end of file 'x'", true],
  ['a file that has gone', 'IO Error: No files found that match the pattern "x"', true],
  ['words of a request that sound like damage', "Conversion Error: Could not convert string 'corrupt checksum, IO Error: could not read' to INT32", false],
  ['a request that quotes a whole error', 'Binder Error: x\nIO Error: Corrupt database file', false],
  ['an instance that was invalidated by something else', 'FATAL Error: Failed: database has been invalidated because of a previous fatal error', false],
  ['a machine without file handles', 'IO Error: Cannot open file "x": Too many open files', false],
  ['a scratch file on a full disk', 'IO Error: Could not write file "tmp/x": No space left on device', false],
  ['a query that needs too much memory', 'Out of Memory Error: failed to pin block of size 256.0 KiB', false],
])('%s', (_what, message, expected) => expect(isDamage(message)).toBe(expected)); // prettier-ignore

test('a result that broke off is a reason to read its files, and no proof', () => {
  expect([isSuspicious(brokenOff), isDamage(brokenOff)]).toEqual([true, false]);
});
