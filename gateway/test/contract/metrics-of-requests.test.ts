// The contract's "Metrics (text/plain; version=0.0.4, HELP+TYPE each)" where requests and loads are counted, over one gateway.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake } from '../support/lake.ts';
import { parseExposition, type Sample, valueOf } from '../support/exposition.ts';
import { standingReader } from '../support/standing-reader.ts';

let lake: Lake;
let world: World;
const daily = '/v1/endpoints/daily';
const rows = 20_000;
const note = { params: [], query: { select: [{ as: 'note', column: 'note' }] }, columns: ['note'], pagination: { defaultLimit: 1, maxLimit: rows }, cache: { policy: 'None' } }; // prettier-ignore
const schema = ['tenant_id', 'note', 'day', 'visits'].map((name, n) => ({ name, type: ['VARCHAR', 'VARCHAR', 'DATE', 'BIGINT'][n] }));
const of = (name: string, url: string) => ({ ...visitsDataset(url, { schema }), metadata: { name } });
const all = (...more: unknown[]) => [
  visitsDataset(lake.url, { schema }),
  of('lost', 'file:///nowhere/manifest.json'),
  endpoint('daily'),
  endpoint('scan', { ...note, servingMode: 'RemoteScan' }),
  endpoint('notes', note),
  endpoint('later', { datasetRef: { name: 'lost' } }),
  apiKey('acme'),
  apiKey('slow', { limits: { requestsPerDay: 1 } }),
  apiKey('narrow', { endpoints: ['notes'] }),
  ...more,
];

beforeAll(async () => {
  lake = await createLake();
  const columns = `'acme' AS tenant_id, i || repeat('x', 1000) AS note, DATE '2026-01-01' + (i % 30)::INTEGER AS day, 1::BIGINT AS visits`;
  await lake.publish('a1', `SELECT ${columns} FROM range(${rows}) r(i)`);
  // Files that a test removes are missed by whoever reads them, not by a look at the volume.
  world = await startWorld(all(), { OFFLOADER_POOL_SIZE: '1', OFFLOADER_QUERY_TIMEOUT: '10m' }, { volumeCheckMs: 3_600_000 });
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

const pageOf = async (): Promise<string> => (await world.admin('/metrics')).text();
const metric = async (name: string, labels: Record<string, string> = {}): Promise<number> =>
  valueOf(await pageOf(), `offloader_${name}`, labels) ?? 0;
const samples = async (): Promise<readonly Sample[]> =>
  parseExposition(await pageOf()).filter(({ name }) => name.startsWith('offloader_')).flatMap((family) => family.samples); // prettier-ignore
const ask = async (path: string, init: RequestInit = {}, token = 'acme-token'): Promise<Response> => {
  const response = await world.get(path, token, init);
  await response.arrayBuffer();
  return response;
};
/** The counts of an endpoint's requests by outcome that `work` adds. */
const countedBy = async (name: string, work: () => Promise<unknown>): Promise<Record<string, number>> => {
  const read = async () =>
    Promise.all(
      ['ok', 'client_error', 'not_ready', 'server_error'].map(async (status) => [status, await metric('requests_total', { endpoint: name, status })] as const), // prettier-ignore
    );
  const before = new Map(await read());
  await work();
  return Object.fromEntries((await read()).map(([status, count]) => [status, count - (before.get(status) ?? 0)]).filter(([, added]) => added !== 0)); // prettier-ignore
};

describe('Metrics (text/plain; version=0.0.4, HELP+TYPE each)', () => {
  describe('offloader_requests_total{endpoint,status} counter; status ok (2xx) | client_error (4xx) | not_ready (503) | server_error.', () => {
    test('each outcome of a request is counted under its endpoint', async () => {
      expect(parseExposition(await pageOf()).find(({ name }) => name === 'offloader_requests_total')?.type).toBe('counter');
      expect(await countedBy('daily', async () => ask(daily))).toEqual({ ok: 1 });
      expect(await countedBy('daily', async () => ask(`${daily}.csv`))).toEqual({ ok: 1 });
      expect(await countedBy('daily', async () => ask(`${daily}?zz=1`))).toEqual({ client_error: 1 });
      expect(await countedBy('daily', async () => ask(daily, { headers: { accept: 'image/png' } }))).toEqual({ client_error: 1 });
      expect(await countedBy('later', async () => ask('/v1/endpoints/later'))).toEqual({ not_ready: 1 });
    });

    test('a key over its limit, a busy pool and a fault of the data', async () => {
      await ask(daily, {}, 'slow-token');
      expect(await countedBy('daily', async () => ask(daily, {}, 'slow-token'))).toEqual({ client_error: 1 });
      const reader = await standingReader(world.gateway.apiPort, `/v1/endpoints/notes.csv?limit=${rows}`, 'acme-token');
      expect(await countedBy('scan', async () => ask('/v1/endpoints/scan'))).toEqual({ not_ready: 1 });
      reader.leave();
      await until(async () => (await metric('pool_busy')) === 0);
      const files = (await readdir(world.cacheDir, { recursive: true })).filter((name) => name.endsWith('.parquet'));
      for (const file of files) await rm(join(world.cacheDir, file));
      expect(await countedBy('scan', async () => ask('/v1/endpoints/scan'))).toEqual({ server_error: 1 });
      // The files come again from the source.
      await until(async () => (await ask('/v1/endpoints/scan')).status === 200);
    });
  });

  test('304 counts as ok.', async () => {
    const etag = (await ask(daily)).headers.get('etag') ?? '';
    expect(await countedBy('daily', async () => ask(daily, { headers: { 'if-none-match': etag } }))).toEqual({ ok: 1 });
  });

  describe('offloader_request_duration_seconds histogram by endpoint and cache result (Prometheus base units); pool wait, query and load durations, load bytes and rows, cache hits, bytes and entries, rate-limited and auth-failure counters, config revision info.', () => {
    test('a request: its time in seconds by cache result, its wait, its query', async () => {
      const count = async (cache: string) => metric('request_duration_seconds_count', { endpoint: 'daily', cache });
      const before = { miss: await count('miss'), hit: await count('hit'), off: await count('off'), hits: await metric('cache_hits_total', { endpoint: 'daily' }) }; // prettier-ignore
      const queries = [await metric('pool_wait_seconds_count'), await metric('query_duration_seconds_count', { endpoint: 'daily' })];
      await ask(`${daily}?limit=3`);
      await ask(`${daily}?limit=3`);
      await ask(`${daily}.csv?limit=3`);
      expect([(await count('miss')) - before.miss, (await count('hit')) - before.hit, (await count('off')) - before.off]).toEqual([
        1, 1, 1,
      ]);
      expect((await metric('cache_hits_total', { endpoint: 'daily' })) - before.hits).toBe(1);
      // The hit has asked for no connection.
      expect([await metric('pool_wait_seconds_count'), await metric('query_duration_seconds_count', { endpoint: 'daily' })]).toEqual(queries.map((n) => n + 2)); // prettier-ignore
      const hit = { endpoint: 'daily', cache: 'hit' };
      expect(await metric('request_duration_seconds_bucket', { ...hit, le: '+Inf' })).toBe(await count('hit'));
      // Seconds: a request of these takes milliseconds, and no test takes a minute.
      expect((await metric('request_duration_seconds_sum', { endpoint: 'daily', cache: 'miss' })) / (await count('miss'))).toBeLessThan(60);
    });

    test('a load: its time, bytes and rows', async () => {
      const load = { dataset: 'visits' };
      const loads = world.observed.filter((event) => event.kind === 'load_ended');
      expect(await metric('load_duration_seconds_count', load)).toBe(loads.length);
      const tookMs = loads.reduce((sum, one) => sum + one.tookMs, 0);
      expect(await metric('load_duration_seconds_sum', load)).toBeCloseTo(tookMs / 1000, 6);
      const { bytes = 0 } = loads.at(-1) ?? {};
      expect([await metric('load_rows', load), await metric('load_bytes', load)]).toEqual([rows, bytes]);
      expect(bytes).toBeGreaterThan(rows);
    });

    test('the cache: how much it holds', async () => {
      const [entries, bytes] = [await metric('cache_entries'), await metric('cache_bytes')];
      const { dataBytes } = { dataBytes: JSON.stringify(((await (await world.get(`${daily}?limit=9`, 'acme-token')).json()) as any).data).length };
      expect([(await metric('cache_entries')) - entries, (await metric('cache_bytes')) - bytes >= dataBytes]).toEqual([1, true]);
    }); // prettier-ignore

    test('refused keys by reason, refused requests by endpoint', async () => {
      const count = async () =>
        Promise.all([
          metric('auth_failures_total', { reason: 'unknown' }),
          metric('auth_failures_total', { reason: 'malformed' }),
          metric('auth_successes_total'),
          metric('rate_limited_total', { endpoint: 'daily' }),
        ]);
      const before = await count();
      await ask(daily, {}, 'nobody');
      await ask(daily, { headers: { authorization: 'Basic eDp4' } });
      await ask(daily, {}, 'slow-token');
      expect((await count()).map((after, n) => after - (before[n] ?? 0))).toEqual([1, 1, 1, 1]);
    });

    test('the revision of the configuration', async () => {
      const revision = async () => (await samples()).filter(({ name }) => name === 'offloader_build_info').map(({ labels }) => labels['config_revision']); // prettier-ignore
      const before = await revision();
      await world.write(all(apiKey('one-more')));
      await until(async () => (await ask(daily, {}, 'one-more-token')).status === 200);
      const report = (await (await world.admin('/diagnostics', 'admin-token')).json()) as any;
      expect(await revision()).toEqual([report.config_revision]);
      expect(await revision()).not.toEqual(before);
    });
  });

  test('Node and process defaults of prom-client.', async () => {
    const register = new Registry();
    collectDefaultMetrics({ register });
    const names = parseExposition(await register.metrics()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']));
    expect(parseExposition(await pageOf()).map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  describe('Labels bounded: declared endpoint names only. unknown names must not create series.', () => {
    const shape = async (): Promise<readonly string[]> =>
      (await samples()).map(({ name, labels }) => `${name} ${JSON.stringify({ ...labels, config_revision: '' })}`).toSorted();

    test('whatever is asked for, by whoever, in whatever form', async () => {
      const strange = async (n: number) =>
        Promise.all([
          ask(`/v1/endpoints/no_such_${n}`),
          ask(`/v1/endpoints/no_such_${n}.csv`, {}, 'nobody'),
          ask(`/v1/endpoints/daily.x${n}`),
          ask(`/v1/endpoints/${encodeURIComponent(`a"b\n{${n}}`)}`),
          ask(`/v1/nothing-${n}`),
          ask(daily, {}, `unknown-${n}`),
          // Declared, but not for this key.
          ask(daily, {}, 'narrow-token'),
        ]);
      await strange(0);
      const before = await shape();
      for (let n = 1; n < 20; n += 1) await strange(n);
      expect(await shape()).toEqual(before);
      const endpoints = (await samples()).flatMap(({ labels }) => labels['endpoint'] ?? []);
      expect([...new Set(endpoints)].filter((name) => !['daily', 'scan', 'notes', 'later'].includes(name))).toEqual([]);
    });

    test('what is declared no more has no series any more', async () => {
      const passing = await createLake('passing');
      await passing.publish('p1', `SELECT 'acme' AS tenant_id, 'x' AS note, DATE '2026-01-01' AS day, 1::BIGINT AS visits`);
      await world.write(all(endpoint('brief'), of('passing', passing.url), endpoint('passing', { datasetRef: { name: 'passing' } })));
      await until(async () => (await ask('/v1/endpoints/passing')).status === 200);
      for (let n = 0; n < 2; n += 1) await ask('/v1/endpoints/brief');
      const seriesOf = async (name: string) => (await samples()).filter(({ labels }) => Object.values(labels).includes(name)).length;
      expect([(await seriesOf('brief')) > 0, (await seriesOf('passing')) > 0]).toEqual([true, true]);
      await world.write(all());
      await until(async () => (await ask('/v1/endpoints/passing')).status === 404);
      // What its dataset was about ends first.
      await until(async () => (await seriesOf('passing')) === 0);
      expect([await seriesOf('brief'), await seriesOf('passing')]).toEqual([0, 0]);
      await passing.remove();
    });
  });

  test('duckdb_up must stay 1 while the pool is merely busy.', async () => {
    const reader = await standingReader(world.gateway.apiPort, `/v1/endpoints/notes.csv?limit=${rows}`, 'acme-token');
    const page = await pageOf();
    expect([valueOf(page, 'offloader_pool_busy'), valueOf(page, 'offloader_pool_connections'), valueOf(page, 'offloader_duckdb_up')]).toEqual([1, 1, 1]); // prettier-ignore
    reader.leave();
  });
});
