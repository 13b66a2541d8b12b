// The engine over a real DuckDB: sandbox, pool, interruption.
import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine, QueryOptions } from '../src/domain/engine.ts';
import { createEngine } from '../src/duckdb/engine.ts';

let folder: string;
let outside: string;
let engine: Engine;

const options = (extra: Partial<QueryOptions> = {}): QueryOptions => ({
  mode: 'LocalTable',
  signal: new AbortController().signal,
  timeoutMs: 60_000,
  ...extra,
});
const rowsOf = async (text: string, extra: Partial<QueryOptions> = {}, values: readonly (string | number)[] = []) =>
  engine.query({ text, values }, options(extra), async ({ chunks }) => {
    const rows: (readonly unknown[])[] = [];
    for await (const chunk of chunks) rows.push(...chunk);
    return rows;
  });
const slow = 'SELECT count(*) FROM range(100000000000) a(i) WHERE hash(i) % 1000000007 = 5';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-engine-'));
  outside = await mkdtemp(join(tmpdir(), 'offloader-outside-'));
  await writeFile(join(outside, 'secret.csv'), 'a\n1\n');
  const made = await DuckDBInstance.create(join(folder, 'one.duckdb'));
  const connection = await made.connect();
  await connection.run('CREATE TABLE data AS SELECT i, i % 7 AS k FROM range(100000) r(i)');
  connection.closeSync();
  made.closeSync();
  engine = await createEngine({ cacheDir: folder, poolSize: 3, remoteScanConcurrency: 1, threads: 2, memoryLimit: '512MiB' });
  await engine.attach(join(folder, 'one.duckdb'), 's_one');
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
  await rm(outside, { recursive: true, force: true });
});

describe('the engine', () => {
  test('answers from an attached snapshot file', async () => {
    const answer = await rowsOf('SELECT count(*)::INTEGER, max(i)::INTEGER FROM "s_one"."main"."data" WHERE k = $1', {}, [3]);
    expect(answer).toMatchObject({ ok: true, value: { value: [[14286, 99998]] } });
  });

  test.each([
    ['a file outside the cache', () => `SELECT * FROM read_csv('${join(outside, 'secret.csv')}')`],
    ['a path that climbs out of the cache', () => `SELECT * FROM read_csv('${folder}/../${outside.split('/').at(-1) ?? ''}/secret.csv')`],
    ['a system file', () => `SELECT * FROM read_text('/etc/passwd')`],
    ['a URL', () => `SELECT * FROM read_csv('https://127.0.0.1:1/x.csv')`],
    ['attaching elsewhere', () => `ATTACH '${join(outside, 'x.duckdb')}'`],
    ['writing', () => `COPY (SELECT 1) TO '${join(outside, 'x.csv')}'`],
    ['an extension', () => 'INSTALL httpfs'],
    ['a setting', () => 'SET enable_external_access = true'],
    ['the lock itself', () => 'SET lock_configuration = false'],
    ['the allowed folders', () => `SET allowed_directories = ['/']`],
    ['changing a snapshot', () => 'DELETE FROM "s_one"."main"."data"'],
  ])('refuses %s', async (_what, text) => {
    expect(await rowsOf(text())).toMatchObject({ ok: false, error: { engine: expect.any(String) } });
  });

  test('interrupts a query whose caller has gone and has the connection back', async () => {
    const gone = new AbortController();
    const running = rowsOf(slow, { signal: gone.signal });
    while (engine.pool().busy === 0) await new Promise(setImmediate);
    gone.abort();
    expect(await running).toEqual({ ok: false, error: 'aborted' });
    expect(engine.pool().busy).toBe(0);
  });

  test('interrupts a query past its timeout', async () => {
    expect(await rowsOf(slow, { timeoutMs: 100 })).toEqual({ ok: false, error: 'timeout' });
    expect(await rowsOf('SELECT 1')).toMatchObject({ ok: true });
  });

  test.each([
    ['a value that does not compute', `SELECT CASE WHEN i = 3000000 THEN error('at last') ELSE i END FROM range(5000000) r(i)`],
    ['a value that does not cast', `SELECT (CASE WHEN i = 3000000 THEN 'x' ELSE '1' END)::INTEGER FROM range(5000000) r(i)`],
  ])('never takes a result that breaks off for a whole one: %s', async (_what, text) => {
    let seen = 0;
    const answer = await engine.query({ text, values: [] }, options(), async ({ chunks }) => {
      for await (const chunk of chunks) seen += chunk.length;
    });
    expect(seen).toBeGreaterThan(0);
    expect(answer).toEqual({ ok: false, error: { engine: 'the result broke off' } });
    expect(await rowsOf('SELECT 1::INTEGER')).toMatchObject({ ok: true, value: { value: [[1]] } });
  });

  test.each([
    ['whose caller goes while it is read', (gone: AbortController) => ({ signal: gone.signal }), 'aborted'],
    ['past its timeout while it is read', () => ({ timeoutMs: 200 }), 'timeout'],
  ])('never takes a result for a whole one %s', async (_what, bounds, error) => {
    const gone = new AbortController();
    const text = 'SELECT i FROM range(100000000000) r(i)';
    const answer = await engine.query({ text, values: [] }, options(bounds(gone)), async ({ chunks }) => {
      for await (const _chunk of chunks) gone.abort();
    });
    expect(answer).toEqual({ ok: false, error });
  });

  test('says busy when every slot is taken, keeps remote scans in their cap, and is free again afterwards', async () => {
    const gone = new AbortController();
    const remote = rowsOf(slow, { signal: gone.signal, mode: 'RemoteScan' });
    while (engine.pool().busy < 1) await new Promise(setImmediate);
    expect(await rowsOf('SELECT 1', { mode: 'RemoteScan' })).toEqual({ ok: false, error: 'busy' });
    expect(await rowsOf('SELECT 1')).toMatchObject({ ok: true });
    const locals = [rowsOf(slow, { signal: gone.signal }), rowsOf(slow, { signal: gone.signal })];
    while (!engine.pool().saturated) await new Promise(setImmediate);
    expect(await rowsOf('SELECT 1')).toEqual({ ok: false, error: 'busy' });
    expect(await engine.probe()).toBe(true);
    gone.abort();
    await Promise.all([remote, ...locals]);
    expect(await rowsOf('SELECT 1')).toMatchObject({ ok: true });
  });

  test('examines beside the pool, however busy that is', async () => {
    const gone = new AbortController();
    const all = Array.from({ length: 3 }, async () => rowsOf(slow, { signal: gone.signal }));
    while (!engine.pool().saturated) await new Promise(setImmediate);
    const seen = await engine.examine({ text: 'SELECT 1', values: [] }, options(), async ({ chunks }) => {
      for await (const chunk of chunks) return chunk;
      return [];
    });
    expect(seen).toEqual({ ok: true, value: [[1]] });
    gone.abort();
    await Promise.all(all);
  });
});

describe('an instance that is replaced', () => {
  const copies = ['s_a', 's_b', 's_c', 's_d'];
  const count = async (alias: string) => rowsOf(`SELECT count(*)::INTEGER FROM "${alias}"."main"."data"`);
  const good = { ok: true, value: { value: [[100000]] } };
  const fileOf = (alias: string): string => join(folder, `${alias}.duckdb`);
  beforeEach(async () => {
    for (const alias of copies) {
      await copyFile(join(folder, 'one.duckdb'), fileOf(alias));
      await engine.attach(fileOf(alias), alias);
    }
  });
  afterEach(async () => {
    for (const alias of copies) await engine.detach(alias).catch(() => undefined);
  });

  test('serves the same snapshots, also one that is attached meanwhile', async () => {
    await copyFile(join(folder, 'one.duckdb'), fileOf('s_late'));
    const [replaced] = await Promise.all([engine.replace(), engine.attach(fileOf('s_late'), 's_late')]);
    expect(replaced).toBe(copies.length + 1);
    for (const alias of ['s_one', ...copies, 's_late']) expect(await count(alias)).toMatchObject(good);
    await engine.detach('s_late');
  });

  test('goes without a file that does not attach any more, and without no other', async () => {
    await truncate(fileOf('s_b'), 100);
    await rm(fileOf('s_c'));
    expect(await engine.replace()).toBe(copies.length - 1);
    expect(copies.map((alias) => engine.isAttached(alias))).toEqual([true, false, false, true]);
    expect(await count('s_a')).toMatchObject(good);
    expect(await count('s_d')).toMatchObject(good);
    expect(await count('s_b')).toMatchObject({ ok: false });
  });

  test('lets the queries end that run on it', async () => {
    const gone = new AbortController();
    const running = Array.from({ length: 2 }, async () => rowsOf(slow, { signal: gone.signal }));
    while (engine.pool().busy < 2) await new Promise(setImmediate);
    await engine.replace();
    expect(await count('s_a')).toMatchObject(good);
    expect(engine.pool().busy).toBe(2);
    gone.abort();
    expect(await Promise.all(running)).toEqual([{ ok: false, error: 'aborted' }, { ok: false, error: 'aborted' }]); // prettier-ignore
    expect(await count('s_a')).toMatchObject(good);
  });
});

test('closing ends what still runs first: queries are interrupted, nothing new begins', async () => {
  const closing = await createEngine({ cacheDir: folder, poolSize: 2, remoteScanConcurrency: 1, threads: 2, memoryLimit: '512MiB' });
  const ask = async (text: string) =>
    closing.query({ text, values: [] }, options(), async ({ chunks }) => {
      for await (const _chunk of chunks);
    });
  const endless = ask(slow);
  const read = ask('SELECT i FROM range(100000000000) r(i)');
  const attaching = closing.attach(join(folder, 'one.duckdb'), 's_closing');
  await closing.close();
  await attaching;
  expect([await endless, await read]).toEqual([
    { ok: false, error: 'aborted' },
    { ok: false, error: 'aborted' },
  ]);
  expect(await ask('SELECT 1')).toEqual({ ok: false, error: 'aborted' });
  await expect(closing.detach('s_closing')).rejects.toThrow('closed');
});
