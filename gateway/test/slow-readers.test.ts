// Readers that take a long answer slowly: they hold a part of the pool at most, and not for long.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { valueOf } from './support/exposition.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';
import { type StandingReader, standingReader } from './support/standing-reader.ts';

let lake: Lake;
let world: World;
let readers: StandingReader[] = [];
const rows = {
  params: [],
  query: { select: [{ as: 'note', column: 'note' }] },
  columns: ['note'],
  pagination: { defaultLimit: 1, maxLimit: 1_000_000 },
  cache: { policy: 'None' },
};
const resources = () => [
  visitsDataset(lake.url, { schema: ['tenant_id', 'note'].map((name) => ({ name, type: 'VARCHAR' })) }),
  endpoint('rows', rows),
  endpoint('held', { ...rows, cache: { policy: 'Snapshot' } }),
  apiKey('acme'),
];
beforeAll(async () => {
  lake = await createLake();
  // More than fits into the buffers between a gateway and a reader.
  await lake.publish('a1', `SELECT 'acme' AS tenant_id, i || repeat('x', 1000) AS note FROM range(20000) r(i)`);
  world = await startWorld(resources(), { OFFLOADER_POOL_SIZE: '4', OFFLOADER_QUERY_TIMEOUT: '10m' });
});
afterEach(() => {
  for (const reader of readers) reader.leave();
  readers = [];
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});
const ask = async (path: string, init?: RequestInit): Promise<Response> => world.get(`/v1/endpoints/${path}`, 'acme-token', init);
const long = '?limit=20000';
const busy = async (of = world): Promise<number> => ((await (await of.admin('/diagnostics', 'admin-token')).json()) as any).pool.busy;
const read = async (path: string, of = world): Promise<void> => {
  readers.push(await standingReader(of.gateway.apiPort, `/v1/endpoints/${path}`, 'acme-token'));
};

test('three quarters of the pool are for long answers; the next is told to come back before it has begun, and short ones go on', async () => {
  for (let n = 0; n < 3; n += 1) await read(`rows.csv${long}`);
  await until(async () => (await busy()) === 3);
  for (const path of ['rows.csv', 'rows.ndjson', 'rows.arrow', 'rows', 'held']) {
    const headers = { 'x-request-id': `one-long-answer-too-many-${path}` };
    const refused = await ask(`${path}${long}`, { headers });
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('content-type')]).toEqual([
      503,
      '1',
      'application/json; charset=utf-8',
    ]);
    expect(await refused.json()).toMatchObject({ error: { family: 'busy' }, meta: { request_id: headers['x-request-id'] } });
    expect(world.observed.find((event) => 'requestId' in event && event.requestId === headers['x-request-id'])).toMatchObject({
      status: 503,
      cause: 'no place for a long answer',
    });
    expect((await ask(`${path}?limit=200`)).status).toBe(200);
  }
  // Only the headers of a long answer are none.
  expect((await ask(`rows.csv${long}`, { method: 'HEAD' })).status).toBe(200);
  await until(async () => (await busy()) === 3);
  await readers[0]!.readOn();
  await until(async () => (await busy()) === 2);
  expect((await (await ask(`rows.ndjson${long}`)).text()).split('\n')).toHaveLength(20_001);
});

test('a reader that is too slow is cut, told in the log and counted as no fault of the server', async () => {
  const hasty = await startWorld(resources(), { OFFLOADER_POOL_SIZE: '1', OFFLOADER_QUERY_TIMEOUT: '4s' });
  try {
    await read(`rows.csv${long}`, hasty);
    const ended = () => hasty.observed.filter((event) => event.kind === 'request_ended');
    await until(() => ended().length === 1);
    expect(ended()[0]).toMatchObject({ endpoint: 'rows', status: 499, cause: 'slow reader', cut: 'slow_reader' });
    // The only connection is there again.
    await until(async () => (await busy(hasty)) === 0);
    const page = await (await hasty.admin('/metrics')).text();
    expect(valueOf(page, 'offloader_answers_cut_total', { endpoint: 'rows', reason: 'slow_reader' })).toBe(1);
    expect(valueOf(page, 'offloader_requests_total', { endpoint: 'rows', status: 'client_error' })).toBe(1);
    expect(valueOf(page, 'offloader_requests_total', { endpoint: 'rows', status: 'server_error' })).toBe(undefined);
  } finally {
    await hasty.end();
  }
});
