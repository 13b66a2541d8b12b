// What the engine can do to a request, and what the client sees of it: an engine that fails on demand behind the real API.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { QueryFailure } from '../src/domain/engine.ts';
import { endpointOf } from './support/compiled.ts';
import { until } from './support/gateway.ts';
import { type Played, startPlayed } from './support/played.ts';

const loud = 'IO Error: /cache/snapshots/x: SELECT "secret" computed checksum does not match';
let played: Played;
const get = async (path: string) => played.get(path);

beforeAll(async () => {
  played = await startPlayed([endpointOf({ pagination: { defaultLimit: 10, maxLimit: 1_000_000 } })]);
});
afterAll(async () => played.end());
beforeEach(() => played.reset());

describe.each(['events', 'events.csv', 'events.ndjson', 'events.arrow'])('%s', (path) => {
  test.each<[string, QueryFailure, number, string]>([
    ['a full pool', 'busy', 503, 'busy'],
    ['a query past its time', 'timeout', 504, 'timeout'],
    ['a fault of the engine', { engine: loud }, 500, 'internal'],
  ])('%s before the first row is answered in the envelope', async (_what, failure, status, family) => {
    played.outcome = { failure };
    const response = await get(path);
    const text = await response.text();
    expect([response.status, JSON.parse(text).error.family]).toEqual([status, family]);
    expect([response.headers.get('etag'), response.headers.get('cache-control')]).toEqual([null, 'no-store']);
    expect(response.headers.get('retry-after') !== null).toBe(status === 503);
    expect(text).not.toMatch(/checksum|SELECT|secret|cache\//);
    expect(played.reported).toEqual(family === 'internal' ? [`events 1 ${loud}`] : []);
    expect(played.observed.at(-1)).toMatchObject({ kind: 'request_ended', status, ...(family === 'internal' ? { cause: loud } : {}) });
    expect(played.leases()).toBe(0);
  });

  test('a fault after a few rows is answered in the envelope as well', async () => {
    played.outcome = { rows: [[['a', 1n]]], failure: { engine: loud } };
    expect((await get(path)).status).toBe(500);
  });

  test('a fault in the middle of a long answer breaks the connection', async () => {
    const chunk = Array.from({ length: 2000 }, (_, n) => ['x'.repeat(1000), BigInt(n)] as const);
    played.outcome = { rows: [chunk, chunk, chunk], failure: { engine: loud } };
    const got = await get(`${path}?limit=1000000`).then(
      async (response) => response.arrayBuffer().then(() => response.status, () => 'broken'),
      () => 'broken',
    ); // prettier-ignore
    expect(got).toBe('broken');
    await until(() => played.leases() === 0);
  });
});

test('a gateway without a folder to write to has no Parquet', async () => {
  expect((await get('events.parquet')).status).toBe(406);
});

test('a failure is not kept: the next request asks again', async () => {
  played.outcome = { failure: 'busy' };
  expect((await get('events?limit=3')).status).toBe(503);
  played.outcome = { rows: [[['a', 1n]]] };
  const answers = [await (await get('events?limit=3')).json(), await (await get('events?limit=3')).json()] as any[];
  expect(answers.map(({ data, meta }) => [data, meta.cache])).toEqual([[[{ day: 'a', big: 1 }], 'miss'], [[{ day: 'a', big: 1 }], 'hit']]); // prettier-ignore
});
