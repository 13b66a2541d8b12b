/** The contract's section on the demo project and the failure lab: each sentence is the name of a test. */
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiKey, Dataset, Endpoint } from '@offloader/contract';
import { parseAllDocuments } from 'yaml';
import { startDemo } from '../demo.ts';
import type { Demo } from '../demo.ts';
import { inProcess } from '../run-in-process.ts';
import { repository } from '../run-offloader.ts';
import { adminToken, ask, datasetOf, isReady, layOutUsage, newFolder, placeManifest, publishUsage, serve, until } from '../served.ts';
import type { Served } from '../served.ts';

const examples = join(repository, 'examples');
const resourcesOf = async (example: string, file: string): Promise<any[]> =>
  parseAllDocuments(await readFile(join(examples, example, 'resources', file), 'utf8')).map((document) => document.toJS() as unknown);

let folder: string;
let usage: Demo;
let stations: Demo;
/** The rows of usage.csv as text, for sums by hand. */
let rows: Record<string, string>[];
/** What DuckDB reads of it. */
let read: Record<string, any>[];

beforeAll(async () => {
  folder = await newFolder();
  // Settled, so that one that does not start leaves the other to be stopped.
  const started = await Promise.allSettled([
    startDemo('usage', folder).then((demo) => (usage = demo)),
    startDemo('stations', folder).then((demo) => (stations = demo)),
  ]);
  expect(started.filter(({ status }) => status === 'rejected')).toEqual([]);
  const [header = '', ...lines] = (await readFile(join(examples, 'usage/data/usage.csv'), 'utf8')).trimEnd().split('\n');
  const names = header.split(',');
  rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, n) => [names[n]!, cell])));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  read = (await connection.runAndReadAll(`FROM '${join(examples, 'usage/data/usage.csv')}'`)).getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
});
afterAll(async () => {
  const running = [usage, stations].filter((demo: Demo | undefined) => demo !== undefined);
  expect(await Promise.all(running.map((demo) => demo.stop()))).toEqual([0, 0]);
  await rm(folder, { recursive: true, force: true });
});

const get = async (url: string, token?: string): Promise<{ status: number; text: string; body: any }> => {
  const response = await fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) };
};
const endpointOf = (demo: Demo, path: string, token?: string) => get(`${demo.api}/v1/endpoints/${path}`, token);
const distinct = (column: string): readonly string[] => [...new Set(rows.map((row) => row[column]!))];

describe('Usage demo: 36 rows = 3 days × 4 accounts × 3 areas, 8 columns of 5 types, 3 tenants (one with 2 accounts), one column exposed by no endpoint; endpoints: aggregate per account, daily rows for one account (enum filter), ranking with max_limit 50; keys: all endpoints, one endpoint, revoked.', () => {
  test('the data: every day of every account in every area once', () => {
    expect([rows, read].map((all) => all.length)).toEqual([36, 36]);
    expect(['day', 'account_id', 'area'].map((column) => distinct(column).length)).toEqual([3, 4, 3]);
    expect(new Set(rows.map(({ day, account_id, area }) => `${day} ${account_id} ${area}`)).size).toBe(36);
    const accounts = new Set(rows.map(({ tenant_id, account_id }) => `${tenant_id} ${account_id}`));
    expect([...accounts].sort()).toEqual(['acme A-1', 'acme A-2', 'globex G-1', 'initech I-1']);
  });

  test('the dataset: 8 columns of 5 types, of which the endpoints expose all but the note', async () => {
    const [{ spec }] = (await resourcesOf('usage', 'dataset.yaml')) as [Dataset];
    expect(spec.schema.map(({ name }) => name)).toEqual(Object.keys(rows[0]!));
    expect([spec.schema.length, new Set(spec.schema.map(({ type }) => type)).size]).toEqual([8, 5]);
    const endpoints = (await resourcesOf('usage', 'endpoints.yaml')) as Endpoint[];
    const used = new Set(endpoints.flatMap(({ spec: { query, tenant } }) => [tenant?.column, ...[...query.select, ...(query.filters ?? [])].map(({ column }) => column)])); // prettier-ignore
    expect(spec.schema.map(({ name }) => name).filter((name) => !used.has(name))).toEqual(['internal_note']);
    const documents = await Promise.all(
      ['/openapi.json', '/schema', '/docs'].map(async (path) => (await fetch(`${usage.admin}${path}`)).text()),
    );
    expect(documents.join()).not.toContain('internal_note');
  });

  test('the endpoints: totals per account, the days of one account by area, and a ranking of at most 50', async () => {
    expect((await endpointOf(usage, 'account_totals', 'demo-acme-token')).body.data.map((row: any) => row.account_id)).toEqual([
      'A-1',
      'A-2',
    ]);
    const daily = await endpointOf(usage, 'account_daily?account_id=A-1&area=shop', 'demo-acme-token');
    expect(daily.body.data).toEqual([
      { day: '2026-05-31', area: 'store', visits: 112, is_trial: false },
      { day: '2026-05-30', area: 'store', visits: 111, is_trial: false },
      { day: '2026-05-29', area: 'store', visits: 110, is_trial: false },
    ]);
    expect((await endpointOf(usage, 'account_daily', 'demo-acme-token')).status).toBe(422);
    expect((await endpointOf(usage, 'area_ranking?limit=50', 'demo-acme-token')).body.data).toHaveLength(3);
    expect((await endpointOf(usage, 'area_ranking?limit=51', 'demo-acme-token')).status).toBe(422);
  });

  test('the keys: all endpoints, one endpoint, revoked', async () => {
    const keys = (await resourcesOf('usage', 'keys.yaml')) as ApiKey[];
    expect(keys.map(({ spec: { tenant, endpoints, state } }) => [tenant, endpoints, state ?? 'Active'])).toEqual([
      ['acme', ['*'], 'Active'],
      ['globex', ['area_ranking'], 'Active'],
      ['initech', ['*'], 'Active'],
      ['acme', ['*'], 'Revoked'],
    ]);
    const paths = ['account_totals', 'account_daily?account_id=A-1', 'area_ranking'];
    const statuses = (token: string) => Promise.all(paths.map(async (path) => (await endpointOf(usage, path, token)).status));
    expect(await Promise.all(['acme', 'globex', 'revoked'].map((name) => statuses(`demo-${name}-token`)))).toEqual([
      [200, 200, 200],
      [404, 404, 200],
      [401, 401, 401],
    ]);
  });

  test('the lines that it prints to copy answer as it says', async () => {
    const statuses = await Promise.all(usage.printed.map(async ({ url, token }) => (await get(url, token)).status));
    expect(statuses).toEqual([200, 200, 200, 422, 422, 404, 401]);
  });
});

describe('Public demo: auth none, nested STRUCT with a MAP inside, lookup by id.', () => {
  test('the lines that it prints to copy name no key, and answer as it says', async () => {
    expect(stations.printed.map(({ token }) => token)).toEqual([undefined, undefined, undefined]);
    const [one, none, refused] = await Promise.all(stations.printed.map(({ url }) => get(url)));
    expect([one!.status, none!.status, refused!.status]).toEqual([200, 200, 422]);
    expect(one!.body.data).toEqual([
      {
        id: 'S-2',
        name: 'Airfield',
        opened: '2021-09-15',
        details: { position: { lat: 53.63, lon: 9.99 }, sensors: { wind: 'cup', cloud: 'lidar', rain: 'tipping bucket' } },
      },
    ]);
    expect(none!.body.data).toEqual([]);
  });

  test('what is published is a STRUCT with a MAP inside', async () => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const files = join(folder, 'stations/lake/stations/snapshots/*/*.parquet');
    const [type] = (await connection.runAndReadAll(`SELECT DISTINCT typeof(details) FROM '${files}'`)).getRows().flat();
    connection.closeSync();
    instance.closeSync();
    expect(type).toBe('STRUCT("position" STRUCT(lat DECIMAL(4,2), lon DECIMAL(3,2)), sensors MAP(VARCHAR, VARCHAR))');
  });
});

describe('Failure lab: bad manifest (4 defects ⇒ invalid_snapshot_id, duplicate_column, unsupported_type, missing) · stale (valid, flagged) · narrowed type (rejected, old kept) · missing file (rejected) · enum outside (422) · tenant smuggling (422) and ungranted endpoint (404).', () => {
  const lab = join(examples, 'failure-lab');
  let own: string;
  let gateway: Served;
  const admin = () => ['--admin-url', gateway.admin, '--admin-token', adminToken];
  const totals = () => ask(gateway, 'account_totals', 'demo-acme-token');
  /** Its files, and then the manifest that names them. */
  const lay = async (name: string): Promise<void> => {
    const manifest = join(lab, name, 'manifest.json');
    await cp(join(lab, name), join(own, 'lake/usage'), { recursive: true, filter: (path) => path !== manifest });
    await placeManifest(join(own, 'lake/usage/manifest.json'), await readFile(manifest, 'utf8'));
  };

  beforeAll(async () => {
    own = await newFolder();
    expect(await publishUsage(own, 'good')).toMatchObject({ code: 0 });
    gateway = (await serve(await layOutUsage(own), join(own, 'cache'))) as Served;
    await until('readiness', () => isReady(gateway));
  });
  afterAll(async () => {
    await gateway.stop();
    await rm(own, { recursive: true, force: true });
  });

  // In this order: each starts from what the one before left serving.
  test.each([
    ['bad-manifest', ['duplicate_column', 'invalid_snapshot_id', 'missing', 'unsupported_type'], null],
    ['narrowed-type', ['incompatible_schema'], 'narrowed'],
    ['missing-file', ['missing_file'], 'missing-file'],
  ])('%s is rejected for exactly that, beforehand and when published; the old snapshot is kept', async (name, codes, id) => {
    const checked = await inProcess([
      'manifest',
      'validate',
      join(lab, name, 'manifest.json'),
      '--config',
      join(examples, 'usage/resources'),
    ]);
    expect(checked).toMatchObject({ code: 1, out: '' });
    const found = checked.err.trimEnd().split('\n').slice(0, -1).map((line) => line.split(': ')[2]); // prettier-ignore
    expect(found.sort()).toEqual(codes);

    const before = (await datasetOf(gateway, 'usage')).last_attempted.at;
    await lay(name);
    await until('the attempt', async () => {
      const { last_attempted: attempt } = await datasetOf(gateway, 'usage');
      return attempt.status === 'rejected' && attempt.at !== before && attempt.snapshot_id === id;
    });
    const { refresh_errors: errors } = await datasetOf(gateway, 'usage');
    expect(errors.map(({ code }: { code: string }) => code).sort()).toEqual(codes);
    expect(await totals()).toMatchObject({ status: 200, body: { meta: { snapshot_id: 'good' } } });
    expect(await inProcess(['triage', ...admin()])).toMatchObject({
      code: 1,
      out: expect.stringContaining('refresh_rejected: owner UpstreamData'),
    });
  });

  test('stale is valid, is served, and is flagged', async () => {
    const manifest = join(lab, 'stale/manifest.json');
    const checked = await inProcess(['manifest', 'validate', manifest, '--config', join(examples, 'usage/resources')]);
    expect(checked).toMatchObject({ code: 0, err: '' });
    await lay('stale');
    await until('the stale snapshot', async () => (await totals()).body.meta.snapshot_id === 'stale');
    expect(await totals()).toMatchObject({ status: 200, body: { meta: { freshness: { stale: true } } } });
    await until('the report', async () => (await datasetOf(gateway, 'usage')).last_attempted.status !== 'rejected');
    expect(await datasetOf(gateway, 'usage')).toMatchObject({ stale: true, refresh_error: null });
    const ran = await inProcess(['triage', ...admin()]);
    expect(ran).toMatchObject({ code: 1, out: expect.stringContaining('dataset_stale: owner UpstreamData') });
  });

  test.each([
    ['an enum member that is none', 'account_daily?account_id=A-1&area=mail', 'demo-acme-token', 422],
    ['a tenant smuggled in', 'account_totals?tenant_id=globex', 'demo-acme-token', 422],
    ['a tenant smuggled in as its own', 'account_totals?tenant_id=acme', 'demo-acme-token', 422],
    ['an endpoint not granted', 'account_totals', 'demo-globex-token', 404],
  ])('%s is refused, and answers with no row', async (_what, path, token, status) => {
    const answer = await ask(gateway, path, token);
    expect(answer.status).toBe(status);
    expect(answer.body).not.toHaveProperty('data');
  });
});

describe('Typical totals can be checked by hand from the data: sums integers, averages doubles; every tenant sees only its own accounts.', () => {
  const sum = (of: readonly Record<string, string>[], column: string): number => of.reduce((total, row) => total + Number(row[column]), 0);

  test.each(['acme', 'globex', 'initech'])('the totals of %s', async (tenant) => {
    // Globex is granted the ranking alone.
    if (tenant !== 'globex') {
      const { text, body } = await endpointOf(usage, 'account_totals', `demo-${tenant}-token`);
      const accounts = [...new Set(rows.filter((row) => row['tenant_id'] === tenant).map((row) => row['account_id']!))];
      expect(body.data).toEqual(
        accounts.sort().map((account) => {
          const own = rows.filter((row) => row['account_id'] === account);
          const mean = sum(own, 'seconds_per_visit') / own.length;
          return { account_id: account, visits: sum(own, 'visits'), seconds_per_visit: expect.closeTo(mean, 9), days: 3 };
        }),
      );
      for (const [, visits] of text.matchAll(/"visits":([^,}]+)/g)) expect(visits).toMatch(/^\d+$/);
      for (const [, mean] of text.matchAll(/"seconds_per_visit":([^,}]+)/g)) expect(mean).toMatch(/^\d+\.\d+$/);
    }
    const ranking = await endpointOf(usage, 'area_ranking', `demo-${tenant}-token`);
    const byArea = distinct('area').map((area) => ({ area, visits: sum(rows.filter((row) => row['tenant_id'] === tenant && row['area'] === area), 'visits') })); // prettier-ignore
    expect(ranking.body.data).toEqual(byArea.sort((a, b) => b.visits - a.visits));
  });

  test('totals known by hand', async () => {
    const { body } = await endpointOf(usage, 'account_totals', 'demo-acme-token');
    expect(body.data.map(({ visits, seconds_per_visit: mean }: any) => [visits, Number(mean.toFixed(6))])).toEqual([
      [999, 32.6],
      [1899, 37.6],
    ]);
  });

  test('the accounts of others look as if they did not exist', async () => {
    for (const [tenant, account] of [
      ['acme', 'G-1'],
      ['acme', 'I-1'],
      ['initech', 'A-1'],
      ['initech', 'G-1'],
    ])
      // prettier-ignore
      expect((await endpointOf(usage, `account_daily?account_id=${account}`, `demo-${tenant}-token`)).body.data).toEqual([]);
  });
});
