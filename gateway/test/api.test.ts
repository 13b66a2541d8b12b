// The API port as its consumers meet it: a whole gateway, real HTTP.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLake, type Lake, visits } from './support/lake.ts';
import { apiKey, endpoint, startWorld, visitsDataset, until, type World } from './support/gateway.ts';

let lake: Lake;
let world: World;
const daily = '/v1/endpoints/daily';
const rows = {
  select: [
    { as: 'day', column: 'day' },
    { as: 'visits', column: 'visits' },
  ],
  filters: [{ column: 'tenant_id', op: 'eq', param: 'who' }],
  orderBy: [{ column: 'visits' }],
};
const resources = () => [
  visitsDataset(lake.url, { snapshot: { keep: 2 } }),
  endpoint('daily', { freshness: { maxStaleness: '26h' } }),
  endpoint('total', {
    params: [],
    query: { select: [{ as: 'visits', column: 'visits', agg: 'sum' }] },
    columns: ['visits'],
    cache: { policy: 'None' },
  }),
  endpoint('scan', { servingMode: 'RemoteScan' }),
  endpoint('open', {
    tenant: undefined,
    params: [
      { name: 'who', type: 'string', required: true },
      { name: 'kind', type: 'enum', enum: ['web', '13+'], aliases: { shop: 'web' } },
      { name: 'n', type: 'integer', max: 10, default: 3 },
      { name: 'at', type: 'timestamp' },
    ],
    combinations: [['who'], ['who', 'kind'], ['who', 'n'], ['who', 'kind', 'n'], ['who', 'at']],
    query: rows,
    columns: ['day', 'visits'],
    pagination: { defaultLimit: 2, maxLimit: 400 },
  }),
  endpoint('old', { deprecation: { since: '2026-10-01', sunset: '2027-01-01', successor: 'daily' } }),
  apiKey('acme'),
  apiKey('beta', { endpoints: ['daily'] }),
];
const json = async (path: string, token: string | null = 'acme-token', init: RequestInit = {}) => {
  const response = await world.get(path, token, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
};
beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  // Of 200 requests at once nobody waits for a connection.
  world = await startWorld(resources(), { OFFLOADER_POD_NAME: 'pod-7', OFFLOADER_POOL_SIZE: '256' });
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

describe('an answer', () => {
  test('has data and meta in one envelope, from the tenant of the key alone', async () => {
    const { status, headers, body } = await json(`${daily}?from=2026-01-30`);
    expect(status).toBe(200);
    expect(body.data).toEqual([{ day: '2026-01-29', visits: 33, rows: 33 }].slice(1));
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    const all = await json(`${daily}?from=2026-01-29&to=2026-01-29`);
    expect(all.body).toEqual({
      data: [{ day: '2026-01-29', visits: 33, rows: 33 }],
      meta: {
        request_id: all.headers.get('x-request-id'),
        endpoint: 'daily',
        version: 1,
        snapshot_id: 'a1',
        generated_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/),
        row_count: 1,
        serving_mode: 'local_table',
        cache: 'miss',
        freshness: { watermark: '2026-01-31T00:01:00.000Z', age_seconds: expect.any(Number), max_staleness_minutes: 1560, stale: true },
        next_cursor: null,
      },
    });
    expect(all.headers.get('x-offloader-pod')).toBe('pod-7');
    expect(all.headers.get('x-content-type-options')).toBe('nosniff');
    expect(all.headers.get('cache-control')).toBe('private, no-cache');
  });

  test('is the same from local_table and remote_scan', async () => {
    const [table, scan] = [await json(`${daily}?limit=100`), await json('/v1/endpoints/scan?limit=100')];
    expect(scan.body.data).toEqual(table.body.data);
    expect(scan.body.data.length).toBe(15);
    expect(scan.body.meta.serving_mode).toBe('remote_scan');
  });

  test('narrows to the columns asked for and leaves everything else as it is', async () => {
    const { body } = await json(`${daily}?columns=%20visits%20,visits&limit=1`);
    expect(body.data).toEqual([{ visits: 33 }]);
  });

  test('carries the deprecation of its endpoint', async () => {
    const { headers } = await json('/v1/endpoints/old');
    expect([headers.get('deprecation'), headers.get('sunset'), headers.get('link')]).toEqual([
      '@1790812800',
      'Fri, 01 Jan 2027 00:00:00 GMT',
      '</v1/endpoints/daily>; rel="successor-version"',
    ]);
  });

  test('echoes a good request id and no other', async () => {
    const given = 'abcdefghij0123456789';
    expect((await json(daily, 'acme-token', { headers: { 'x-request-id': given } })).body.meta.request_id).toBe(given);
    expect((await json(daily, 'acme-token', { headers: { 'x-request-id': `${given} <b>` } })).body.meta.request_id).not.toContain('<');
  });
});

describe('the cache', () => {
  test('answers a repeat from the same bytes, however it is written, and never another tenant', async () => {
    const path = `${daily}?from=2026-01-02&to=2026-01-20`;
    const first = await world.get(path, 'acme-token');
    const again = await world.get(`${daily}?to=2026-01-20&limit=50&offset=0&from=2026-01-02&columns=rows,visits,day`, 'acme-token');
    const [a, b] = [await first.text(), await again.text()];
    expect([JSON.parse(a).meta.cache, JSON.parse(b).meta.cache]).toEqual(['miss', 'hit']);
    expect(b.slice(0, b.indexOf(',"meta"'))).toBe(a.slice(0, a.indexOf(',"meta"')));
    expect((await json(path, 'beta-token')).body.meta.cache).toBe('miss');
    expect((await json('/v1/endpoints/total')).body.meta.cache).toBe('off');
  });

  test('revalidates with 304 before any query', async () => {
    const { headers } = await json(`${daily}?limit=7`);
    const etag = headers.get('etag')!;
    expect(etag).toMatch(/^W\/"/);
    for (const given of [etag, `"x", ${etag}`, '*', etag.slice(2)]) {
      const response = await world.get(`${daily}?limit=7`, 'acme-token', { headers: { 'if-none-match': given } });
      expect([response.status, await response.text(), response.headers.get('etag')]).toEqual([304, '', etag]);
    }
    for (const [path, token] of [[`${daily}?limit=8`, 'acme-token'], [`${daily}?limit=7`, 'beta-token']] as const)
      expect((await world.get(path, token, { headers: { 'if-none-match': etag } })).status).toBe(200); // prettier-ignore
    expect((await world.get(`${daily}?limit=7`, 'acme-token', { headers: { 'if-none-match': `junk${etag}` } })).status).toBe(200);
  });
});

describe('keys', () => {
  test('tenants never see each other, 200 requests at once', async () => {
    await lake.publish(
      't1',
      `SELECT t AS tenant_id, DATE '2026-01-01' AS day, v::BIGINT AS visits FROM (VALUES ('acme', 9223372036854775807), ('beta', 7)) x(t, v)`,
    );
    await until(async () => (await json(`${daily}?limit=1`)).body.meta.snapshot_id === 't1');
    const bodies = await Promise.all(
      Array.from({ length: 200 }, async (_, n) =>
        (await world.get(`${daily}?limit=${1 + (n % 40)}`, n % 2 === 0 ? 'acme-token' : 'beta-token')).text(),
      ),
    );
    for (const [n, body] of bodies.entries()) expect(body).toContain(n % 2 === 0 ? '"visits":9223372036854775807' : '"visits":7');
  });
});

describe('bad requests', () => {
  test.each([
    ['who=a&tenant_id=beta', 'unknown_param', 'tenant_id'],
    ['who=a&x%3Cb%3E=1', 'unknown_param', undefined],
    ['who[]=a', 'unknown_param', undefined],
    ['kind=web', 'invalid_combination', undefined],
    ['', 'invalid_combination', undefined],
    ['who=a&kind=Web', 'invalid_param', 'kind'],
    ['who=a&n=5.0', 'invalid_param', 'n'],
    ['who=a&n=0x1', 'invalid_param', 'n'],
    ['who=a&n=', 'invalid_param', 'n'],
    ['who=a&n=11', 'invalid_param', 'n'],
    ['who=a&n=99999999999999999999', 'invalid_param', 'n'],
    ['who=a&at=2026-02-30T00:00:00Z', 'invalid_param', 'at'],
    ['who=a&columns=', 'invalid_columns', 'columns'],
    ['who=a&columns=day,tenant_id', 'invalid_columns', 'columns'],
    ['who=a&limit=0', 'invalid_limit', 'limit'],
    ['who=a&limit=401', 'invalid_limit', 'limit'],
    ['who=a&limit[]=1', 'unknown_param', undefined],
    ['who=a&offset=-1', 'invalid_offset', 'offset'],
    ['who=a&cursor=zz', 'invalid_cursor', 'cursor'],
  ])('%s is 422 %s', async (query, code, param) => {
    const { status, body } = await json(`/v1/endpoints/open?${query}`);
    expect([status, body.error.family, body.error.code, body.error.param]).toEqual([422, 'invalid_param', code, param]);
  });

  test.each([
    ['who=a&who=acme', 200],
    ['who=acme&n=007', 200],
    ['who=acme&kind=13+', 200],
    ['who=acme&kind=shop', 200],
    [`who=${encodeURIComponent(`' OR 1=1 --`)}`, 200],
    ['who=%ff', 400],
    ['who=%zz', 400],
  ])('%s answers %i', async (query, status) => {
    expect((await json(`/v1/endpoints/open?${query}`)).status).toBe(status);
  });

  test('injection text matches nothing', async () => {
    for (const text of [`' OR '1'='1`, `acme'; DROP TABLE data; --`, `acme\u0000`, `$1`, `"tenant_id"`]) {
      const { status, body } = await json(`/v1/endpoints/open?who=${encodeURIComponent(text)}`);
      expect([status, body.data]).toEqual([200, []]);
    }
  });
});

describe('the edge', () => {
  test('every request is counted under its declared name and no unknown one makes a series', async () => {
    const page = await (await world.admin('/metrics')).text();
    expect(page).toMatch(/offloader_requests_total\{endpoint="daily",status="ok"\} [1-9]/);
    expect(page).toMatch(/offloader_requests_total\{endpoint="open",status="client_error"\} [1-9]/);
    expect(page).not.toContain('no_such');
  });
});
