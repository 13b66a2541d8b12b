// Which snapshots are attached and who reads them, over the engine alone.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createQuarantine } from '../../src/snapshots/quarantine.ts';
import type { LoadRecord } from '../../src/snapshots/record.ts';
import { createServings } from '../../src/snapshots/servings.ts';
import { until } from '../support/gateway.ts';
import { createLake, datasetOf, type Lake, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

let room: Room;
let other: Lake;
beforeEach(async () => {
  room = await openRoom();
  other = await createLake('other');
  await room.lake.publish('a1', visits(1));
  await other.publish('b1', visits(2));
  await room.start(datasetOf(room.lake.url), datasetOf(other.url, {}, [], 'other'));
});
afterEach(async () => {
  await room.end();
  await other.remove();
});

const folderOf = async (dataset: string): Promise<string> => {
  const folder = join(room.cacheDir, 'snapshots', dataset);
  return join(folder, (await readdir(folder))[0]!);
};

test('two that are attached side by side have readers of their own: each goes when its own have gone', async () => {
  const quarantine = createQuarantine(room.cacheDir, {
    bounds: { maxBytes: 2 ** 30, maxAgeMs: 86_400_000 },
    observe: () => undefined,
    now: Date.now,
  });
  const servings = createServings(room.cacheDir, room.engine, quarantine);
  const folders = await Promise.all(['visits', 'other'].map(folderOf));
  const records = await Promise.all(
    folders.map(async (folder) => JSON.parse(await readFile(join(folder, 'snapshot.json'), 'utf8')) as LoadRecord),
  );
  const attached = await Promise.all(records.map(async (record) => servings.attach(record)));
  expect(new Set(attached.map(({ serving }) => serving.epoch)).size).toBe(2);
  const leases = attached.map(({ serving }) => servings.lease(serving));
  const gone = attached.map(async (one) => servings.retire(one, 'delete'));
  leases[0]!.release();
  await gone[0];
  expect(folders.map(existsSync)).toEqual([false, true]);
  leases[1]!.release();
  await gone[1];
  await until(() => !folders.some(existsSync));
});
