import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { overrunOf, type Scratch, scratchFile, watchOver } from './scratch.ts';

let scratch: Scratch;
beforeEach(async () => {
  scratch = { dir: await mkdtemp(`${tmpdir()}/offloader-scratch-`), maxBytes: 100 };
});
afterEach(async () => rm(scratch.dir, { recursive: true }));

const put = async (id: string, bytes: number): Promise<string> => {
  await writeFile(scratchFile(scratch, id), Buffer.alloc(bytes));
  return scratchFile(scratch, id);
};
const never = new AbortController().signal;

test('all files together count, and what else lies there does not', async () => {
  await writeFile(`${scratch.dir}/duckdb_temp`, Buffer.alloc(1000));
  const mine = await put('mine', 50);
  expect(await overrunOf(scratch, mine)).toBe(null);
  await put('other', 50);
  expect(await overrunOf(scratch, mine)).toBe('full');
  await put('mine', 101);
  expect(await overrunOf(scratch, mine)).toBe('too_long');
});

test('a file that grows too long is noticed while it is written', async () => {
  const { written, overrun } = await watchOver(scratch, scratchFile(scratch, 'mine'), {
    signal: never,
    write: async (signal) => {
      await put('mine', 101);
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'interrupted';
    },
  });
  expect([written, overrun]).toEqual(['interrupted', 'too_long']);
});
