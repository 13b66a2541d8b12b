// Files of the cache volume that are damaged or gone while they serve: found, proved, replaced, built again.
import { access, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import { until } from '../support/gateway.ts';
import { spoil } from '../support/damage.ts';
import { datasetOf } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

/** As `visits`, with so much text that a proof by one row leaves most blocks unread: what DuckDB holds in memory is not damaged. */
const visits = (n: number): string =>
  `SELECT 'tenant-' || hash(i) AS tenant_id, DATE '2026-01-01' AS day, ${n}::BIGINT AS visits FROM range(60000) r(i)`;

let room: Room;
let dataset: CompiledDataset;
let other: CompiledDataset;

const serving = (name = 'visits') => room.snapshots.state.servings().get(name);
const keptOne = () => [...room.snapshots.state.kept().values()].find((one) => one.dataset === 'visits');
const folderOf = (name = 'visits', at = serving(name)!): string => {
  const [, loadId = ''] = /^"s_([0-9a-f]+)_/.exec(Object.values(at.relations)[0]!)!;
  return join(room.cacheDir, 'snapshots', name, loadId);
};
const fileOf = (name?: string): string => join(folderOf(name), 'data.duckdb');
/** As the API does when a query fails that may have met a damaged file. */
const suspect = (name = 'visits'): void => room.snapshots.suspect(name, serving(name)!.epoch);
const publish = async (n: number): Promise<void> => {
  await room.lake.publish(`a${n}`, visits(n));
  await writeFile(join(room.lake.folder, 'other.json'), JSON.stringify({ ...(await room.lake.readManifest()), dataset_id: 'other' }));
  await room.snapshots.refresh('visits', { force: false });
  await room.snapshots.refresh('other', { force: false });
};
const quarantined = async (): Promise<readonly string[]> => readdir(join(room.cacheDir, 'quarantine')).catch(() => []);
const swaps = (): readonly unknown[] =>
  room.observed.flatMap((event) =>
    event.kind === 'snapshot_swapped' && event.dataset === 'visits' ? [`${event.cause} ${event.snapshotId}`] : [],
  );
/** Takes the source away, and gives it back. */
const hide = async (): Promise<void> => rename(room.lake.folder, `${room.lake.folder}-away`);
const giveBack = async (): Promise<void> => rename(`${room.lake.folder}-away`, room.lake.folder);

beforeEach(async () => {
  room = await openRoom();
  dataset = datasetOf(room.lake.url);
  other = datasetOf(room.lake.url.replace('manifest.json', 'other.json'), {}, [], 'other');
  await publish(1);
  await room.start(dataset, other);
  await publish(2);
  room.observed.length = 0;
});
afterEach(async () => {
  await room.end();
});

describe('a file that is damaged while it serves', () => {
  test('is replaced by the kept snapshot, moved aside and built again, and other datasets never notice', async () => {
    const [bad, bystander] = [folderOf(), serving('other')!.epoch];
    await spoil(fileOf());
    suspect();
    await until(() => !room.report().cache_healthy || swaps().length === 2);
    await until(() => room.report().cache_healthy && room.activeId() === 'a2');
    expect(swaps()).toEqual(['fallback a1', 'rebuild a2']);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(room.report().kept).toEqual(['a1']);
    expect(serving('other')!.epoch).toBe(bystander);
    await until(async () => (await quarantined()).length === 1);
    expect(await quarantined()).toEqual([`visits.${bad.split('/').at(-1)!}`]);
    expect(room.observed.filter(({ kind }) => kind === 'snapshot_quarantined')).toEqual([
      { kind: 'snapshot_quarantined', dataset: 'visits', snapshotId: 'a2', reason: 'the snapshot file does not read' },
    ]);
  });

  test('lets the kept snapshot serve while the source is away, says so, and is built again when that is back', async () => {
    await hide();
    await spoil(fileOf());
    suspect();
    await until(() => room.activeId() === 'a1');
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
    expect(room.report()).toMatchObject({
      cache_healthy: false,
      kept: [],
      quarantined: [{ snapshot_id: 'a2', reason: 'its files on the cache volume are damaged or gone' }],
    });
    await until(() => room.report().last_attempted?.status === 'rejected');
    await giveBack();
    await until(() => room.activeId() === 'a2');
    expect(room.report()).toMatchObject({ cache_healthy: true, quarantined: [], kept: ['a1'] });
  });

  test('with nothing kept leaves its dataset without data until it is built again, never with wrong data', async () => {
    await hide();
    await rm(folderOf('visits', keptOne()), { recursive: true });
    room.snapshots.checkFiles();
    await until(() => room.report().kept.length === 0);
    await spoil(fileOf());
    suspect();
    await until(() => serving() === undefined);
    expect(room.activeId()).toBeUndefined();
    await giveBack();
    await until(() => room.activeId() === 'a2');
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
  });

  test('is built from what the source has now when it has that snapshot no more', async () => {
    await room.start({ ...dataset, source: { ...dataset.source, intervalMs: 3_600_000 } }, other);
    await room.snapshots.refresh('visits', { force: false });
    await room.lake.publish('a3', visits(3));
    await rm(join(room.lake.folder, 'snapshots', 'a2'), { recursive: true });
    await spoil(fileOf());
    suspect();
    await until(() => room.activeId() === 'a3');
    expect(swaps()).toEqual(['fallback a1', 'refresh a3']);
    expect(room.report().cache_healthy).toBe(true);
  });

  test('and is blocked before it is built again, is not built again', async () => {
    await hide();
    await spoil(fileOf());
    suspect();
    await until(() => room.activeId() === 'a1');
    room.snapshots.configure([{ ...dataset, snapshot: { ...dataset.snapshot, blocked: ['a2'] } }, other], {});
    await giveBack();
    await until(() => room.report().cache_healthy);
    expect(room.activeId()).toBe('a1');
  });
});

describe('a file that is only suspected', () => {
  test('is read in full, and when it reads nothing happens at all', async () => {
    const before = serving();
    for (let times = 0; times < 20; times += 1) suspect();
    // One that is suspected after it, and with reason: what was begun before has ended when that is found.
    await spoil(fileOf('other'));
    suspect('other');
    await until(() => serving('other')?.snapshotId === 'a1');
    expect(serving()).toBe(before);
    expect(room.report().cache_healthy).toBe(true);
    expect(swaps()).toEqual([]);
  });
});

describe('a file that has gone from the volume', () => {
  test('serves on, open as it is, while it is built again', async () => {
    const before = folderOf();
    await rm(before, { recursive: true });
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    room.snapshots.checkFiles();
    await until(() => folderOf() !== before);
    await access(fileOf());
    expect(swaps()).toEqual(['rebuild a2']);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(room.report()).toMatchObject({ cache_healthy: true, kept: ['a1'] });
  });

  test('and was kept is kept no more', async () => {
    await rm(folderOf('visits', keptOne()), { recursive: true });
    room.snapshots.checkFiles();
    await until(() => room.report().kept.length === 0);
    expect(room.activeId()).toBe('a2');
    expect(room.report().cache_healthy).toBe(true);
  });
});

describe('an engine that is replaced while one file of several is damaged', () => {
  test('costs that dataset its file alone: the others serve on with what they had', async () => {
    const bystander = serving('other');
    await truncate(fileOf(), 100);
    expect(await room.engine.replace()).toBe(3);
    room.snapshots.checkFiles();
    await until(() => swaps().length === 2);
    expect(swaps()).toEqual(['fallback a1', 'rebuild a2']);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(serving('other')).toBe(bystander);
    expect(await room.answer('other')).toEqual({ id: 'a2', values: [2] });
  });
});

describe('a snapshot whose table is not held on the volume (RemoteScan)', () => {
  test('is built again when one of its files is damaged', async () => {
    const remote = { ...dataset, modes: ['RemoteScan' as const], layout: 'remote' };
    await room.start(remote, other);
    await until(() => room.report().layout === 'remote');
    const before = folderOf();
    await truncate(join(before, 'files', '0.parquet'), 40);
    suspect();
    await until(() => serving() !== undefined && folderOf() !== before);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(room.report().cache_healthy).toBe(true);
  });
});
