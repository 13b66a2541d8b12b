// What may lie on a cache volume: leftovers, files of somebody else, an index or a record of another version or of nobody.
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type CompiledDataset, err } from '@offloader/contract';
import type { Engine } from '../../src/domain/engine.ts';
import { createEngine } from '../../src/duckdb/engine.ts';
import { bytesIn } from '../../src/snapshots/disk.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

type Entry = Record<string, unknown> & { active: string; kept: string[] };
type Index = { format: number; datasets: Record<string, Entry> };

let room: Room;
let dataset: CompiledDataset;
let other: CompiledDataset;
/** Outside of the volume: it holds a folder that is called like a load, and nobody else's. */
let elsewhere: string;
const at = (...path: readonly string[]): string => join(room.cacheDir, ...path);
const indexFile = (): string => at('index.json');
const readIndex = async (): Promise<Index> => JSON.parse(await readFile(indexFile(), 'utf8')) as Index;
const editIndex = async (edit: (index: Index) => unknown): Promise<void> => {
  const index = await readIndex();
  await writeFile(indexFile(), JSON.stringify(edit(index) ?? index));
};
const editRecord = async (edit: (record: Record<string, unknown>) => void): Promise<void> => {
  const file = at('snapshots', 'visits', (await readIndex()).datasets['visits']!.active, 'snapshot.json');
  const record = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  edit(record);
  await writeFile(file, JSON.stringify(record));
};
const loadsOf = async (name: string): Promise<readonly string[]> => (await readdir(at('snapshots', name))).toSorted();
const hide = async (): Promise<void> => rename(room.lake.folder, `${room.lake.folder}-away`);
const giveBack = async (): Promise<void> => rename(`${room.lake.folder}-away`, room.lake.folder);
/** Restarts with the source away: which snapshots the volume alone gives. */
const fromVolume = async (): Promise<readonly (string | undefined)[]> => {
  await hide();
  await room.reopen([dataset, other]);
  const found = ['visits', 'other'].map((name) => room.snapshots.state.servings().get(name)?.snapshotId);
  await giveBack();
  return found;
};

beforeAll(async () => {
  room = await openRoom();
  elsewhere = await mkdtemp(join(tmpdir(), 'offloader-elsewhere-'));
  await mkdir(join(elsewhere, 'abcdefabcdef'));
  await writeFile(join(elsewhere, 'abcdefabcdef', 'mine'), 'x');
  // Asked only when a test says so.
  const asked = (file: string, name: string) => {
    const made = datasetOf(room.lake.url.replace('manifest.json', file), {}, [], name);
    return { ...made, source: { ...made.source, intervalMs: 3_600_000 } };
  };
  dataset = asked('manifest.json', 'visits');
  other = asked('other.json', 'other');
  for (const n of [1, 2]) {
    await room.lake.publish(`a${n}`, visits(n));
    await writeFile(join(room.lake.folder, 'other.json'), JSON.stringify({ ...(await room.lake.readManifest()), dataset_id: 'other' }));
    await room.start(dataset, other);
    for (const name of ['visits', 'other']) await room.snapshots.refresh(name, { force: false });
  }
});
afterAll(async () => {
  await room.end();
  await rm(elsewhere, { recursive: true });
});
/** Each case begins with two snapshots of two datasets, the room closed. */
beforeEach(async () => {
  await room.start(dataset, other);
  for (const name of ['visits', 'other']) await room.snapshots.refresh(name, { force: false });
  expect([room.activeId('visits'), room.activeId('other')]).toEqual(['a2', 'a2']);
  await room.close();
  room.observed.length = 0;
});
afterEach(async () => {
  expect(await readdir(elsewhere, { recursive: true })).toEqual(['abcdefabcdef', 'abcdefabcdef/mine']);
});

describe('Warm-start index missing/corrupt, or its table gone ⇒ cold start for those datasets, not a crash.', () => {
  test.each<[string, () => Promise<void>]>([
    ['of a newer form', async () => editIndex((index) => ({ ...index, format: 2 }))],
    ['that is cut off', async () => writeFile(indexFile(), '{"format":1,"datasets":{"visits":{"act')],
    ['that is a list', async () => writeFile(indexFile(), '[]')],
    ['whose datasets are none', async () => writeFile(indexFile(), '{"format":1,"datasets":7}')],
    ['that has gone', async () => rm(indexFile())],
    [
      'in whose place a folder stands',
      async () => {
        await rm(indexFile());
        await mkdir(join(indexFile(), 'x'), { recursive: true });
      },
    ],
  ])('an index %s is a cold start, and written anew', async (_what, change) => {
    await change();
    expect(await fromVolume()).toEqual([undefined, undefined]);
    await room.start(dataset, other);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    await room.close();
    expect(await readIndex()).toMatchObject({ format: 1, datasets: { visits: { active: expect.any(String) } } });
    await room.reopen([dataset, other]);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
  });

  test.each<[string, () => unknown]>([
    ['that is no object', () => 'x'],
    [
      'that names loads outside the volume',
      () => ({ active: relative(at('snapshots', 'visits'), join(elsewhere, 'abcdefabcdef')), kept: ['..', 7] }),
    ],
    ['that names a load of nobody', () => ({ active: '0123456789ab', kept: [] })],
  ])('an index with an entry %s costs that dataset a cold start, and no other', async (_what, entry) => {
    await editIndex((index) => void (index.datasets['visits'] = entry() as Entry));
    expect(await fromVolume()).toEqual([undefined, 'a2']);
    await room.start(dataset, other);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(await loadsOf('visits')).toHaveLength(1);
  });

  test.each<[string, string]>([
    ['whose folder has gone', ''],
    ['whose table has gone', 'data.duckdb'],
    ['whose record has gone', 'snapshot.json'],
  ])('a load %s costs that dataset a cold start, and no other', async (_what, file) => {
    const { active, kept } = (await readIndex()).datasets['visits']!;
    for (const id of [active, ...kept]) await rm(at('snapshots', 'visits', id, file), { recursive: true });
    expect(await fromVolume()).toEqual([undefined, 'a2']);
    await room.start(dataset, other);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(await loadsOf('visits')).toHaveLength(1);
  });

  test('an index outlives a gateway that ends before its configuration has come', async () => {
    const before = await readIndex();
    await room.reopen(null);
    await room.close();
    expect(await readIndex()).toEqual(before);
    expect(await fromVolume()).toEqual(['a2', 'a2']);
  });

  test('an index that names one load twice attaches it once', async () => {
    await editIndex(({ datasets }) => void (datasets['visits']!.kept = [datasets['visits']!.active, ...datasets['visits']!.kept]));
    expect(await fromVolume()).toEqual(['a2', 'a2']);
    expect(room.report().kept).not.toContain('a2');
  });
});

describe('a record', () => {
  test.each<[string, (record: Record<string, unknown>) => void]>([
    ['of a newer form', (record) => (record['format'] = 2)],
    ['of another load', (record) => (record['loadId'] = '0123456789ab')],
    ['of another dataset', (record) => (record['dataset'] = 'other')],
    ['without a schema', (record) => delete record['schema']],
    ['whose rows are text', (record) => (record['rows'] = '1000')],
    ['of another contract', (record) => (record['layout'] = 'other')],
  ])('%s does not serve, and its snapshot is loaded anew', async (_what, edit) => {
    await editRecord(edit);
    const found = await fromVolume();
    expect(found[0]).not.toBe('a2');
    expect(found[1]).toBe('a2');
    await room.start(dataset, other);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
  });

  test('that says other rows than the file has is taken for damage', async () => {
    await editRecord((record) => (record['rows'] = 999));
    expect((await fromVolume())[0]).not.toBe('a2');
    expect(room.report().cache_healthy).toBe(false);
    await room.start(dataset, other);
    expect(room.report()).toMatchObject({ cache_healthy: true, active_snapshot: { snapshot_id: 'a2', rows: 1000 } });
  });
});

test('a sound snapshot whose engine is lost while it is proved at the start, as by the file of another, serves all the same', async () => {
  const engine = await createEngine({ cacheDir: room.cacheDir, poolSize: 2, remoteScanConcurrency: 2, threads: 2, memoryLimit: '512MiB' });
  let lost = 0;
  const invalidated = { engine: 'FATAL Error: the database has been invalidated because of a previous fatal error' };
  const dying: Engine = { ...engine, examine: async (...asked) => ((lost += 1) <= 2 ? err(invalidated) : engine.examine(...asked)) };
  const aside = async (): Promise<readonly string[]> => readdir(at('quarantine')).catch(() => []);
  const before = await aside();
  await hide();
  try {
    await room.reopen([dataset, other], { engine: dying });
    expect(['visits', 'other'].map((name) => room.snapshots.state.servings().get(name)?.snapshotId)).toEqual(['a2', 'a2']);
    expect(await aside()).toEqual(before);
  } finally {
    await giveBack();
    await room.close();
    await engine.close();
    await room.reopen([dataset, other]);
  }
});

test('a snapshot file that lies in the place of another is found by what stands in it, and never serves for that one', async () => {
  const { datasets } = await readIndex();
  const file = (name: string): string => at('snapshots', name, datasets[name]!.active, 'data.duckdb');
  await cp(file('other'), file('visits'));
  expect((await fromVolume())[0]).not.toBe('a2');
  expect(room.observed).toContainEqual(expect.objectContaining({ kind: 'snapshot_quarantined', dataset: 'visits', snapshotId: 'a2' }));
  await room.start(dataset, other);
  expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
});

describe('what else lies there', () => {
  test('Orphan tables/files (crash, restart, aborted stage) are collected at boot.', async () => {
    const before = { visits: await loadsOf('visits'), other: await loadsOf('other') };
    await cp(at('snapshots', 'visits', before.visits[0]!), at('snapshots', 'visits', 'abcdefabcdef'), { recursive: true });
    await cp(at('snapshots', 'visits'), at('snapshots', 'removed-dataset'), { recursive: true });
    // As a load that was killed leaves it: files half there, what a sort spilled, no table.
    for (const part of ['spill', 'files']) await mkdir(at('snapshots', 'visits', '0000000000ff', part), { recursive: true });
    await writeFile(at('snapshots', 'visits', '0000000000ff', 'files', '0.parquet'), 'PAR1');
    // What is none of ours stays.
    await mkdir(at('lost+found'));
    await mkdir(at('snapshots', 'lost+found'));
    await writeFile(at('snapshots', 'lost+found', '#12'), 'x');
    await writeFile(at('snapshots', 'visits', 'notes.txt'), 'mine');
    await symlink(elsewhere, at('snapshots', 'elsewhere'));
    expect(await fromVolume()).toEqual(['a2', 'a2']);
    expect(await loadsOf('visits')).toEqual([...before.visits, 'notes.txt'].toSorted());
    expect(await loadsOf('other')).toEqual(before.other);
    expect((await readdir(at('snapshots'))).toSorted()).toEqual(['elsewhere', 'lost+found', 'other', 'visits']);
    expect(await readdir(at('snapshots', 'lost+found'))).toEqual(['#12']);
    const gone = room.observed.flatMap((event) => (event.kind === 'orphan_collected' ? [event.path] : []));
    expect(gone).toEqual(expect.arrayContaining(['visits/abcdefabcdef', 'visits/0000000000ff', `removed-dataset/${before.visits[0]!}`]));
    await rm(at('snapshots', 'elsewhere'));
  });

  test('is set aside when it stands in the way of a dataset', async () => {
    await rm(at('snapshots', 'visits'), { recursive: true });
    await writeFile(at('snapshots', 'visits'), 'a file');
    await fromVolume();
    await room.start(dataset, other);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(await readFile(at('quarantine', 'odd.visits'), 'utf8')).toBe('a file');
  });

  test('is never followed out of the volume when it is a link', async () => {
    await rm(at('snapshots', 'visits'), { recursive: true });
    await symlink(elsewhere, at('snapshots', 'visits'));
    await symlink(join(elsewhere, 'abcdefabcdef'), at('snapshots', 'other', 'abcdefabcdef'));
    await rm(at('quarantine'), { recursive: true, force: true });
    await symlink(elsewhere, at('quarantine'));
    const { mtimeMs } = await stat(elsewhere);
    expect(await fromVolume()).toEqual([undefined, 'a2']);
    await room.start(dataset, other);
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(await readlink(at('quarantine', 'odd.visits'))).toBe(elsewhere);
    expect(await loadsOf('other')).not.toContain('abcdefabcdef');
    expect((await stat(elsewhere)).mtimeMs).toBe(mtimeMs);
    // Of a link its own bytes count, not those of what it leads to.
    await writeFile(join(elsewhere, 'abcdefabcdef', 'mine'), Buffer.alloc(2 ** 16));
    expect(await bytesIn(at('quarantine'))).toBeLessThan(2 ** 16);
  });
});
