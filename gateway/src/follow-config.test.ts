import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { LoadedConfig } from '@offloader/contract';
import type { BundleSource } from './bundle-source/source.ts';
import { followConfig } from './follow-config.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const config = (revision: string): LoadedConfig => ({ bundle: { revision }, sequence: 1, credentials: {} }) as unknown as LoadedConfig;

const follow = (source: Partial<BundleSource>, applied: string[]) =>
  followConfig(source as BundleSource, {
    apply: async ({ bundle }) => void applied.push(bundle.revision),
    fallback: async () => undefined,
    isRequired: false,
    observe: () => undefined,
    onSync: () => undefined,
  });

test('files that are edited in place are read when they stay as they are, and what was read while they changed counts for nothing', async () => {
  let [there, afterReading] = ['r1', ''];
  const applied: string[] = [];
  const read: BundleSource['read'] = async () => {
    const value = config(there);
    if (afterReading !== '') [there, afterReading] = [afterReading, ''];
    return { ok: true, value };
  };
  const follower = follow({ mark: async () => there, read, pollMs: 100, isEditedInPlace: true }, applied);
  await follower.start();
  there = 'emptied';
  await jest.advanceTimersByTimeAsync(100);
  there = 'r2';
  await jest.advanceTimersByTimeAsync(100);
  expect(applied).toEqual(['r1']);
  await jest.advanceTimersByTimeAsync(100);
  expect(applied).toEqual(['r1', 'r2']);
  [there, afterReading] = ['emptied', 'r3'];
  await jest.advanceTimersByTimeAsync(1000);
  expect(applied).toEqual(['r1', 'r2', 'r3']);
  follower.stop();
});

test('what could not be applied is tried again, though nothing changes at its source', async () => {
  let revision = 'r1';
  let isBroken = false;
  const [applied, told]: [string[], string[]] = [[], []];
  const source = {
    isEditedInPlace: false,
    mark: async () => revision,
    read: async () => ({ ok: true, value: config(revision) }),
    pollMs: 100,
  } as unknown as BundleSource;
  const follower = followConfig(source, {
    apply: async ({ bundle }) => {
      if (isBroken) throw new Error('no room');
      applied.push(bundle.revision);
    },
    fallback: async () => undefined,
    isRequired: false,
    observe: () => undefined,
    onSync: (sync) => sync.enabled && told.push(`${sync.result} ${sync.error ?? ''}`.trim()),
  });
  await follower.start();
  [revision, isBroken] = ['r2', true];
  await jest.advanceTimersByTimeAsync(1000);
  // Not at every look: it is a lot of work.
  expect([applied, told]).toEqual([['r1'], ['applied', 'error no room']]);
  isBroken = false;
  await jest.advanceTimersByTimeAsync(2000);
  expect([applied, told.at(-1)]).toEqual([['r1', 'r2'], 'applied']);
  follower.stop();
});
