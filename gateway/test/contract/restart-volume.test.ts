// The contract's "Restart and cache", as far as it speaks of what lies on the volume. A missing or damaged index is in
// ../snapshots/odd-volume.test.ts, what clients see of a restart in restart.test.ts.
import { type FileHandle, open, readdir, readFile, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import { bytesIn } from '../../src/snapshots/disk.ts';
import { readIndex } from '../faults/support/volume.ts';
import { spoil } from '../support/damage.ts';
import { until } from '../support/gateway.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

let room: Room;
/** Asked only when a test says so. */
const dataset = (spec: Record<string, unknown> = {}): CompiledDataset =>
  datasetOf(room.lake.url, { source: { manifest: { url: room.lake.url }, interval: '1h' }, ...spec });
const poll = async (): Promise<void> => room.snapshots.refresh('visits', { force: false });
const publish = async (n: number, rows?: number): Promise<void> => room.lake.publish(`a${n}`, visits(n, rows));
const folder = (...path: readonly string[]): string => join(room.cacheDir, 'snapshots', 'visits', ...path);
const index = async () => (await readIndex(room.cacheDir)).datasets['visits']!;
const hide = async (): Promise<void> => rename(room.lake.folder, `${room.lake.folder}-away`);
const giveBack = async (): Promise<void> => rename(`${room.lake.folder}-away`, room.lake.folder);
/** What serves straight after a restart, out of the volume alone. */
const restart = async (wanted = dataset()): Promise<string | undefined> => {
  await room.close();
  await room.reopen([wanted]);
  return room.activeId();
};

beforeEach(async () => {
  room = await openRoom();
  await publish(1);
  await room.start(dataset());
  await publish(2);
  await poll();
});
afterEach(async () => room.end());

describe('DuckDB file corrupt at boot ⇒ quarantine it aside, rebuild from source, say so.', () => {
  test.each<[string, (file: string) => Promise<void>]>([
    ['is cut off', async (file) => truncate(file, 5000)],
    ['has damaged blocks', spoil],
  ])('one that %s', async (_what, damage) => {
    await room.close();
    const { active } = await index();
    await damage(folder(active!, 'data.duckdb'));
    room.observed.length = 0;
    await room.reopen([dataset()]);
    // What was kept serves meanwhile.
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
    expect(room.report()).toMatchObject({
      cache_healthy: false,
      quarantined: [{ snapshot_id: 'a2', reason: 'its files on the cache volume are damaged or gone' }],
    });
    expect(room.observed).toContainEqual(expect.objectContaining({ kind: 'snapshot_quarantined', dataset: 'visits', snapshotId: 'a2' }));
    expect(await readdir(join(room.cacheDir, 'quarantine'))).toEqual([`visits.${active!}`]);
    await room.start(dataset());
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(room.report()).toMatchObject({ cache_healthy: true, quarantined: [] });
  });
});

describe('Warm snapshot must be re-checked against the current contract (schema/tenant change between restarts).', () => {
  test.each<[string, Record<string, unknown>]>([
    ['another type', { schema: [{ name: 'tenant_id', type: 'VARCHAR' }, { name: 'day', type: 'DATE' }, { name: 'visits', type: 'INTEGER' }] }],
    ['another tenant column', { tenantColumn: 'day' }],
    ['no tenant column', { tenantColumn: undefined }],
  ])('%s: what lies there does not serve, and is built anew', async (_what, spec) => {
    await hide();
    expect(await restart(dataset(spec))).toBeUndefined();
    await room.start(dataset(spec));
    expect(room.snapshots.state.servings().size).toBe(0);
    await giveBack();
    await poll();
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(room.report()).toMatchObject({ layout: dataset(spec).layout, kept: [] });
  }); // prettier-ignore

  test('what changes neither serves at once', async () => {
    await hide();
    expect(await restart(dataset({ guards: { minRows: 5000 } }))).toBe('a2');
    await giveBack();
  });
});

describe('The warm-start index is written atomically (temp + rename) on each swap/rollback. it also keeps previous snapshot and quarantine.', () => {
  test('whoever reads it at any time reads one that is whole, and it names what serves after each', async () => {
    const file = join(room.cacheDir, 'index.json');
    let isOver = false;
    const reading = (async () => {
      let reads = 0;
      for (; !isOver; reads += 1) JSON.parse(await readFile(file, 'utf8'));
      return reads;
    })();
    // Open to the end, so that no other file gets the same number.
    const files: FileHandle[] = [];
    const named = async (): Promise<void> => {
      const records = async () => {
        const { active, kept } = await index();
        return Promise.all(
          [active!, ...kept].map(async (id) => (JSON.parse(await readFile(folder(id, 'snapshot.json'), 'utf8')) as { snapshotId: string }).snapshotId),
        );
      }; // prettier-ignore
      const { active_snapshot: active, kept } = room.report();
      await until(async () => JSON.stringify(await records()) === JSON.stringify([active?.snapshot_id, ...kept]));
      files.push(await open(file));
    };
    for (const n of [3, 4, 5]) {
      await publish(n);
      await poll();
      await named();
    }
    room.snapshots.configure([dataset({ snapshot: { blocked: ['a5'] } })], {});
    expect(room.activeId()).toBe('a4');
    await named();
    isOver = true;
    expect(await reading).toBeGreaterThan(10);
    // Never written over: each is a file of its own, put in the place of the one before.
    expect(new Set(await Promise.all(files.map(async (one) => (await one.stat()).ino))).size).toBe(4);
    for (const one of files) await one.close();
    await until(async () => (await readdir(room.cacheDir)).filter((name) => name.startsWith('index')).join() === 'index.json');
  });

  test('the previous snapshot is there for a rollback after a restart', async () => {
    await hide();
    expect(await restart()).toBe('a2');
    expect(room.report().kept).toEqual(['a1']);
    expect(await restart(dataset({ snapshot: { blocked: ['a2'] } }))).toBe('a1');
    await giveBack();
  });

  test('what was quarantined is so after a restart, until it has been built again', async () => {
    await hide();
    await room.close();
    await truncate(folder((await index()).active!, 'data.duckdb'), 0);
    await room.reopen([dataset()]);
    await room.start(dataset());
    const quarantined = [{ snapshot_id: 'a2', at: expect.any(String), reason: 'its files on the cache volume are damaged or gone' }];
    const before = room.report();
    expect(before).toMatchObject({ active_snapshot: { snapshot_id: 'a1' }, cache_healthy: false, quarantined });
    expect(await restart()).toBe('a1');
    expect(room.report()).toMatchObject({ cache_healthy: false, quarantined: before.quarantined });
    await giveBack();
    await room.start(dataset());
    expect(room.report()).toMatchObject({ active_snapshot: { snapshot_id: 'a2' }, cache_healthy: true, quarantined: [] });
    expect(await restart()).toBe('a2');
    expect(room.report()).toMatchObject({ cache_healthy: true, quarantined: [] });
  });
});

describe('Budget: during a refresh the disk holds old + new of that dataset.', () => {
  test.each([
    [0, 2],
    [1, 3],
  ])('with %i kept it never holds more than %i snapshots, and the bytes of the files that come', async (keep, most) => {
    const kept = dataset({ snapshot: { keep } });
    room.snapshots.configure([kept], {});
    await until(async () => (await readdir(folder())).length === 1 + keep);
    for (const n of [3, 4]) {
      await room.lake.publish(`a${n}`, visits(n, 200_000).replace(`${n}::BIGINT`, '(random() * 1e15)::BIGINT'));
      let [loads, bytes] = [0, 0];
      let isOver = false;
      const before = await bytesIn(folder());
      const polling = poll().finally(() => (isOver = true));
      while (!isOver) [loads, bytes] = [Math.max(loads, (await readdir(folder())).length), Math.max(bytes, await bytesIn(folder()))];
      await polling;
      expect(room.activeId()).toBe(`a${n}`);
      await until(async () => (await readdir(folder())).length === 1 + keep);
      expect((await readdir(folder((await index()).active!))).toSorted()).toEqual(['data.duckdb', 'snapshot.json']);
      const size = await bytesIn(folder((await index()).active!));
      const fileBytes = await bytesIn(room.lake.fileOf(`a${n}`));
      expect(loads).toBeLessThanOrEqual(most);
      expect(bytes).toBeLessThanOrEqual(before + size + fileBytes + 65_536);
    }
  });
});
