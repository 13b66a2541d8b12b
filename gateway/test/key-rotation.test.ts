// A key whose token is rotated, on every replica: both tokens work for the overlap, and after it only the new one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CompiledKey } from '@offloader/contract';
import { apiKey, endpoint, sha256, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { mountParts, partsOf } from './support/mounted.ts';

const replicas = ['a', 'b'] as const;
let lake: Lake;
let folder: string;
let worlds: readonly World[];
let sequence = 0;

const hash = (token: string, notAfter: number | null = null): CompiledKey['hashes'][number] => ({
  sha256: sha256(token),
  notAfter: notAfter === null ? null : new Date(notAfter).toISOString(),
});
/** What the operator writes while the key's hashes are these. */
const write = async (...hashes: CompiledKey['hashes']): Promise<void> => {
  sequence += 1;
  const key = apiKey('acme', { hash: undefined, tokenSecret: { name: 'acme-token' } });
  const files = partsOf([visitsDataset(lake.url), endpoint('daily'), key], sequence, 'required', {}, { acme: hashes });
  for (const replica of replicas) await mountParts(join(folder, replica), files);
};
const statusOn = async (world: World, token: string): Promise<number> => {
  const response = await world.get('/v1/endpoints/daily?limit=1', token);
  await response.arrayBuffer();
  return response.status;
};
const everywhere = async (token: string): Promise<readonly number[]> => Promise.all(worlds.map(async (world) => statusOn(world, token)));
const isTaken = async (): Promise<boolean> => {
  const reports = await Promise.all(worlds.map(async (world) => (await world.admin('/diagnostics', 'admin-token')).json()));
  return reports.every((report: any) => report.config_sync.sequence === sequence);
};

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  folder = await mkdtemp(join(tmpdir(), 'offloader-rotation-'));
  await write(hash('old'));
  worlds = await Promise.all(replicas.map(async (replica) => startWorld([], { OFFLOADER_CONFIG: join(folder, replica) })));
});
afterAll(async () => {
  await Promise.all(worlds.map(async (world) => world.end()));
  await lake.remove();
  await rm(folder, { recursive: true });
});

test('before the rotation there is one token', async () => {
  expect([await everywhere('old'), await everywhere('new')]).toEqual([[200, 200], [401, 401]]); // prettier-ignore
});

test('during the overlap both tokens are the same key, and a replica that starts meanwhile takes both', async () => {
  await write(hash('new'), hash('old', Date.now() + 3_600_000));
  await until(isTaken);
  expect([await everywhere('old'), await everywhere('new')]).toEqual([[200, 200], [200, 200]]); // prettier-ignore
  await worlds[1]!.restart();
  await until(async () => (await worlds[1]!.admin('/ready')).status === 200);
  expect([await everywhere('old'), await everywhere('new')]).toEqual([[200, 200], [200, 200]]); // prettier-ignore
});

test('the overlap ends at its moment on every replica, without another write', async () => {
  const end = Date.now() + 1500;
  await write(hash('new'), hash('old', end));
  const wrong = new Set<string>();
  let lastAskedAt = 0;
  while (lastAskedAt < end || !(await isTaken()))
    for (const world of worlds) {
      const before = Date.now();
      const status = await statusOn(world, 'old');
      // Between the two moments it may be either.
      if (Date.now() < end && status !== 200) wrong.add(`${status} before the end`);
      // A replica that has not taken the write yet still has the longer overlap.
      if (before >= end && status !== 401 && (await isTaken()) && (await statusOn(world, 'old')) !== 401)
        wrong.add(`${status} after the end`);
      if ((await statusOn(world, 'new')) !== 200) wrong.add('the new token is refused');
      lastAskedAt = before;
    }
  expect([...wrong]).toEqual([]);
  expect([await everywhere('old'), await everywhere('new')]).toEqual([[401, 401], [200, 200]]); // prettier-ignore
});
