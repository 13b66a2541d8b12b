// A cache volume that cannot be written, cannot be read or has gone, under a gateway that serves and at its boot. Real mounts.
import { readdirSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import type { Report } from '@offloader/contract';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';
import { mountTmpfs, remount, unmount } from '../support/mounts.ts';
import { startAsking } from './support/asking.ts';
import { left, orphansOn, readIndex } from './support/volume.ts';

const { test } = requiring('mounts');
let lake: Lake;
let cacheDir: string;
let world: World;

/** Refused while a file is open for writing. */
const isReadOnly = (): boolean => {
  try {
    remount(cacheDir, 'ro');
    return true;
  } catch {
    return false;
  }
};
const report = async (): Promise<Report> => (await (await world.admin('/diagnostics', 'admin-token')).json()) as Report;
const volume = async () => (await report()).cache_volume;
const active = async (): Promise<string | undefined> => (await report()).datasets[0]?.active_snapshot?.snapshot_id;
const metric = async (): Promise<string | undefined> =>
  /^offloader_cache_volume_ok (\d)$/m.exec(await (await world.admin('/metrics')).text())?.[1];
const asking = () => startAsking(() => world.gateway.apiPort, ['visits']);

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'offloader-volume-'));
  mountTmpfs(cacheDir, 64 * 2 ** 20);
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld(
    [visitsDataset(lake.url), endpoint('visits'), apiKey('acme')],
    { OFFLOADER_CACHE_DIR: cacheDir, OFFLOADER_POOL_SIZE: '4' },
    { volumeCheckMs: 100 },
  );
  // What serves must lie in the index before anything happens to the volume.
  await until(async () => (await readIndex(cacheDir).catch(() => null))?.datasets['visits']?.active != null);
});
afterEach(async () => {
  await world.end();
  await lake.remove();
  unmount(cacheDir);
  await rm(cacheDir, { recursive: true, force: true });
});

test('survives a volume that cannot be written: it serves what lies on it, also after a restart, says so, and takes the next snapshot when it can be', async () => {
  expect([await volume(), await metric()]).toEqual([{ status: 'ok', reason: null, since: null }, '1']);
  const asked = asking();
  await until(isReadOnly);
  await until(async () => (await volume()).status === 'failed');
  expect(await volume()).toMatchObject({ reason: 'unwritable', since: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(await metric()).toBe('0');
  await lake.publish('a2', visits(2));
  await until(async () => (await report()).datasets[0]?.refresh_error?.code === 'cache_unusable');
  expect((await report()).datasets[0]?.refresh_error?.owner).toBe('Environment');
  expect((await report()).incidents.find((one) => one.class === 'duckdb_failure')).toMatchObject({
    owner: 'Environment',
    evidence: ['the cache volume is unwritable', '1 of 1 datasets serve from it'],
    action: expect.stringContaining('quarantine-volume'),
    runbook: 'runbooks/duckdb-failure.md',
  });
  const { failed, wrong } = await asked.stop();
  expect([...failed, ...wrong]).toEqual([]);

  await world.restart();
  await until(async () => (await world.admin('/ready')).status === 200);
  expect(await active()).toBe('a1');
  expect((await world.get('/v1/endpoints/visits', 'acme-token')).status).toBe(200);
  await until(async () => (await volume()).reason === 'unwritable');

  remount(cacheDir, 'rw');
  await until(async () => (await active()) === 'a2');
  await until(async () => (await volume()).status === 'ok');
  expect([await volume(), await metric()]).toEqual([{ status: 'ok', reason: null, since: null }, '1']);
  expect(await left(async () => orphansOn(cacheDir), 120_000)).toEqual([]);
}, 900_000);

test('starts from a volume that cannot be written though something stands in the way of its index', async () => {
  await mkdir(join(cacheDir, 'index.json.tmp'));
  await until(isReadOnly);
  await world.restart();
  await until(async () => (await world.admin('/ready')).status === 200);
  expect(await active()).toBe('a1');
  expect((await world.get('/v1/endpoints/visits', 'acme-token')).status).toBe(200);
  await until(async () => (await volume()).reason === 'unwritable');
  remount(cacheDir, 'rw');
}, 900_000);

test('survives a volume whose folders have gone: it is made anew and filled again, while what was open serves on', async () => {
  const before = (await readIndex(cacheDir)).datasets['visits']?.active;
  const asked = asking();
  // In one go: a look between two of them would make the volume anew twice.
  for (const name of readdirSync(cacheDir)) rmSync(join(cacheDir, name), { recursive: true });
  await until(async () => ![undefined, null, before].includes((await readIndex(cacheDir).catch(() => null))?.datasets['visits']?.active));
  await until(async () => (await report()).datasets[0]?.cache_healthy === true && (await volume()).status === 'ok');
  expect(await volume()).toEqual({ status: 'ok', reason: null, since: null });
  const { failed, wrong } = await asked.stop();
  expect([...failed, ...wrong]).toEqual([]);
  expect(world.observed.filter(({ kind }) => kind === 'cache_volume_renewed')).toHaveLength(1);
  // All that a restart needs lies there again.
  await rename(lake.folder, `${lake.folder}-away`);
  await world.restart();
  await until(async () => (await world.admin('/ready')).status === 200);
  expect(await active()).toBe('a1');
  await rename(`${lake.folder}-away`, lake.folder);
  expect(await left(async () => orphansOn(cacheDir), 120_000)).toEqual([]);
}, 900_000);

test('survives a volume that cannot be read: it is told, ends no gateway and keeps none from starting, and is filled again when it can be', async () => {
  const asked = asking();
  await rename(join(cacheDir, 'snapshots'), join(cacheDir, 'away'));
  // Leads to itself for ever.
  await symlink('snapshots', join(cacheDir, 'snapshots'));
  await until(async () => (await volume()).reason === 'unreadable');
  const { failed, wrong } = await asked.stop();
  expect([...failed, ...wrong]).toEqual([]);

  await world.restart();
  expect((await world.admin('/live')).status).toBe(200);
  await until(async () => (await volume()).status === 'failed');
  expect((await world.get('/v1/endpoints/visits', 'acme-token')).status).toBe(503);

  await rm(join(cacheDir, 'snapshots'));
  await until(async () => (await active()) === 'a1' && (await volume()).status === 'ok');
  expect(await volume()).toEqual({ status: 'ok', reason: null, since: null });
  expect(JSON.parse(await readFile(join(cacheDir, 'index.json'), 'utf8'))).toMatchObject({ format: 1 });
  expect(await left(async () => orphansOn(cacheDir), 120_000)).toEqual([]);
}, 900_000);
