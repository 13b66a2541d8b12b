// Parquet answers are files on the cache volume until they have been read: all together they take a bounded part of it.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { overrunOf } from '../src/answers/scratch.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';
import { requiring } from './support/linux.ts';
import { type StandingReader, standingReader } from './support/standing-reader.ts';

let lake: Lake;
let world: World;
let readers: StandingReader[] = [];
const noise = {
  params: [],
  query: { select: [{ as: 'note', column: 'note' }] },
  columns: ['note'],
  pagination: { defaultLimit: 1, maxLimit: 1_000_000 },
};
beforeAll(async () => {
  lake = await createLake();
  // A kilobyte a row that cannot be compressed much.
  const note = `(SELECT string_agg(md5((i * 1000 + j)::VARCHAR), '') FROM range(32) t(j))`;
  await lake.publish('a1', `SELECT 'acme' AS tenant_id, ${note} AS note FROM range(40000) r(i)`);
  const schema = ['tenant_id', 'note'].map((name) => ({ name, type: 'VARCHAR' }));
  world = await startWorld([visitsDataset(lake.url, { schema }), endpoint('noise', noise), apiKey('acme')], {
    OFFLOADER_POOL_SIZE: '1',
    OFFLOADER_PARQUET_MAX_BYTES: '30000000',
    OFFLOADER_QUERY_TIMEOUT: '5m',
  });
});
afterEach(async () => {
  for (const reader of readers) reader.leave();
  readers = [];
  await until(async () => (await files()).length === 0);
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});
const files = async (): Promise<readonly string[]> =>
  (await readdir(join(world.cacheDir, 'tmp'))).filter((name) => name.startsWith('answer-'));
const ask = async (rows: number): Promise<Response> => {
  const response = await world.get(`/v1/endpoints/noise.parquet?limit=${rows}`, 'acme-token');
  return new Response(await response.arrayBuffer(), response);
};
const hold = async (rows: number): Promise<void> => {
  readers.push(await standingReader(world.gateway.apiPort, `/v1/endpoints/noise.parquet?limit=${rows}`, 'acme-token'));
};

test('files that nobody reads hold no connection and take so many bytes at most; the next is told to come back', async () => {
  await hold(18_000);
  expect((await ask(1)).status).toBe(200);
  const refused = await ask(18_000);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await refused.json()).toMatchObject({ error: { family: 'busy' } });
  expect(world.observed).toContainEqual(expect.objectContaining({ kind: 'request_ended', status: 503, cause: 'no room for a file' }));
  // That of the short one goes when it has been sent.
  await until(async () => (await files()).length === 1);
  // Other forms need no file.
  expect((await (await world.get('/v1/endpoints/noise.csv?limit=18000', 'acme-token')).text()).split('\n').length).toBeGreaterThan(18_000);
  readers[0]!.leave();
  await until(async () => (await files()).length === 0);
  expect((await ask(18_000)).status).toBe(200);
});

test('a file that alone has more than all may is no matter of time: its request is refused', async () => {
  const refused = await ask(40_000);
  expect([refused.status, await refused.json()]).toMatchObject([422, { error: { code: 'answer_too_long', param: 'limit' } }]);
  await until(async () => (await files()).length === 0);
});

requiring('proc').test('files never take more than they leave free', async () => {
  // There nothing is.
  expect(await overrunOf({ dir: '/proc', maxBytes: 1000 }, '/proc/answer-none')).toBe('full');
  expect(await overrunOf({ dir: world.cacheDir, maxBytes: 1000 }, '/proc/answer-none')).toBe(null);
});
