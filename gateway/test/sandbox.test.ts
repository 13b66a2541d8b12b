// The engine's sandbox, tried from the inside: whatever SQL ran on it could reach no file outside the cache, no address, no setting.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine } from '../src/domain/engine.ts';
import { createEngine } from '../src/duckdb/engine.ts';
import { literal } from '../src/domain/sql.ts';

const canary = 'canary-outside-of-the-cache';
let cache: string;
let outside: string;
let engine: Engine;
let server: Server;
let connections = 0;
let address: string;

/** The rows as text, or what the engine says against it. */
const run = async (text: string): Promise<{ readonly rows: string | null; readonly error: string }> => {
  const answer = await engine.query(
    { text, values: [] },
    { mode: 'LocalTable', signal: new AbortController().signal, timeoutMs: 20_000 },
    async ({ chunks }) => {
      const rows: unknown[] = [];
      for await (const chunk of chunks) rows.push(...chunk);
      return JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    },
  );
  if (answer.ok) return { rows: answer.value.value, error: '' };
  return { rows: null, error: typeof answer.error === 'string' ? answer.error : answer.error.engine };
};
const column = async (sql: string): Promise<readonly string[]> =>
  (JSON.parse((await run(sql)).rows ?? '[]') as [string][]).map(([name]) => name);

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'offloader-sandbox-'));
  outside = await mkdtemp(join(tmpdir(), 'offloader-outside-'));
  await mkdir(join(cache, 'tmp'));
  await writeFile(join(outside, 'secret.csv'), `a\n${canary}\n`);
  await writeFile(join(outside, 'secret.json'), JSON.stringify([{ a: canary }]));
  const made = await DuckDBInstance.create(join(outside, 'secret.duckdb'));
  const connection = await made.connect();
  await connection.run(`CREATE TABLE t AS SELECT '${canary}' AS a; COPY t TO '${join(outside, 'secret.parquet')}'`);
  connection.closeSync();
  made.closeSync();
  server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  engine = await createEngine({ cacheDir: cache, poolSize: 2, remoteScanConcurrency: 1, threads: 2, memoryLimit: '512MiB' });
});
afterAll(async () => {
  await engine.close();
  server.close();
  await rm(cache, { recursive: true, force: true });
  await rm(outside, { recursive: true, force: true });
});

const files = ['secret.csv', 'secret.json', 'secret.parquet', 'secret.duckdb'];
const places = (): readonly string[] => [
  ...files.map((name) => join(outside, name)),
  ...files.map((name) => `${cache}/../${outside.split('/').at(-1) ?? ''}/${name}`),
  ...files.map((name) => `file://${join(outside, name)}`),
  join(outside, '*'),
  '/etc/passwd',
  '/proc/self/environ',
  ...['http', 'https', 's3', 'gcs', 'hf', 'az'].map((scheme) => `${scheme}://${address}/secret.csv`),
];

describe('files and addresses', () => {
  test('no function of DuckDB that takes a text gives anything of a file outside or opens a connection', async () => {
    const tables = await column(
      `SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro', 'pragma') ORDER BY 1`,
    );
    const scalars = await column(
      `SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'macro') AND regexp_matches(function_name, 'read|file|glob|env|path|http|load|write|copy|sniff|query|getvariable') ORDER BY 1`,
    );
    expect(tables.length).toBeGreaterThan(60);
    const told: string[] = [];
    for (const name of tables)
      for (const place of places()) {
        const { rows } = await run(`SELECT * FROM ${name}(${literal(place)})`);
        if (rows !== null && (rows.includes(canary) || rows.includes('root:'))) told.push(`${name}(${place})`);
      }
    for (const name of scalars)
      for (const place of places()) {
        const { rows } = await run(`SELECT ${name}(${literal(place)})`);
        if (rows !== null && (rows.includes(canary) || rows.includes('root:'))) told.push(`${name}(${place})`);
      }
    expect(told).toEqual([]);
    expect(connections).toBe(0);
  });

  test('nor does a bare path after FROM, an ATTACH, an IMPORT or a COPY', async () => {
    const statements = places().flatMap((place) => [
      `FROM ${literal(place)}`,
      `SELECT * FROM "${place}"`,
      `ATTACH ${literal(place)} AS other`,
      `ATTACH ${literal(place)} AS other (READ_ONLY)`,
      `IMPORT DATABASE ${literal(place)}`,
      `CREATE OR REPLACE TEMP TABLE got (a VARCHAR); COPY got FROM ${literal(place)}`,
      `LOAD ${literal(place)}`,
      `INSTALL ${literal(place)}`,
    ]);
    const allowed: string[] = [];
    for (const statement of statements) if ((await run(statement)).rows !== null) allowed.push(statement);
    expect(allowed).toEqual([]);
    expect(connections).toBe(0);
  });

  test('nothing can be written outside', async () => {
    const target = join(outside, 'written');
    for (const statement of [
      `COPY (SELECT 1) TO ${literal(target)}`,
      `COPY (SELECT 1) TO ${literal(`${target}.parquet`)} (FORMAT parquet)`,
      `EXPORT DATABASE ${literal(target)}`,
      `ATTACH ${literal(`${target}.duckdb`)} AS made`,
      `COPY (SELECT 1 AS a) TO ${literal(outside)} (FORMAT csv, PARTITION_BY (a))`,
      `CREATE SECRET made (TYPE s3, KEY_ID 'a', SECRET 'b')`,
    ])
      expect([statement, (await run(statement)).rows]).toEqual([statement, null]);
    expect((await readdir(outside)).toSorted()).toEqual(files.toSorted());
  });

  test('a secret of the environment is no variable of SQL', async () => {
    process.env['SANDBOX_CANARY'] = canary;
    for (const statement of [`SELECT getenv('SANDBOX_CANARY')`, `SELECT getvariable('SANDBOX_CANARY')`, `SELECT * FROM duckdb_secrets()`]) {
      const { rows } = await run(statement);
      expect(rows ?? '').not.toContain(canary);
    }
  });
});

describe('settings', () => {
  test('not one of them can be set or reset, in any scope', async () => {
    const names = await column('SELECT name FROM duckdb_settings() ORDER BY 1');
    expect(names.length).toBeGreaterThan(100);
    const before = (await run('SELECT name, value FROM duckdb_settings() ORDER BY 1')).rows;
    const changed: string[] = [];
    for (const name of names)
      for (const statement of [
        `SET ${name} = '1'`,
        `SET GLOBAL ${name} = '1'`,
        `SET SESSION ${name} = '1'`,
        `RESET ${name}`,
        `PRAGMA ${name} = '1'`,
      ])
        if ((await run(statement)).rows !== null) changed.push(statement);
    const after = (await run('SELECT name, value FROM duckdb_settings() ORDER BY 1')).rows;
    expect(after).toBe(before);
    // Back to the default that they have: every name in our own SQL is qualified, whatever the path is.
    expect(changed).toEqual(['RESET schema', 'RESET search_path']);
  });

  test('those that make the sandbox are what they should be', async () => {
    const { rows } = await run(
      `SELECT name, value FROM duckdb_settings() WHERE name IN ('enable_external_access', 'lock_configuration', 'autoinstall_known_extensions', 'autoload_known_extensions', 'allowed_directories') ORDER BY 1`,
    );
    expect(Object.fromEntries(JSON.parse(rows ?? '[]') as [string, string][])).toEqual({
      allowed_directories: expect.stringContaining(cache),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      enable_external_access: 'false',
      lock_configuration: 'true',
    });
  });
});

describe('what serves', () => {
  test('a snapshot is attached read-only: no statement changes it', async () => {
    const file = join(cache, 'one.duckdb');
    const made = await DuckDBInstance.create(file);
    const connection = await made.connect();
    await connection.run('CREATE TABLE data AS SELECT 1 AS a');
    connection.closeSync();
    made.closeSync();
    const bytes = await readFile(file);
    await engine.attach(file, 's_one');
    const accepted: string[] = [];
    for (const statement of ['DELETE FROM', 'UPDATE', 'INSERT INTO', 'DROP TABLE', 'ALTER TABLE', 'TRUNCATE']) {
      const tail = { UPDATE: ' SET a = 2', 'INSERT INTO': ' VALUES (3)', 'ALTER TABLE': ' ADD COLUMN b INTEGER' }[statement] ?? '';
      if ((await run(`${statement} "s_one"."main"."data"${tail}`)).rows !== null) accepted.push(statement);
    }
    if ((await run('CREATE TABLE "s_one"."main"."more" AS SELECT 1')).rows !== null) accepted.push('CREATE TABLE');
    expect(accepted).toEqual([]);
    await engine.detach('s_one');
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });
});
