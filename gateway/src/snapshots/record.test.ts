import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type CacheIndex, createIndexWriter, emptyIndex, readIndex } from './record.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-index-'));
});
afterEach(async () => rm(folder, { recursive: true }));

const indexOf = (n: number): CacheIndex => ({ format: 1, datasets: { sales: { ...emptyIndex, rebuilt: String(n) } } });
const written = async (): Promise<string | null | undefined> => (await readIndex(folder)).datasets['sales']?.rebuilt;

describe('the index writer', () => {
  test('saves what was the state when it was asked, however often it is asked meanwhile', async () => {
    let taken = 0;
    const { save } = createIndexWriter(folder, () => indexOf((taken += 1)));
    const asked: Promise<void>[] = [];
    const asking = (async () => {
      while (taken < 50) {
        asked.push(save());
        await setImmediate();
      }
    })();
    await setImmediate();
    const before = taken;
    await save();
    // One that was under way, and the next; never as many as others like to ask for.
    expect(taken - before).toBeLessThanOrEqual(2);
    await asking;
    await Promise.all(asked);
  });

  test('one that fails is told to whoever asked, and the next is done', async () => {
    const { save } = createIndexWriter(join(folder, 'missing'), () => indexOf(1));
    await expect(save()).rejects.toThrow('ENOENT');
    const there = createIndexWriter(folder, () => indexOf(2));
    await there.save();
    expect(await written()).toBe('2');
  });
});
