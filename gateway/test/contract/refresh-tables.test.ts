// The contract's "Refresh lifecycle", as far as it speaks of tables: how they are laid out, how many are kept, what becomes of old ones.
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import type { CompiledDataset } from '@offloader/contract';
import { readIndex } from '../faults/support/volume.ts';
import { endpoint, until } from '../support/gateway.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';
import { findLoader } from '../support/loaders.ts';
import { openRoom, type Room } from '../support/room.ts';

let room: Room;
/** Asked only when a test says so. */
const dataset = (spec: Record<string, unknown> = {}, endpoints: readonly unknown[] = []): CompiledDataset =>
  datasetOf(room.lake.url, { source: { manifest: { url: room.lake.url }, interval: '1h' }, ...spec }, endpoints);
const other = (): CompiledDataset => datasetOf(room.lake.url.replace('manifest', 'other'), {}, [], 'other');
const poll = async (): Promise<void> => room.snapshots.refresh('visits', { force: false });
/** For both. */
const publish = async (n: number, rows?: number): Promise<void> => {
  await room.lake.publish(`a${n}`, visits(n, rows));
  await writeFile(join(room.lake.folder, 'other.json'), JSON.stringify({ ...(await room.lake.readManifest()), dataset_id: 'other' }));
};
const folder = (): string => join(room.cacheDir, 'snapshots', 'visits');
const loads = async (): Promise<readonly string[]> => readdir(folder());
/** Rows of the table that serves, read by a DuckDB of the test's own from a copy: in the order in which they lie there. */
const rowsOf = async (select: string): Promise<readonly (readonly unknown[])[]> => {
  const [, loadId = ''] = /"s_([0-9a-f]+)_/.exec(room.snapshots.state.servings().get('visits')!.relations.LocalTable!)!;
  const copy = join(room.lake.folder, 'copy.duckdb');
  await copyFile(join(folder(), loadId, 'data.duckdb'), copy);
  const instance = await DuckDBInstance.create(copy, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(`SELECT ${select} FROM data ORDER BY rowid`)).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
};

beforeEach(async () => {
  room = await openRoom();
});
afterEach(async () => room.end());

describe('`snapshot.keep` previous snapshots (default 1) are kept per dataset for rollback; older ones are removed after the swap, in the background.', () => {
  test.each<[string, Record<string, unknown>, readonly string[]]>([
    ['none', { keep: 0 }, []],
    ['one, where nothing is said', {}, ['a3']],
    ['two', { keep: 2 }, ['a3', 'a2']],
  ])('%s', async (_what, snapshot, kept) => {
    await publish(1);
    await room.start(dataset({ snapshot }));
    for (const n of [2, 3, 4]) {
      await publish(n);
      await poll();
    }
    expect(room.report()).toMatchObject({ active_snapshot: { snapshot_id: 'a4' }, kept });
    await until(async () => (await loads()).length === 1 + kept.length);
    for (const id of kept) {
      room.snapshots.configure([dataset({ snapshot: { ...snapshot, pin: id } })], {});
      expect(await room.answer()).toEqual({ id, values: [Number(id.slice(1))] });
    }
  });

  test('a swap waits for nobody who still reads an older one, and that one goes when it has been read', async () => {
    await publish(1);
    await room.start(dataset({ snapshot: { keep: 0 } }));
    const [before] = await loads();
    const lease = room.snapshots.state.lease(room.snapshots.state.servings().get('visits')!);
    await publish(2);
    await poll();
    expect(room.activeId()).toBe('a2');
    expect(await loads()).toContain(before);
    lease.release();
    await until(async () => !(await loads()).includes(before!));
    expect(await loads()).toHaveLength(1);
  });
});

test('Removed datasets lose their data.', async () => {
  await publish(1);
  await room.start(dataset(), other());
  await publish(2);
  await poll();
  expect([(await loads()).length, room.activeId()]).toEqual([2, 'a2']);
  room.snapshots.configure([other()], {});
  expect(room.snapshots.state.servings().get('visits')).toBeUndefined();
  const folders = async (): Promise<string> => (await readdir(join(room.cacheDir, 'snapshots'))).join();
  await until(async () => (await folders()) === 'other');
  await until(async () => (await readIndex(room.cacheDir)).datasets['visits'] === undefined);
  // Also one that goes while it loads its first snapshot.
  room.snapshots.configure([dataset(), other()], {});
  await until(async () => (await folders()) !== 'other');
  room.snapshots.configure([other()], {});
  await until(async () => (await folders()) === 'other');
  // Nor does it come back with its name.
  await room.close();
  await room.reopen([dataset(), other()]);
  expect([...room.snapshots.state.servings().keys()]).toEqual(['other']);
});

describe("The loaded table is laid out for its endpoints' filters (tenant first); how is the gateway's own business, and row order without order_by stays undefined.", () => {
  /** Rows in no order at all. */
  const shuffled = `SELECT 'tenant-' || (hash(i) % 5) AS tenant_id, DATE '2026-01-01' + (hash(i * 7) % 30)::INTEGER AS day, (hash(i * 13) % 1000)::BIGINT AS visits FROM range(5000) r(i)`;
  const by = (column: string, type: string) => [
    endpoint('one', {
      params: [{ name: 'wanted', type }],
      query: { select: [{ as: 'day', column: 'day' }], filters: [{ column, op: 'eq', param: 'wanted' }] },
      columns: ['day'],
    }),
  ];

  test('tenants lie together, and in them what endpoints filter by', async () => {
    await room.lake.publish('a1', shuffled);
    const seen: (readonly unknown[])[] = [];
    for (const [column, type] of [['visits', 'integer'], ['day', 'date']] as const) {
      await room.start(dataset({}, by(column, type)));
      await room.snapshots.refresh('visits', { force: true });
      const rows = await rowsOf(`tenant_id, ${column}, day, visits`);
      const keys = rows.map(([tenant, value]) => `${String(tenant)} ${String(value).padStart(10, '0')}`);
      expect(keys.filter((key, at) => at > 0 && key < keys[at - 1]!)).toEqual([]);
      seen.push(rows.map(([tenant, , day, count]) => [tenant, day, count].join(' ')));
    }
    // The same rows, in orders of their own.
    const [first, second] = seen;
    expect(first!.join()).not.toBe(second!.join());
    expect(first!.toSorted().join()).toBe(second!.toSorted().join());
  }); // prettier-ignore
});

describe('Several files of one snapshot are unioned by column name; a column absent in one file reads NULL there.', () => {
  // A CSV file on the disk has the names of the schema, in any order; Parquet files may lack some.
  const parts = [
    ['parquet', `SELECT 'acme' AS tenant_id, DATE '2026-01-01' AS day, 1::BIGINT AS visits`],
    ['parquet', `SELECT 2::BIGINT AS visits, 'beta' AS tenant_id, DATE '2026-01-02' AS day`],
    ['parquet', `SELECT 3::BIGINT AS visits, 'gamma' AS tenant_id`],
    ['csv', `SELECT 4::BIGINT AS visits, DATE '2026-01-04' AS day, 'delta' AS tenant_id`],
    ['csv', `SELECT 'epsilon' AS tenant_id, 5::BIGINT AS visits, DATE '2026-01-05' AS day`],
  ] as const;

  test.each<[string, Record<string, unknown>]>([
    ['a table', {}],
    ['files that are scanned', { modes: ['RemoteScan'] }],
  ])('as %s', async (_what, how) => {
    const files: unknown[] = [];
    for (const [at, [format, select]] of parts.entries()) {
      await room.lake.publish(`part${at}`, select, { format });
      const [file] = (await room.lake.readManifest())['files'] as unknown[];
      files.push(file);
    }
    await room.lake.publish('a1', parts[0][1], { change: (manifest) => Object.assign(manifest, { files, row_count: files.length }) });
    await room.start({ ...dataset(), ...how });
    const serving = room.snapshots.state.servings().get('visits')!;
    const text = `SELECT tenant_id, day::VARCHAR, visits::INTEGER FROM ${Object.values(serving.relations)[0]!} ORDER BY tenant_id`;
    const options = { mode: 'LocalTable' as const, signal: new AbortController().signal, timeoutMs: 30_000 };
    const answer = await room.engine.query({ text, values: [] }, options, async ({ chunks }) => {
      const rows: unknown[] = [];
      for await (const chunk of chunks) rows.push(...chunk);
      return rows;
    });
    expect(answer).toMatchObject({
      ok: true,
      value: {
        value: [
          ['acme', '2026-01-01', 1],
          ['beta', '2026-01-02', 2],
          ['delta', '2026-01-04', 4],
          ['epsilon', '2026-01-05', 5],
          ['gamma', null, 3],
        ],
      },
    });
  });
});

describe('One failing or slow source must not delay or fail other datasets. loads of different datasets should not queue behind one writer.', () => {
  requiring('proc').test('a loader that stands still, while another dataset loads', async () => {
    await publish(1, 200_000);
    room.snapshots.configure([dataset()], {});
    let loader: number | undefined;
    await until(async () => (loader ??= await findLoader()) !== undefined);
    process.kill(loader!, 'SIGSTOP');
    expect(room.report().last_attempted).toBeNull();
    room.snapshots.configure([dataset(), other()], {});
    await until(() => room.activeId('other') === 'a1');
    expect([room.report().last_attempted, await loads()]).toEqual([null, [expect.any(String)]]);
    process.kill(loader!, 'SIGCONT');
    await until(() => room.activeId() === 'a1');
  });
});
