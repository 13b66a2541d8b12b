// The contract's "Pool and limits" through a whole gateway: 8 connections, of which remote scans may hold 2. What only the engine
// itself can show is in pool-connections.test.ts.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { settingsTable } from '../../src/settings.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake } from '../support/lake.ts';
import { startProcess } from '../support/process.ts';
import { type StandingReader, standingReader } from '../support/standing-reader.ts';

let lake: Lake;
let many: Lake;
let world: World;
let readers: StandingReader[] = [];
const pool = 8;
const remoteCap = 2;
/** Long rows, so that few of them fill what lies between a gateway and a reader that stands still. */
const rows = {
  params: [],
  query: { select: [{ as: 'note', column: 'note' }] },
  columns: ['note'],
  pagination: { defaultLimit: 1, maxLimit: 1_000_000 },
  cache: { policy: 'None' },
};
/** A second or more of work before its one row. */
const heavy = {
  ...rows,
  datasetRef: { name: 'many' },
  query: { select: [{ as: 'n', column: 'visits', agg: 'count_distinct' }] },
  columns: ['n'],
};

const datasets = () => [
  visitsDataset(lake.url, { schema: ['tenant_id', 'note'].map((name) => ({ name, type: 'VARCHAR' })) }),
  { ...visitsDataset(many.url), metadata: { name: 'many' } },
];
beforeAll(async () => {
  [lake, many] = [await createLake(), await createLake('many')];
  await lake.publish('a1', `SELECT 'acme' AS tenant_id, i || repeat('x', 1000) AS note FROM range(40000) r(i)`);
  await many.publish('a1', `SELECT 'acme' AS tenant_id, DATE '2026-01-01' AS day, i::BIGINT AS visits FROM range(5000000) r(i)`);
  world = await startWorld(
    [...datasets(), endpoint('rows', rows), endpoint('scan', { ...rows, servingMode: 'RemoteScan' }), endpoint('heavy', heavy), apiKey('acme')],
    {
      OFFLOADER_POOL_SIZE: String(pool),
      OFFLOADER_REMOTE_SCAN_CONCURRENCY: String(remoteCap),
      // Readers that stand still may hold them all here.
      OFFLOADER_LONG_ANSWERS: String(pool),
      OFFLOADER_QUERY_TIMEOUT: '10m',
    },
  );
}); // prettier-ignore
afterEach(async () => {
  for (const reader of readers) reader.leave();
  readers = [];
  await until(async () => (await poolNow()).busy === 0);
});
afterAll(async () => {
  await world.end();
  await lake.remove();
  await many.remove();
});

const ask = async (name: string, of = world): Promise<Response> => of.get(`/v1/endpoints/${name}`, 'acme-token');
const poolOf = async (of: World): Promise<any> => ((await (await of.admin('/diagnostics', 'admin-token')).json()) as any).pool;
const poolNow = async (): Promise<any> => poolOf(world);
const hold = async (name: string, count: number): Promise<void> => {
  const path = `/v1/endpoints/${name}.ndjson?limit=40000`;
  const more = await Promise.all(Array.from({ length: count }, async () => standingReader(world.gateway.apiPort, path, 'acme-token')));
  readers.push(...more);
};
const isBusy = async (response: Response): Promise<boolean> => {
  const { error } = (await response.json()) as { error: { family: string; code: string } };
  return response.status === 503 && error.family === 'busy' && Number(response.headers.get('retry-after')) > 0;
};

test('OFFLOADER_POOL_SIZE read connections (default 16).', async () => {
  expect([settingsTable.poolSize.env, settingsTable.poolSize.fallback]).toEqual(['OFFLOADER_POOL_SIZE', 16]);
  await hold('rows', pool - 1);
  expect((await ask('rows')).status).toBe(200);
  await hold('rows', 1);
  expect(await poolNow()).toMatchObject({ connections: pool, busy: pool, saturated: true });
  expect(await isBusy(await ask('rows'))).toBe(true);
});

describe('All busy for ~50 ms ⇒ 503 busy with Retry-After, never 500, never unbounded queueing; slot frees after the slow query and the next request is 200.', () => {
  test('100 requests at once are all told to come back, and the next after one slow query has ended is answered', async () => {
    await hold('rows', pool);
    const refused = await Promise.all(Array.from({ length: 100 }, async () => ask('rows')));
    expect(await Promise.all(refused.map(isBusy))).toEqual(refused.map(() => true));
    const [slow] = readers;
    await slow!.readOn();
    await until(async () => !(await poolNow()).saturated);
    expect((await ask('rows')).status).toBe(200);
  });

  test('more slow queries than Node.js has threads of its own hold up nobody while there are slots', async () => {
    const resources = [...datasets(), endpoint('rows', rows), endpoint('heavy', heavy), apiKey('acme')];
    const gateway = await startProcess(resources, { OFFLOADER_POOL_SIZE: String(pool), OFFLOADER_QUERY_TIMEOUT: '30m' });
    const enough = new AbortController();
    const query = async (name: string): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${gateway.apiPort}/v1/endpoints/${name}`, {
        headers: { authorization: 'Bearer acme-token' },
        signal: enough.signal,
      });
      await response.text();
      return `${name} ${response.status}`;
    };
    let ended = 0;
    const slow = Array.from({ length: pool - 2 }, async () => {
      const how = await query('heavy').catch((error: unknown) => (error as Error).name);
      ended += 1;
      return how;
    });
    const busy = async (): Promise<string> => (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
    // The page itself looks at the volume.
    expect(await Promise.race([until(async () => (await busy()).includes(`offloader_pool_busy ${pool - 2}`)), ...slow])).toBe(undefined);
    expect(await query('rows')).toBe('rows 200');
    // Four threads would take it up when three of the six have ended.
    expect(ended).toBeLessThan(3);
    enough.abort();
    await Promise.all(slow);
    await until(async () => (await busy()).includes('offloader_pool_busy 0'));
    await gateway.end();
  });
});

test('remote_scan may hold at most min(pool, OFFLOADER_REMOTE_SCAN_CONCURRENCY or 16) slots; with cap 2 of 8, local_table still answers while 2 slow remote scans run; a third remote scan is 503.', async () => {
  const { env, fallback } = settingsTable.remoteScanConcurrency;
  expect([env, fallback]).toEqual(['OFFLOADER_REMOTE_SCAN_CONCURRENCY', 16]);
  await hold('scan', remoteCap);
  expect((await ask('rows')).status).toBe(200);
  expect(await isBusy(await ask('scan'))).toBe(true);
  // Of the others none is theirs.
  await hold('rows', pool - remoteCap - 1);
  expect(await isBusy(await ask('scan'))).toBe(true);
  expect((await ask('rows')).status).toBe(200);
  readers[0]!.leave();
  await until(async () => (await poolNow()).busy < pool - 1);
  expect((await ask('scan')).status).toBe(200);
});

test('/diagnostics pool.remote_cap shows it.', async () => {
  expect((await poolNow()).remote_cap).toBe(remoteCap);
  const small = await startWorld([...datasets(), apiKey('acme')], { OFFLOADER_POOL_SIZE: '3' });
  expect(await poolOf(small)).toMatchObject({ connections: 3, remote_cap: 3 });
  await small.end();
});

describe('A query past its timeout, or whose client has gone, is interrupted in DuckDB and its connection given back; 504 family timeout.', () => {
  const endOf = (requestId: string) =>
    world.observed.find((event) => event.kind === 'request_ended' && event.requestId === requestId) as any;

  test('a client that has gone', async () => {
    const gone = new AbortController();
    const headers = { 'x-request-id': 'request-whose-client-has-gone' };
    const asked = world.get('/v1/endpoints/heavy', 'acme-token', { signal: gone.signal, headers }).catch(() => 'gone');
    await until(async () => (await poolNow()).busy === 1);
    gone.abort();
    expect(await asked).toBe('gone');
    await until(async () => (await poolNow()).busy === 0);
    await until(() => endOf(headers['x-request-id']) !== undefined);
    // A query that had run to its end would tell its rows.
    expect(endOf(headers['x-request-id'])).toMatchObject({ status: 499, endpoint: 'heavy', snapshotId: 'a1', rows: null, queryMs: null });
  });

  test('a query past its timeout', async () => {
    const resources = [...datasets(), endpoint('heavy', heavy), apiKey('acme')];
    const hasty = await startWorld(resources, { OFFLOADER_QUERY_TIMEOUT: '5ms', OFFLOADER_POOL_SIZE: '1' });
    const late = await ask('heavy', hasty);
    expect([late.status, ((await late.json()) as any).error.family]).toEqual([504, 'timeout']);
    expect((await poolOf(hasty)).busy).toBe(0);
    // The one connection is there for the next, in time or not.
    expect((await ask('heavy', hasty)).status).toBe(504);
    await hasty.end();
  });
});
