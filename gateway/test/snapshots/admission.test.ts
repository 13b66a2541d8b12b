// Loads side by side: one memory and one disk budget, and a slow one in nobody's way.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ok } from '@offloader/contract';
import { openStore } from '../../src/object-store/open.ts';
import { createAdmission } from '../../src/snapshots/admission.ts';
import { namesIn } from '../../src/snapshots/disk.ts';
import type { OpenStore } from '../../src/snapshots/object-store.ts';
import { until } from '../support/gateway.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';
import { mountTmpfs, unmount } from '../support/mounts.ts';
import { openRoom, type Room } from '../support/room.ts';

const mebibytes = (n: number): number => n * 2 ** 20;
const { signal } = new AbortController();

requiring('mounts').describe('the disk budget', () => {
  let volume: string;
  beforeEach(async () => {
    volume = await mkdtemp(join(tmpdir(), 'offloader-volume-'));
    mountTmpfs(volume, mebibytes(32));
  });
  afterEach(async () => {
    unmount(volume);
    await rm(volume, { recursive: true, force: true });
  });

  test('is one for all loads: what one may use is not given to another, and is free when it has ended', async () => {
    const admission = createAdmission(volume, 4);
    const firstEnds = Promise.withResolvers<undefined>();
    const began: string[] = [];
    const load = async (name: string, fileBytes: number, until?: Promise<unknown>) =>
      admission.withRoom({ folder: join(volume, name), fileBytes, signal }, async () => {
        began.push(name);
        await until;
        return ok(name);
      });
    const first = load('first', mebibytes(6), firstEnds.promise);
    const second = load('second', mebibytes(6));
    expect(await load('small', mebibytes(1))).toEqual(ok('small'));
    expect(await load('too large', mebibytes(12))).toMatchObject({
      ok: false,
      error: { status: 'failed', problems: [{ code: 'disk_full' }] },
    });
    expect(began).toEqual(['first', 'small']);
    firstEnds.resolve(undefined);
    expect(await Promise.all([first, second])).toEqual([ok('first'), ok('second')]);
    expect(began).toEqual(['first', 'small', 'second']);
  });

  test('gives back what a load that breaks had, and lets go of one that is given up while it waits', async () => {
    const admission = createAdmission(volume, 4);
    const breaks = Promise.withResolvers<never>();
    const first = admission.withRoom({ folder: join(volume, 'first'), fileBytes: mebibytes(6), signal }, async () => breaks.promise);
    const patience = new AbortController();
    const waiting = admission.withRoom({ folder: join(volume, 'b'), fileBytes: mebibytes(6), signal: patience.signal }, async () => ok(1));
    patience.abort();
    expect(await waiting).toMatchObject({ ok: false, error: { problems: [{ code: 'load_failed' }] } });
    breaks.reject(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    expect(await admission.withRoom({ folder: join(volume, 'c'), fileBytes: mebibytes(6), signal }, async () => ok(2))).toEqual(ok(2));
  });

  test('counts what lies on the volume once, however much of it a running load has written', async () => {
    const admission = createAdmission(volume, 4);
    const ends = Promise.withResolvers<undefined>();
    const first = admission.withRoom({ folder: volume, fileBytes: mebibytes(6), signal }, async () => {
      await writeFile(join(volume, 'part'), Buffer.alloc(mebibytes(16)));
      await ends.promise;
      return ok(1);
    });
    await until(async () => (await readdir(volume)).length > 0);
    expect(await admission.withRoom({ folder: join(volume, 'b'), fileBytes: mebibytes(1), signal }, async () => ok(2))).toEqual(ok(2));
    ends.resolve(undefined);
    await first;
  });
});

describe('a load', () => {
  let room: Room;
  /** Resolves what holds up the downloads of datasets called slow. */
  let downloads: PromiseWithResolvers<undefined>;
  let waiting: number;
  const gated: OpenStore = (source, credentials) => {
    const store = openStore(source, credentials);
    return source.kind === 'manifest' && source.url.includes('slow')
      ? {
          ...store,
          download: async (url, file, expectedBytes, given) => {
            waiting += 1;
            await Promise.race([downloads.promise, new Promise((resolve) => given.addEventListener('abort', resolve))]);
            return store.download(url, file, expectedBytes, given);
          },
        }
      : store;
  };
  const named = (name: string) => datasetOf(room.lake.url.replace('manifest.json', `${name}.json`), {}, [], name);
  /** Publishes to the lake's own manifest, and to `file`.json for the dataset of that or another name. */
  const publish = async (n: number, file: string, rows = 1000, dataset = file): Promise<void> => {
    await room.lake.publish(`a${n}`, visits(n, rows));
    await writeFile(join(room.lake.folder, `${file}.json`), JSON.stringify({ ...(await room.lake.readManifest()), dataset_id: dataset }));
  };
  beforeEach(async () => {
    downloads = Promise.withResolvers();
    waiting = 0;
    room = await openRoom({ openStore: gated, loadConcurrency: 1 });
  });
  afterEach(async () => {
    downloads.resolve(undefined);
    await room.end();
  });

  test('of a slow source takes no share of the memory before its files are there', async () => {
    for (const name of ['slow', 'slower', 'visits']) await publish(1, name);
    room.snapshots.configure([named('slow'), named('slower'), named('visits')], {});
    await until(() => waiting === 2);
    await until(() => room.activeId('visits') === 'a1');
    expect([room.report('slow').last_attempted, room.report('slower').last_attempted]).toEqual([null, null]);
    downloads.resolve(undefined);
    await room.snapshots.firstPass();
    expect([room.activeId('slow'), room.activeId('slower')]).toEqual(['a1', 'a1']);
  });

  test('that an edit of the schema overtakes is no failure, and the next one loads what is wanted now', async () => {
    await publish(1, 'slow', 3_000_000);
    downloads.resolve(undefined);
    room.snapshots.configure([named('slow')], {});
    // Its loader runs.
    const lying = async (): Promise<readonly string[]> => readdir(room.cacheDir, { recursive: true }).catch(() => []);
    await until(async () => (await lying()).some((path) => path.endsWith('data.duckdb')));
    const { url } = named('slow').source as { url: string };
    const narrower = datasetOf(url, { schema: [{ name: 'tenant_id', type: 'VARCHAR' }, { name: 'visits', type: 'BIGINT' }] }, [], 'slow'); // prettier-ignore
    room.snapshots.configure([narrower], {});
    await room.snapshots.firstPass();
    expect(room.report('slow')).toMatchObject({ layout: narrower.layout, last_attempted: { status: 'ok' } });
    const ends = room.observed.flatMap((event) =>
      event.kind === 'refresh_ended' ? [{ status: event.status, problems: event.problems }] : [],
    );
    expect(ends).toEqual([
      { status: 'unchanged', problems: [] },
      { status: 'ok', problems: [] },
    ]);
    await until(async () => (await readdir(join(room.cacheDir, 'snapshots', 'slow'))).length === 1);
  });

  test('that a suspension ends leaves nothing, and nothing more is tried until it is over', async () => {
    await publish(1, 'slow');
    room.snapshots.configure([named('slow')], {});
    await until(() => waiting === 1);
    room.snapshots.configure([{ ...named('slow'), suspend: true }], {});
    await until(() => room.report('slow').last_attempted !== null);
    expect(room.report('slow').last_attempted).toMatchObject({ status: 'unchanged', note: expect.stringContaining('given up') });
    await until(async () => (await namesIn(join(room.cacheDir, 'snapshots', 'slow'))).length === 0);
    downloads.resolve(undefined);
    room.snapshots.configure([named('slow')], {});
    await until(() => room.activeId('slow') === 'a1');
  });

  test('whose source is moved meanwhile never serves what came from the old one', async () => {
    await publish(1, 'slow');
    room.snapshots.configure([named('slow')], {});
    await until(() => waiting === 1);
    await publish(2, 'slow-2', 1000, 'slow');
    room.snapshots.configure([datasetOf(room.lake.url.replace('manifest.json', 'slow-2.json'), {}, [], 'slow')], {});
    downloads.resolve(undefined);
    await room.snapshots.firstPass();
    expect(await room.answer('slow')).toEqual({ id: 'a2', values: [2] });
    expect(room.observed.filter(({ kind }) => kind === 'snapshot_swapped')).toHaveLength(1);
  });
});
