// Tables many times the size of a load's memory: sorted all the same, and told as out_of_memory where the memory really is too little.
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sortsAtOnce } from '../../src/domain/sort-parts.ts';
import { loaderShare } from '../../src/domain/loader-share.ts';
import { databaseFile, type LoadAnswer, type LoadFile } from '../../src/snapshots/load-job.ts';
import { runLoad } from '../../src/snapshots/run-load.ts';
import { openOffers } from '../support/offers.ts';

const schema = [
  { name: 'tenant_id', type: 'VARCHAR' },
  { name: 'day', type: 'DATE' },
  { name: 'visits', type: 'BIGINT' },
  { name: 'note', type: 'VARCHAR' },
] as const;
/** In no order; half of the rows have the same tenant and day, some have no tenant. */
const rowsSql = (from: number, to: number): string => `
  SELECT CASE WHEN i % 2 = 0 THEN 'acme' WHEN i % 31 = 0 THEN NULL ELSE 'tenant-' || (hash(i) % 500) END AS tenant_id,
    DATE '2026-01-01' + CASE WHEN i % 2 = 0 THEN 100 ELSE (hash(i + 1) % 365)::INTEGER END AS day,
    i::BIGINT AS visits, repeat(md5(i::VARCHAR), 20) AS note
  FROM range(${from}, ${to}) r(i)`;

let folder: string;
let instance: DuckDBInstance;
let connection: DuckDBConnection;
const row = async (sql: string): Promise<readonly unknown[]> => (await connection.runAndReadAll(sql)).getRows()[0] ?? [];
const digest = 'count(*), bit_xor(hash(tenant_id, day, visits, note))';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-large-tables-'));
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  await connection.run('SET preserve_insertion_order = false');
});
afterAll(async () => {
  connection.closeSync();
  instance.closeSync();
  await rm(folder, { recursive: true, force: true });
});

const writeFile = async (at: number, format: LoadFile['format'], rowCount: number, rowGroup = 4096): Promise<LoadFile> => {
  const name = `part-${at}-${rowGroup}.${format}`;
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : `FORMAT parquet, ROW_GROUP_SIZE ${rowGroup}`;
  await connection.run(`COPY (${rowsSql(at * rowCount, (at + 1) * rowCount)}) TO '${join(folder, name)}' (${options})`);
  return { path: join(folder, name), name, format, rowCount, isLocal: false };
};
const bytesOf = async (files: readonly LoadFile[]): Promise<number> =>
  (await Promise.all(files.map(async ({ path }) => (await stat(path)).size))).reduce((sum, size) => sum + size, 0);
const tight = '160MiB';
const load = async (name: string, files: readonly LoadFile[], memoryLimit = tight): Promise<LoadAnswer> => {
  const rowCount = files.reduce((sum, file) => sum + file.rowCount, 0);
  const job = { files, schema, declared: schema, modes: ['LocalTable'] as const, sortColumns: ['tenant_id', 'day'], rowCount };
  await mkdir(join(folder, name));
  return runLoad({ ...job, folder: join(folder, name), memoryLimit, threads: 2 }, new AbortController().signal);
};

test.each([
  ['a table that is sorted at once', 2_000, true],
  ['a table of many times the memory', 30_000, false],
])('%s is in the order of its sort columns from end to end, with every row of its files', async (_what, rowsEach, isSmall) => {
  const files = [await writeFile(0, 'parquet', rowsEach), await writeFile(1, 'csv', rowsEach), await writeFile(2, 'parquet', rowsEach)];
  const size = { rows: 3 * rowsEach, columns: schema.length, fileBytes: await bytesOf(files) };
  expect(sortsAtOnce(size, loaderShare(tight, 2))).toBe(isSmall);

  expect(await load(`load-of-${rowsEach}`, files)).toEqual({ kind: 'loaded', rows: 3 * rowsEach, bytes: expect.any(Number) });

  await connection.run(`ATTACH '${join(folder, `load-of-${rowsEach}`, databaseFile)}' AS loaded (READ_ONLY)`);
  expect(await row(`SELECT ${digest} FROM loaded.data`)).toEqual(await row(`SELECT ${digest} FROM (${rowsSql(0, 3 * rowsEach)})`));
  const ordered = `SELECT tenant_id IS NULL AS none, tenant_id, day, rowid AS place FROM loaded.data`;
  const neighbours = `SELECT (none, coalesce(tenant_id, ''), day) AS key, lag(key) OVER (ORDER BY place) AS before FROM (${ordered})`;
  expect(await row(`SELECT count(*)::INTEGER FROM (${neighbours}) WHERE before > key`)).toEqual([0]);
  await connection.run('DETACH loaded');
});

describe('Parquet files whose row groups are large', () => {
  // A page of the column `note`, 640 bytes a row, is unpacked as a whole by each thread that reads.
  const [readersFew, readersNone] = [30_000, 150_000];
  test('are read by fewer threads where the memory is too little for all of them', async () => {
    const files = [await writeFile(0, 'parquet', 2 * readersFew, readersFew), await writeFile(1, 'parquet', 2 * readersFew, readersFew)];
    expect(await load('few-readers', files)).toEqual({ kind: 'loaded', rows: 4 * readersFew, bytes: expect.any(Number) });
  });

  test('fail where it is too little for one, with the memory to set instead, which is enough', async () => {
    const files = [await writeFile(0, 'parquet', readersNone, readersNone)];
    const failed = await load('no-reader', files);
    expect(failed).toMatchObject({ kind: 'failed', problems: [{ code: 'out_of_memory', path: 'files' }] });
    const [problem] = failed.kind === 'failed' ? failed.problems : [];
    const [, limit = ''] = /^set OFFLOADER_LOAD_MEMORY_LIMIT to (\d+MiB) or more: it is 160MiB$/.exec(problem?.hint ?? '') ?? [];
    expect(await load('one-reader', files, limit)).toMatchObject({ kind: 'loaded', rows: readersNone });
  });
});

describe('a load whose rows do not fit its memory, however few are sorted at once', () => {
  test('fails as out_of_memory while what serves goes on, and loads as soon as the memory is enough', async () => {
    const offers = await openOffers({ limits: { memoryLimit: '64MiB', threads: 2 } });
    try {
      const before = await offers.room.answer();
      const wide = `SELECT repeat('wide', 8000000) AS tenant_id, DATE '2026-01-01' AS day, 7::BIGINT AS visits FROM range(2)`;
      expect(await offers.offer({ select: wide })).toEqual(['out_of_memory at files']);
      expect(offers.room.report().last_attempted).toMatchObject({ snapshot_id: offers.lastId(), status: 'failed' });
      expect(offers.room.report().refresh_errors).toMatchObject([{ owner: 'Environment' }]);
      expect(await offers.room.answer()).toEqual(before);

      await offers.room.close();
      await offers.room.reopen([offers.dataset()], { limits: { memoryLimit: '2GiB', threads: 2 } });
      expect(await offers.room.answer()).toEqual(before);
      await offers.room.start(offers.dataset());
      expect([offers.room.report().refresh_errors, await offers.room.answer()]).toEqual([[], { id: offers.lastId(), values: [7] }]);
    } finally {
      await offers.end();
    }
  });
});
