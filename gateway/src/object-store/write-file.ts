/** Streams bytes into a new file, counts them, and holds them to the size that was promised. */
import { createWriteStream } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Problem, type Result } from '@offloader/contract';

export const sizeMismatch = (expected: number, found: number): Problem => ({
  code: 'size_mismatch',
  path: '',
  message: `the file has ${found} bytes, the manifest says ${expected}`,
});

/** A disk that is full is the environment's; any other error is thrown on. */
const isDiskFull = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOSPC';

export const writeStream = async (
  from: Readable,
  toFile: string,
  expectedBytes: number | null,
  signal: AbortSignal,
): Promise<Result<null, Problem>> => {
  let bytes = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      // A file that never ends must not fill the disk: one byte too many is enough to know.
      if (expectedBytes !== null && bytes > expectedBytes) done(new Error('longer than promised'));
      else done(null, chunk);
    },
  });
  try {
    await pipeline(from, counting, createWriteStream(toFile, { flags: 'wx', mode: 0o640 }), { signal });
  } catch (error) {
    if (isDiskFull(error)) return err({ code: 'disk_full', path: '', message: 'the cache volume is full' });
    if (expectedBytes !== null && bytes > expectedBytes) return err(sizeMismatch(expectedBytes, bytes));
    throw error;
  }
  return expectedBytes !== null && bytes !== expectedBytes ? err(sizeMismatch(expectedBytes, bytes)) : ok(null);
};
