// Old copies of a rebuilt cache, set aside on the volume: what bounds them, and what they make way for.
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { bytesIn } from '../../src/snapshots/disk.ts';
import { until } from '../support/gateway.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

const day = 86_400_000;
let room: Room;
afterEach(async () => room.end());

const aside = async (): Promise<readonly string[]> => readdir(join(room.cacheDir, 'quarantine')).catch(() => []);
const removed = (): readonly unknown[] => room.observed.filter((event) => event.kind === 'quarantine_removed');
const rebuild = async (token: string): Promise<string> => {
  const { loadId } = await active();
  room.snapshots.configure([datasetOf(room.lake.url, { cache: { rebuild: token } })], {});
  await until(async () => room.report().rebuilt === token && (await aside()).includes(`visits.${loadId}`));
  return `visits.${loadId}`;
};
/** The folder of the one load that there is. */
const active = async (): Promise<{ loadId: string; bytes: number }> => {
  const [loadId = ''] = await readdir(join(room.cacheDir, 'snapshots', 'visits'));
  return { loadId, bytes: await bytesIn(join(room.cacheDir, 'snapshots', 'visits', loadId)) };
};

test('with more bytes set aside than the bound the oldest copies go', async () => {
  room = await openRoom({ quarantine: { maxBytes: 2 ** 30, maxAgeMs: day } });
  await room.lake.publish('a1', visits(1));
  await room.start(datasetOf(room.lake.url));
  const { bytes } = await active();
  const [first, second] = [await rebuild('t1'), await rebuild('t2')];
  expect(new Set(await aside())).toEqual(new Set([first, second]));
  await room.close();
  await room.reopen([datasetOf(room.lake.url, { cache: { rebuild: 't2' } })], { quarantine: { maxBytes: bytes * 1.5, maxAgeMs: day } });
  await until(async () => (await aside()).length === 1);
  await room.start(datasetOf(room.lake.url, { cache: { rebuild: 't2' } }));
  const third = await rebuild('t3');
  await until(async () => (await aside()).length === 1);
  expect(await aside()).toEqual([third]);
  expect(removed()).toEqual([first, second].map((name) => ({ kind: 'quarantine_removed', name, reason: 'bytes' })));
});

test('a copy goes when it is older than the bound, though nothing else happens', async () => {
  let offsetMs = 0;
  room = await openRoom({ quarantine: { maxBytes: 2 ** 30, maxAgeMs: 7 * day }, now: () => Date.now() + offsetMs });
  await room.lake.publish('a1', visits(1));
  await room.start(datasetOf(room.lake.url));
  const name = await rebuild('t1');
  const older = join(room.cacheDir, 'quarantine', 'older');
  await mkdir(older);
  const twoDaysAgo = Date.now() / 1000 - 2 * (day / 1000);
  await utimes(older, twoDaysAgo, twoDaysAgo);
  offsetMs = 6 * day;
  await until(async () => (await aside()).length === 1);
  expect(await aside()).toEqual([name]);
  offsetMs = 8 * day;
  await until(async () => (await aside()).length === 0);
  expect(removed()).toContainEqual({ kind: 'quarantine_removed', name, reason: 'age' });
});
