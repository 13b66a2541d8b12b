// The contract's "Refresh lifecycle", as far as it speaks of how one attempt ends. One room; every test publishes the next snapshot.
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import { turnBit } from '../support/damage.ts';
import { until } from '../support/gateway.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

type Change = (manifest: any) => unknown;
let room: Room;
let n = 0;
let clock = Date.parse('2026-02-01T00:00:00Z');

/** Asked only when a test says so. */
const dataset = (spec: Record<string, unknown> = {}): CompiledDataset =>
  datasetOf(room.lake.url, { source: { manifest: { url: room.lake.url }, interval: '1h' }, ...spec });
const poll = async (force = false): Promise<void> => room.snapshots.refresh('visits', { force });
/** Configures, and waits for the look at the source that an edit causes. */
const edit = async (next: CompiledDataset): Promise<void> => {
  room.snapshots.configure([next], {});
  await poll();
};
const publish = async (change: Change = () => undefined, rows?: number, watermark?: string): Promise<string> => {
  n += 1;
  await room.lake.publish(`a${n}`, visits(n, rows), { change: (manifest) => void change(manifest), ...(watermark === undefined ? {} : { watermark }) });
  return `a${n}`;
}; // prettier-ignore
const tryNext = async (...given: Parameters<typeof publish>): Promise<string> => {
  const id = await publish(...given);
  await poll();
  return id;
};
/** What serves, proved by its rows. */
const served = async (): Promise<string> => {
  const { id, values } = await room.answer();
  expect(values).toEqual([Number(id.slice(1))]);
  return id;
};
const last = () => room.report().last_attempted!;
const loads = (): number => room.observed.filter(({ kind }) => kind === 'load_ended').length;
const errors = (): unknown => room.report().refresh_errors.map(({ code, path }) => `${code} ${path}`);
const spoilFile = async (id: string): Promise<void> =>
  writeFile(room.lake.fileOf(id), Buffer.alloc(Number((await room.lake.readManifest())['size_bytes']), 7));

beforeAll(async () => {
  room = await openRoom({ now: () => clock });
  await publish();
  await room.start(dataset());
});
afterAll(async () => room.end());
afterEach(async () => edit(dataset()));

test('An attempt ends as one of ok | unchanged | rejected | failed, recorded with snapshot_id (may be null), time, error.', async () => {
  const ends: unknown[] = [];
  const end = (): void => {
    const { status, snapshot_id: id, at } = last();
    ends.push([status, id, Date.parse(at) - clock, room.report().refresh_error?.code ?? null]);
    clock += 60_000;
  };
  const good = await tryNext();
  end();
  await poll();
  end();
  const lying = await tryNext((manifest) => (manifest.row_count = 7));
  end();
  const broken = await publish();
  await spoilFile(broken);
  await poll();
  end();
  await writeFile(join(room.lake.folder, 'manifest.json'), '{"dataset_id":');
  await poll();
  end();
  expect(ends).toEqual([
    ['ok', good, 0, null],
    ['unchanged', good, 0, null],
    ['rejected', lying, 0, 'row_count_mismatch'],
    ['failed', broken, 0, 'corrupt_file'],
    ['rejected', null, 0, 'invalid_json'],
  ]);
});

test('Same snapshot_id as the active one ⇒ unchanged, nothing reloaded (content differences under one id are ignored).', async () => {
  const id = await served();
  const before = [room.snapshots.state.servings().get('visits'), loads()];
  await room.lake.publish(id, visits(999, 10));
  await poll();
  expect(last()).toMatchObject({ status: 'unchanged', snapshot_id: id });
  expect([room.snapshots.state.servings().get('visits'), loads()]).toEqual(before);
  expect(await served()).toBe(id);
});

test('Forced refresh reloads anyway.', async () => {
  const id = await served();
  const before = loads();
  await room.lake.publish(id, visits(999, 10));
  await poll(true);
  expect(last()).toMatchObject({ status: 'ok', snapshot_id: id });
  expect([await room.answer(), loads()]).toEqual([{ id, values: [999] }, before + 1]);
  await tryNext();
});

describe('Validation or compatibility error ⇒ rejected; source listing/reading or load or swap error ⇒ failed.', () => {
  /** And nothing of the attempt is left on the volume. */
  const ends = async (status: string): Promise<void> => {
    expect([last().status, room.report().refresh_error]).toEqual([status, expect.objectContaining({ code: expect.any(String) })]);
    await until(async () => (await readdir(join(room.cacheDir, 'snapshots', 'visits'))).length === 1 + room.report().kept.length);
  };
  test.each<[string, Change]>([
    ['validation', (manifest) => delete manifest.producer],
    ['compatibility', (manifest) => manifest.schema.pop()],
  ])('%s: rejected', async (_what, change) => {
    const before = await served();
    await tryNext(change);
    await ends('rejected');
    expect(await served()).toBe(before);
  });

  const nowhere = 'localhost:2';
  test.each<[string, Record<string, unknown>]>([
    ['listing', { databricks: { url: 's3://lake/table/' }, s3: { endpoint: `http://${nowhere}`, region: 'x' }, anonymous: true }],
    ['reading', { manifest: { url: `https://${nowhere}/manifest.json` } }],
  ])('%s: failed', async (_what, source) => {
    const before = await served();
    await edit(dataset({ source: { interval: '1h', ...source } }));
    await ends('failed');
    expect(room.report().refresh_error?.code).toBe('source_unreachable');
    expect(await served()).toBe(before);
  });

  test('load: failed', async () => {
    const before = await served();
    await spoilFile(await publish());
    await poll();
    await ends('failed');
    expect(await served()).toBe(before);
  });

  test('swap: failed', async () => {
    const before = await served();
    const { attach } = room.engine;
    Object.assign(room.engine, { attach: async () => Promise.reject(new Error('IO Error: the disk has failed')) });
    await tryNext();
    Object.assign(room.engine, { attach });
    await ends('failed');
    expect(await served()).toBe(before);
    await poll();
    expect(await served()).toBe(`a${n}`);
  });
});

test('Invalid static manifest: attempt.snapshot_id null.', async () => {
  const before = await served();
  const lacks: readonly Change[] = [
    (manifest) => delete manifest.watermark,
    (manifest) => (manifest.snapshot_id = 'not an id'),
    (manifest) => (manifest.files = []),
    (manifest) => (manifest.schema[0].type = 'FLOAT'),
  ];
  for (const change of lacks) {
    await tryNext(change);
    expect(last()).toMatchObject({ status: 'rejected', snapshot_id: null });
  }
  expect(await served()).toBe(before);
});

test('Incompatible manifest: attempt carries the new id.', async () => {
  const id = await tryNext((manifest) => (manifest.schema[2].type = 'INTEGER'));
  expect(last()).toMatchObject({ status: 'rejected', snapshot_id: id });
  expect(errors()).toEqual(['incompatible_schema schema[2].type']);
});

describe('Corrupt Parquet that passes manifest checks ⇒ failed, old data still served.', () => {
  test.each<[string, (file: string, bytes: number) => Promise<void>]>([
    ['other bytes', async (file, bytes) => writeFile(file, Buffer.alloc(bytes, 7))],
    ['a footer that is damaged', async (file, bytes) => turnBit(file, bytes - 6)],
    ['text', async (file, bytes) => writeFile(file, 'x'.repeat(bytes))],
  ])('%s', async (_what, spoil) => {
    const before = await served();
    const id = await publish();
    await spoil(room.lake.fileOf(id), Number((await room.lake.readManifest())['size_bytes']));
    await poll();
    expect(last()).toMatchObject({ status: 'failed', snapshot_id: id });
    expect(room.report().refresh_error).toMatchObject({ code: 'corrupt_file', path: 'files[0]', owner: 'UpstreamData' });
    expect(await served()).toBe(before);
  });
});

describe('Guards (Dataset.spec.guards): fewer rows than minRows, a fall of more than maxRowDropPercent against the active snapshot, or an older watermark than the active one (refused by default) ⇒ rejected with code `guard_*`.', () => {
  const old = '2020-01-01T00:00:00Z';
  test.each<[string, Record<string, unknown>, number, string | undefined, readonly string[]]>([
    ['fewer rows', { minRows: 1001 }, 1000, undefined, ['guard_min_rows row_count']],
    ['as many rows as wanted', { minRows: 1000 }, 1000, undefined, []],
    ['a fall', { maxRowDropPercent: 50 }, 499, undefined, ['guard_row_drop row_count']],
    ['a fall that may be', { maxRowDropPercent: 50 }, 500, undefined, []],
    ['an older watermark', {}, 1000, old, ['guard_older_watermark watermark']],
    ['an older watermark that may be', { allowOlderWatermark: true }, 1000, old, []],
    ['all of it', { minRows: 10, maxRowDropPercent: 5 }, 9, '2019-01-01T00:00:00Z', ['guard_min_rows row_count', 'guard_row_drop row_count', 'guard_older_watermark watermark']],
  ])('%s', async (_what, guards, rows, watermark, expected) => {
    const before = await served();
    await edit(dataset({ guards }));
    const id = await tryNext(undefined, rows, watermark);
    expect([last().status, last().snapshot_id, errors()]).toEqual([expected.length > 0 ? 'rejected' : 'ok', id, expected]);
    expect(await served()).toBe(expected.length > 0 ? before : id);
  }); // prettier-ignore
});

describe('refresh_error must say WHY in terms an upstream owner can act on (code + field path).', () => {
  test.each<[string, Change, readonly string[]]>([
    ['a row count that is not true', (m) => (m.row_count = m.files[0].row_count = 999), ['row_count_mismatch files[0].row_count', 'row_count_mismatch row_count']],
    ['a size that is not true', (m) => (m.files[0].size_bytes = Number(m.files[0].size_bytes) + 1), ['size_mismatch files[0].size_bytes']],
    ['a file that is not there', (m) => (m.files[0].path = 'snapshots/none.parquet'), ['missing_file files[0].path']],
    ['a path that leads out', (m) => (m.files[0].path = '../outside.parquet'), ['root_not_allowed files[0].path']],
    ['a column that was renamed', (m) => (m.schema[2].name = 'visitors'), ['incompatible_schema schema']],
    ['failed quality', (m) => (m.data_quality_status = 'failed'), ['quality_failed data_quality_status']],
    ['another dataset', (m) => (m.dataset_id = 'orders'), ['dataset_mismatch dataset_id']],
    ['four defects at once', (m) => Object.assign(m, { snapshot_id: 'a b', schema: [{ name: 'a', type: 'DATE' }, { name: 'a', type: 'FLOAT' }], producer: null }), ['missing producer', 'invalid_snapshot_id snapshot_id', 'unsupported_type schema[1].type', 'duplicate_column schema[1].name']],
  ])('%s', async (_what, change, expected) => {
    const before = await served();
    await tryNext(change);
    expect(errors()).toEqual(expected);
    for (const { owner, message } of room.report().refresh_errors) expect([owner, message]).toEqual(['UpstreamData', expect.stringMatching(/\w+ \w+/)]);
    expect(await served()).toBe(before);
  }); // prettier-ignore

  test('a value that does not fit names file and column, and not the value', async () => {
    n += 1;
    await room.lake.publish(`a${n}`, `SELECT 'x' AS tenant_id, DATE '2026-01-01' AS day, 'many' AS visits`, {
      format: 'csv',
      change: (manifest) => ((manifest['schema'] as { type: string }[])[2]!.type = 'BIGINT'),
    });
    await poll();
    expect(last().status).toBe('rejected');
    expect(room.report().refresh_error).toMatchObject({
      code: 'value_does_not_fit',
      path: 'files[0]',
      message: expect.stringMatching(/^file part-0\.csv, column visits: a value does not fit the declared type; /),
    });
  });

  test('and is gone with the next good attempt', async () => {
    await tryNext((manifest) => delete manifest.producer);
    expect(errors()).toEqual(['missing producer']);
    await tryNext();
    expect([errors(), room.report().refresh_error]).toEqual([[], null]);
  });
});
