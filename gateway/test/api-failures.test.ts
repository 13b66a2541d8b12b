// What the engine can do to a request, and what the client sees of it: an engine that fails on demand behind the real API.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { err, ok } from '@offloader/contract';
import { createResponseCache } from '../src/cache/responses.ts';
import type { Engine, QueryFailure, QueryOptions, RowStream } from '../src/domain/engine.ts';
import type { Observation } from '../src/domain/observation.ts';
import type { Live } from '../src/domain/serving.ts';
import { createSigner } from '../src/domain/signature.ts';
import { createApi } from '../src/http/api.ts';
import { endpointOf, liveOf, servingOf } from './support/compiled.ts';

const endpoint = endpointOf({ pagination: { defaultLimit: 10, maxLimit: 1_000_000 } });
const loud = 'IO Error: /cache/snapshots/x: SELECT "secret" computed checksum does not match';
type Rows = readonly (readonly unknown[])[];

let outcome: { readonly rows?: readonly Rows[]; readonly failure?: QueryFailure };
let observed: Observation[] = [];
let reported: string[] = [];
let leases = 0;
let live: Live;
let server: Server;

const chunksOf = async function* (chunks: readonly Rows[], failure: QueryFailure | undefined): AsyncGenerator<Rows> {
  yield* chunks;
  if (failure !== undefined) throw new Error('mid-stream');
};
/** Gives the rows of `outcome`, then fails as it says; before any row when there are none. */
const query = async <T>(_sql: unknown, _options: QueryOptions, consume: (rows: RowStream) => Promise<T>) => {
  const { rows, failure } = outcome;
  if (rows === undefined && failure !== undefined) return err(failure);
  const columns = [{ name: 'day', type: 'VARCHAR' }, { name: 'big', type: 'BIGINT' }]; // prettier-ignore
  try {
    return ok({ value: await consume({ columns, chunks: chunksOf(rows ?? [], failure) }), poolWaitMs: 0, queryMs: 0 });
  } catch {
    return err(failure ?? 'aborted');
  }
};
const engine = { query } as unknown as Engine;

beforeAll(async () => {
  const app = createApi({
    live: {
      current: () => live,
      lease: () => {
        leases += 1;
        return { release: () => (leases -= 1) };
      },
    },
    answers: {
      engine,
      cache: createResponseCache(100, 1_000_000),
      sign: createSigner('a secret of the tests that is long enough for them'),
      timeoutMs: 5000,
      onEngineError: (dataset, epoch, message) => reported.push(`${dataset} ${epoch} ${message}`),
    },
    corsOrigins: [],
    podName: null,
    version: 'test',
    baseUrl: () => '',
    observe: (event) => observed.push(event),
    now: Date.now,
    onKeyUsed: () => undefined,
  });
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, resolve));
});
afterAll(async () => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  observed = [];
  reported = [];
  live = liveOf([endpoint], { auth: 'none', servings: new Map([[endpoint.dataset, servingOf(endpoint)]]) });
});
const get = async (path: string) => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/endpoints/${path}`);

describe.each(['events', 'events.csv', 'events.ndjson', 'events.arrow'])('%s', (path) => {
  test.each<[string, QueryFailure, number, string]>([
    ['a full pool', 'busy', 503, 'busy'],
    ['a query past its time', 'timeout', 504, 'timeout'],
    ['a fault of the engine', { engine: loud }, 500, 'internal'],
  ])('%s before the first row is answered in the envelope', async (_what, failure, status, family) => {
    outcome = { failure };
    const response = await get(path);
    const text = await response.text();
    expect([response.status, JSON.parse(text).error.family]).toEqual([status, family]);
    expect([response.headers.get('etag'), response.headers.get('cache-control')]).toEqual([null, 'no-store']);
    expect(response.headers.get('retry-after') !== null).toBe(status === 503);
    expect(text).not.toMatch(/checksum|SELECT|secret|cache\//);
    expect(reported).toEqual(family === 'internal' ? [`events 1 ${loud}`] : []);
    expect(observed.at(-1)).toMatchObject({ kind: 'request_ended', status, ...(family === 'internal' ? { cause: loud } : {}) });
    expect(leases).toBe(0);
  });

  test('a fault after a few rows is answered in the envelope as well', async () => {
    outcome = { rows: [[['a', 1n]]], failure: { engine: loud } };
    expect((await get(path)).status).toBe(500);
  });

  test('a fault in the middle of a long answer breaks the connection', async () => {
    const chunk = Array.from({ length: 2000 }, (_, n) => ['x'.repeat(1000), BigInt(n)] as const);
    outcome = { rows: [chunk, chunk, chunk], failure: { engine: loud } };
    const got = await get(`${path}?limit=1000000`).then(
      async (response) => response.arrayBuffer().then(() => response.status, () => 'broken'),
      () => 'broken',
    ); // prettier-ignore
    expect(got).toBe('broken');
    expect(leases).toBe(0);
  });
});

test('a gateway without a folder to write to has no Parquet', async () => {
  expect((await get('events.parquet')).status).toBe(406);
});

test('a failure is not kept: the next request asks again', async () => {
  outcome = { failure: 'busy' };
  expect((await get('events?limit=3')).status).toBe(503);
  outcome = { rows: [[['a', 1n]]] };
  const answers = [await (await get('events?limit=3')).json(), await (await get('events?limit=3')).json()] as any[];
  expect(answers.map(({ data, meta }) => [data, meta.cache])).toEqual([[[{ day: 'a', big: 1 }], 'miss'], [[{ day: 'a', big: 1 }], 'hit']]); // prettier-ignore
});

test('before there is a configuration everything is not ready, except an unknown route', async () => {
  live = { ...live, revision: null };
  const response = await get('events?zz=1');
  expect([response.status, ((await response.json()) as any).error.family, response.headers.get('retry-after')]).toEqual([
    503,
    'not_ready',
    '1',
  ]);
  expect((await get('../nowhere')).status).toBe(404);
});
