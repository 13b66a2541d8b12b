// The gateway gives the rows that DuckDB gives for the same question asked of the source files: for the right tenant, in the right
// order, each once, in both serving modes. Thousands of random requests to random endpoints.
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { apiKey, endpoint, startWorld, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';
import { type Asked, askedArb, columns, oracleSql, type Question, questionArb, queryOf, rowsSql, tenants } from './support/question.ts';

const seed = Number(process.env['IDENTITY_SEED'] ?? 20_260_131);
const questions = fc.sample(questionArb, { seed, numRuns: 40 });
const requestsPerEndpoint = 40;
const modes = ['LocalTable', 'RemoteScan'] as const;
const nameOf = (at: number, mode: string): string => `q${at}_${mode.toLowerCase()}`;

let lake: Lake;
let world: World;
let duckdb: DuckDBConnection;
let instance: DuckDBInstance;
let source: string;

const specOf = ({ tenantScoped, ...question }: Question, servingMode: string) => ({
  ...question,
  tenant: tenantScoped ? { column: 'tenant_id' } : undefined,
  servingMode,
  pagination: { defaultLimit: 50, maxLimit: 5000 },
});

beforeAll(async () => {
  lake = await createLake();
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
  // Three files: the last one lacks a column, which reads NULL there.
  const parts = [rowsSql(0, 900), rowsSql(900, 700), `SELECT * EXCLUDE (paid) FROM (${rowsSql(1600, 400)})`];
  const folder = dirname(lake.fileOf('s1'));
  await mkdir(folder, { recursive: true });
  const files: { path: string; format: string; row_count: number; size_bytes: number }[] = [];
  for (const [at, sql] of parts.entries()) {
    const path = join(folder, `rows-${at}.parquet`);
    await duckdb.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
    files.push({
      path: `snapshots/s1/rows-${at}.parquet`,
      format: 'parquet',
      row_count: [900, 700, 400][at]!,
      size_bytes: (await stat(path)).size,
    });
  }
  await lake.publish('s1', rowsSql(0, 2000), {
    change: (manifest) =>
      Object.assign(manifest, { files, row_count: 2000, size_bytes: files.reduce((sum, file) => sum + file.size_bytes, 0) }),
  });
  source = `(SELECT * FROM read_parquet('${folder}/rows-*.parquet', union_by_name = true))`;
  const schema = [{ name: 'tenant_id', type: 'VARCHAR' }, ...Object.entries(columns).map(([name, type]) => ({ name, type }))];
  const dataset = visitsDataset(lake.url);
  world = await startWorld([
    { ...dataset, spec: { ...dataset.spec, schema } },
    ...questions.flatMap((question, at) => modes.map((mode) => endpoint(nameOf(at, mode), specOf(question, mode)))),
    ...tenants.map((tenant) => apiKey(tenant)),
  ]);
});
afterAll(async () => {
  await world.end();
  duckdb.closeSync();
  instance.closeSync();
  await lake.remove();
});

type Row = Readonly<Record<string, unknown>>;
const oracle = async (question: Question, asked: Asked): Promise<readonly Row[]> =>
  (await duckdb.runAndReadAll(oracleSql(question, asked, source))).getRowObjectsJson();

/** Every page of a request, by cursor. */
const walk = async (name: string, asked: Asked): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  const query = queryOf(asked);
  for (;;) {
    const response = await world.get(`/v1/endpoints/${name}?${query.toString()}`, `${asked.tenant}-token`);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status} ${text}`);
    const { data, meta } = JSON.parse(text) as { data: Row[]; meta: { next_cursor: string | null; row_count: number } };
    if (meta.row_count !== data.length || data.length > asked.limit)
      throw new Error(`row_count ${meta.row_count} of ${data.length}, limit ${asked.limit}`);
    rows.push(...data);
    if (meta.next_cursor === null) return rows;
    query.set('cursor', meta.next_cursor);
  }
};

const narrowed = (row: Row, names: readonly string[] | null): Row =>
  names === null ? row : Object.fromEntries(names.map((name) => [name, row[name]]));
const spelled = (row: Row): string => JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));
const inAnyOrder = (rows: readonly Row[]): readonly string[] => rows.map(spelled).toSorted();

const check = async (question: Question, asked: Asked): Promise<number> => {
  const wanted = await oracle(question, asked);
  const at = questions.indexOf(question);
  for (const mode of modes) {
    const got = await walk(nameOf(at, mode), asked);
    expect(inAnyOrder(got)).toEqual(inAnyOrder(wanted.map((row) => narrowed(row, asked.columns))));
    // Rows that are equal in what is ordered by may come in any order among themselves.
    const keys = question.query.orderBy
      .map(({ column }) => column)
      .filter((name) => asked.columns === null || asked.columns.includes(name));
    const isWhole = keys.length === question.query.orderBy.length;
    if (isWhole) expect(got.map((row) => spelled(narrowed(row, keys)))).toEqual(wanted.map((row) => spelled(narrowed(row, keys))));
  }
  return wanted.length;
};

describe('identity', () => {
  test(`${questions.length * requestsPerEndpoint} requests in two serving modes give what the source files hold`, async () => {
    let rows = 0;
    for (const [at, question] of questions.entries())
      for (const asked of fc.sample(askedArb(question), { seed: seed + at, numRuns: requestsPerEndpoint }))
        rows += await check(question, asked).catch((error: unknown) => {
          const about = `seed ${seed}, endpoint ${JSON.stringify(question)}, request of ${asked.tenant}: ${queryOf(asked).toString()}`;
          throw new Error(`${about}\n${error instanceof Error ? error.message : String(error)}`);
        });
    // Most questions have an answer: a suite of empty answers would prove little.
    expect(rows).toBeGreaterThan(questions.length * requestsPerEndpoint * 10);
  }, 1_200_000);

  test('every operator, every aggregate and both kinds of endpoint were among them', () => {
    const ops = new Set(questions.flatMap(({ query }) => query.filters.map(({ op }) => op)));
    const aggregates = new Set(questions.flatMap(({ query }) => query.select.map(({ agg }) => agg ?? 'none')));
    expect([...ops].toSorted()).toEqual(['eq', 'gt', 'gte', 'in', 'is_null', 'like_prefix', 'lt', 'lte', 'ne']);
    expect([...aggregates].toSorted()).toEqual(['avg', 'count', 'count_distinct', 'max', 'min', 'none', 'sum']);
    expect(new Set(questions.map(({ tenantScoped }) => tenantScoped)).size).toBe(2);
  });
});
