// A dataset's cache built anew for a token: what serves meanwhile, and what becomes of the old copy.
import { mkdir, readdir, rename, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import type { CompiledDataset } from '@offloader/contract';
import { bytesIn } from '../../src/snapshots/disk.ts';
import { apiKey, endpoint, removeUsed, startWorld, until, visitsDataset } from '../support/gateway.ts';
import { createLake, datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

const day = 86_400_000;
let room: Room;
afterEach(async () => room.end());

const asked = (token: string | null, name = 'visits', url = room.lake.url): CompiledDataset =>
  datasetOf(url, token === null ? {} : { cache: { rebuild: token } }, [], name);
const aside = async (): Promise<readonly string[]> => readdir(join(room.cacheDir, 'quarantine')).catch(() => []);
const removed = (): readonly unknown[] => room.observed.filter((event) => event.kind === 'quarantine_removed');
const loads = (): readonly string[] => room.observed.flatMap((event) => (event.kind === 'load_ended' ? [event.dataset] : []));
/** The snapshots that were built so far, one after another. */
const built = (): readonly string[] => room.observed.flatMap((event) => (event.kind === 'load_ended' ? [event.snapshotId] : []));
/** The folder of the one load that there is. */
const active = async (): Promise<{ loadId: string; bytes: number }> => {
  const [loadId = ''] = await readdir(join(room.cacheDir, 'snapshots', 'visits'));
  return { loadId, bytes: await bytesIn(join(room.cacheDir, 'snapshots', 'visits', loadId)) };
};
/** The name that the old copy lies under. */
const rebuild = async (token: string): Promise<string> => {
  const { loadId } = await active();
  room.snapshots.configure([asked(token)], {});
  await until(async () => room.report().rebuilt === token && (await aside()).includes(`visits.${loadId}`));
  return `visits.${loadId}`;
};
const open = async (...options: Parameters<typeof openRoom>): Promise<void> => {
  room = await openRoom(...options);
  await room.lake.publish('a1', visits(1));
  await room.start(asked(null));
};

describe('Cache rebuild for one dataset or all is possible; the old copy is moved to a quarantine folder on the volume (bounded in bytes and age), kept for whoever looks into it; while rebuilding, the dataset still serves the old copy if it reads, else is not_ready; never wrong data.', () => {
  test('of one dataset, and of all', async () => {
    await open();
    const other = await createLake('other');
    await other.publish('a7', visits(7));
    const both = (visitsToken: string | null, otherToken: string | null) => [asked(visitsToken), asked(otherToken, 'other', other.url)];
    await room.start(...both(null, null));
    room.snapshots.configure(both('t1', null), {});
    await until(() => room.report().rebuilt === 't1');
    expect(loads()).toEqual(['visits', 'other', 'visits']);
    room.snapshots.configure(both('t2', 't2'), {});
    await until(() => room.report().rebuilt === 't2' && room.report('other').rebuilt === 't2');
    expect(loads().toSorted()).toEqual(['other', 'other', 'visits', 'visits', 'visits']);
    expect([await room.answer(), await room.answer('other')]).toEqual([
      { id: 'a1', values: [1] },
      { id: 'a7', values: [7] },
    ]);
    await until(async () => (await aside()).length === 3);
    await other.remove();
  });

  test('the old copy serves until the new one does, and can be read where it was set aside', async () => {
    await open();
    const before = room.snapshots.state.servings().get('visits')!.epoch;
    const { loadId } = await active();
    room.snapshots.configure([asked('t1')], {});
    let answers = 0;
    for (; room.report().rebuilt !== 't1'; answers += 1) expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
    expect(answers).toBeGreaterThan(0);
    expect(room.snapshots.state.servings().get('visits')!.epoch).toBeGreaterThan(before);
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
    await until(async () => (await aside()).length === 1);
    const copy = join(room.cacheDir, 'quarantine', `visits.${loadId}`);
    expect((await readdir(copy)).toSorted()).toEqual(['data.duckdb', 'snapshot.json']);
    const instance = await DuckDBInstance.create(join(copy, 'data.duckdb'), { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    expect((await connection.runAndReadAll('SELECT count(*)::INTEGER FROM data')).getRows()).toEqual([[1000]]);
    connection.closeSync();
    instance.closeSync();
  });

  test('its token, and that of a refresh, is done in the tick in which the new copy serves: whatever dies then, it has acted once', async () => {
    const done: unknown[] = [];
    await open({
      observe: (event) => {
        if (event.kind !== 'snapshot_swapped') return;
        const { rebuilt, refreshed } = room.report();
        done.push([event.cause, rebuilt, refreshed]);
      },
    });
    const both: CompiledDataset = { ...asked('t1'), refreshToken: 'r1' };
    room.snapshots.configure([both], {});
    await until(() => done.length === 2);
    room.snapshots.configure([{ ...both, refreshToken: 'r2' }], {});
    await until(() => done.length === 3);
    expect(done.slice(1)).toEqual([
      ['rebuild', 't1', 'r1'],
      ['refresh', 't1', 'r2'],
    ]);
  });

  test('a copy that does not read is not_ready until the new one is built', async () => {
    await open();
    const { lake } = room;
    const world = await startWorld([visitsDataset(lake.url), endpoint('daily'), apiKey('acme')]);
    const ask = async () => {
      const response = await world.get('/v1/endpoints/daily', 'acme-token');
      const body: any = await response.json();
      return { status: response.status, said: body.error?.family ?? body.meta.snapshot_id };
    };
    expect(await ask()).toEqual({ status: 200, said: 'a1' });
    const manifest = join(lake.folder, 'manifest.json');
    const [loadId = ''] = await readdir(join(world.cacheDir, 'snapshots', 'visits'));
    await rename(manifest, `${manifest}.away`);
    await world.stop();
    await truncate(join(world.cacheDir, 'snapshots', 'visits', loadId, 'data.duckdb'), 5000);
    await world.restart();
    await until(async () => (await ask()).said === 'not_ready');
    expect(await ask()).toEqual({ status: 503, said: 'not_ready' });
    expect(await readdir(join(world.cacheDir, 'quarantine'))).toEqual([`visits.${loadId}`]);
    await rename(`${manifest}.away`, manifest);
    await until(async () => (await ask()).status === 200);
    expect(await ask()).toEqual({ status: 200, said: 'a1' });
    await world.end();
  });

  test('a token that comes while there is nothing to build again is a reason to look at the source', async () => {
    room = await openRoom();
    const hourly = (token: string | null): CompiledDataset => ({
      ...asked(token),
      source: { ...asked(null).source, intervalMs: 3_600_000 },
    });
    await room.start(hourly(null));
    await room.lake.publish('a1', visits(1));
    room.snapshots.configure([hourly('t1')], {});
    await until(() => room.report().rebuilt === 't1');
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
  });

  test('with more bytes set aside than the bound the oldest copies go', async () => {
    await open({ quarantine: { maxBytes: 2 ** 30, maxAgeMs: day } });
    const { bytes } = await active();
    const [first, second] = [await rebuild('t1'), await rebuild('t2')];
    expect(new Set(await aside())).toEqual(new Set([first, second]));
    await room.close();
    await room.reopen([asked('t2')], { quarantine: { maxBytes: bytes * 1.5, maxAgeMs: day } });
    await until(async () => (await aside()).length === 1);
    await room.start(asked('t2'));
    const third = await rebuild('t3');
    await until(async () => (await aside()).length === 1);
    expect(await aside()).toEqual([third]);
    await until(() => removed().length >= 2);
    expect(removed()).toEqual([first, second].map((name) => ({ kind: 'quarantine_removed', name, reason: 'bytes' })));
  });

  test('a copy goes when it is older than the bound, though nothing else happens', async () => {
    let offsetMs = 0;
    await open({ quarantine: { maxBytes: 2 ** 30, maxAgeMs: 7 * day }, now: () => Date.now() + offsetMs });
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
    await until(() => removed().length >= 2);
    expect(removed()).toContainEqual({ kind: 'quarantine_removed', name, reason: 'age' });
  });
});

describe('One token acts once, whatever restarts.', () => {
  const restart = async (dataset: CompiledDataset): Promise<void> => {
    await room.close();
    await room.reopen([dataset]);
    await room.start(dataset);
    // Two polls more: nothing comes late.
    for (let n = 0; n < 2; n += 1) await room.snapshots.refresh('visits', { force: false });
  };
  beforeEach(async () => open());

  test.each([
    ['rebuild', (): CompiledDataset => asked('t1'), (): string | null => room.report().rebuilt],
    ['refresh', (): CompiledDataset => ({ ...asked(null), refreshToken: 't1' }), (): string | null => room.report().refreshed],
  ])('a %s token, over restarts after it was handled', async (_what, dataset, handled) => {
    room.snapshots.configure([dataset()], {});
    await until(() => handled() === 't1');
    for (let n = 0; n < 2; n += 1) await restart(dataset());
    expect([handled(), loads()]).toEqual(['t1', ['visits', 'visits']]);
  });

  test.each([
    ['rebuild', (): CompiledDataset => asked('t1'), (): string | null => room.report().rebuilt],
    ['refresh', (): CompiledDataset => ({ ...asked(null), refreshToken: 't1' }), (): string | null => room.report().refreshed],
  ])('a %s token, with a restart before it was handled', async (_what, dataset, handled) => {
    room.snapshots.configure([dataset()], {});
    await restart(dataset());
    await until(() => handled() === 't1');
    expect(loads()).toEqual(['visits', 'visits']);
  });

  test.each([
    ['blocked', { blocked: ['a2'] }],
    ['pinned away', { pin: 'a1' }],
  ])('a token whose snapshot is %s while it is built again is done when something has been', async (_how, snapshot) => {
    await room.lake.publish('a2', visits(2));
    await room.snapshots.refresh('visits', { force: false });
    room.snapshots.configure([asked('t1')], {});
    await until(async () => (await readdir(join(room.cacheDir, 'snapshots', 'visits'))).length === 3);
    room.snapshots.configure([{ ...asked('t1'), snapshot: { ...asked('t1').snapshot, ...snapshot } }], {});
    await until(() => room.report().rebuilt === 't1');
    expect(built()).toEqual(['a1', 'a2', 'a1']);
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
  });

  test('a token that was set before the volume was lost asks for nothing more than the load that fills it', async () => {
    await rebuild('t1');
    await room.close();
    await removeUsed(room.cacheDir);
    await mkdir(room.cacheDir);
    await room.reopen([asked('t1')]);
    await room.start(asked('t1'));
    await room.snapshots.refresh('visits', { force: false });
    expect([room.report().rebuilt, loads()]).toEqual(['t1', ['visits', 'visits', 'visits']]);
  });
});
