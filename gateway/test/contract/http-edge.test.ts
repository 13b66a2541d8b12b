// The contract's section "HTTP edge" but for its origins and forms: real gateways, and the real API over an engine that counts its queries.
import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { endpointOf, servingOf } from '../support/compiled.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { aRow, type Played, startPlayed } from '../support/played.ts';
import { rawAnswer, rawRequest } from '../support/raw.ts';

let lake: Lake;
let open: World;
let keyed: World;
let played: Played;
const daily = '/v1/endpoints/daily';
const rows = { select: [{ as: 'day', column: 'day' }, { as: 'visits', column: 'visits' }], orderBy: [{ column: 'visits' }, { column: 'day' }] }; // prettier-ignore
const longRows = { params: [], query: rows, columns: ['day', 'visits'], pagination: { defaultLimit: 10, maxLimit: 100_000 } };
const openResources = (spec: Record<string, unknown> = {}) => [
  visitsDataset(lake.url, { tenantColumn: undefined }),
  endpoint('daily', { tenant: undefined, ...spec }),
];
const declared = endpointOf({ freshness: { maxStaleness: '10m' }, params: [{ name: 'from', type: 'date' }], query: { ...rows, select: [{ as: 'day', column: 'day' }], orderBy: [], filters: [{ column: 'day', op: 'gte', param: 'from' }] } }); // prettier-ignore
const aDay = { ...declared, name: 'a_day', maxStalenessMs: 86_400_000 };
const undeclared = { ...declared, name: 'undeclared', maxStalenessMs: null };

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1, 100_000));
  open = await startWorld(openResources(), { OFFLOADER_AUTH: 'none' });
  keyed = await startWorld([visitsDataset(lake.url, { snapshot: { pin: 'a1' } }), endpoint('daily'), endpoint('rows', longRows), apiKey('acme'), apiKey('beta')]); // prettier-ignore
  played = await startPlayed([declared, aDay, undeclared]);
});
afterAll(async () => {
  await open.end();
  await keyed.end();
  await played.end();
  await lake.remove();
});
afterEach(() => {
  played.nowMs = Date.parse('2026-01-31T00:10:00Z');
  played.outcome = { rows: [aRow] };
  played.reset();
});

type Asking = (path: string, ifNoneMatch?: string) => Promise<Response>;
const asking =
  (world: World, token: string | null): Asking =>
  async (path, ifNoneMatch) =>
    world.get(path, token, ifNoneMatch === undefined ? {} : { headers: { 'if-none-match': ifNoneMatch } });
const askOpen: Asking = async (path, ifNoneMatch) => asking(open, null)(path, ifNoneMatch);
const askKeyed: Asking = async (path, ifNoneMatch) => asking(keyed, 'acme-token')(path, ifNoneMatch);
const askPlayed: Asking = async (path, ifNoneMatch) => played.get(path, ifNoneMatch === undefined ? {} : { headers: { 'if-none-match': ifNoneMatch } }); // prettier-ignore
const jsonOf = async (response: Response): Promise<any> => response.json();
const etagOf = ({ headers }: Response): string => headers.get('etag') ?? 'none';
const cacheControlOf = ({ headers }: Response): string | null => headers.get('cache-control');
/** `max-age` of an answer when its data is so old. */
const maxAgeAt = async (path: string, ageSeconds: number): Promise<string | null> => {
  played.live = { ...played.live, servings: new Map([['events', servingOf(declared)]]) };
  played.nowMs = Date.parse('2026-01-31T00:00:00Z') + ageSeconds * 1000;
  return cacheControlOf(await askPlayed(path));
};
const shared = (maxAge: number): string => `public, max-age=${maxAge}, stale-while-revalidate=60`;

describe('caches', () => {
  test("Public (auth none) 200: weak ETag (the body's meta differs each time) from (endpoint, version, params, snapshot) + `Cache-Control: public, max-age=N, stale-while-revalidate=60`; N = min(max_staleness_minutes×60, 3600), or 60 when undeclared.", async () => {
    const [first, again] = [await askOpen(daily), await askOpen(daily)];
    expect([first.status, etagOf(first), etagOf(again)]).toEqual([200, expect.stringMatching(/^W\/"[\w-]{20,}"$/), etagOf(first)]);
    expect((await jsonOf(first)).meta.generated_at).not.toBe((await jsonOf(again)).meta.generated_at);
    // Each of the four counts; twin names have nothing else that differs.
    const before = etagOf(await askPlayed('events'));
    expect(etagOf(await askPlayed('events?from=2026-01-01'))).not.toBe(before);
    const live = played.live;
    const variants = [
      { endpoints: new Map([['events', { ...declared, version: declared.version + 1 }]]) },
      { endpoints: new Map([['events', { ...declared, name: 'other' }]]) },
      { servings: new Map([['events', servingOf(declared, { snapshotId: 's2' })]]) },
    ];
    for (const changed of variants) {
      played.live = { ...live, ...changed };
      expect(etagOf(await askPlayed('events'))).not.toBe(before);
    }
    played.live = live;
    expect(etagOf(await askPlayed('events'))).toBe(before);
    expect([await maxAgeAt('events', 0), await maxAgeAt('a_day', 0), await maxAgeAt('undeclared', 0)]).toEqual([600, 3600, 60].map(shared));
  });

  test('If-None-Match: exact list members, `W/` prefix accepted, `*` matches ⇒ 304, empty body, same ETag and Cache-Control.', async () => {
    const first = await askPlayed('events');
    const etag = etagOf(first);
    for (const header of [etag, etag.replace('W/', ''), `"x", ${etag}`, `${etag} ,W/"y"`, `"a,b",${etag}`, '*']) {
      const again = await askPlayed('events', header);
      expect([header, again.status, await again.text(), etagOf(again), cacheControlOf(again)]).toEqual([header, 304, '', etag, cacheControlOf(first)]); // prettier-ignore
      expect([again.headers.get('content-type'), again.headers.get('content-length')]).toEqual([null, null]);
    }
  });

  test('ETag inside junk does not match.', async () => {
    const etag = etagOf(await askPlayed('events'));
    const opaque = etag.replace('W/', '');
    const bare = opaque.replaceAll('"', '');
    for (const header of [`x${etag}`, `${etag}x`, `junk ${opaque}`, bare, `"${bare}x"`, `w/${opaque}`, `"x,${opaque},y"`, `${etag}; ${etag}`, '"*"', `x, *`])
      expect([header, (await askPlayed('events', header)).status]).toEqual([header, 200]);
  }); // prettier-ignore

  test('Different params ⇒ different ETag; after a swap or version bump the old ETag gives 200.', async () => {
    const paths = ['', '?from=2026-01-02', '?to=2026-01-02', '?limit=7', '?limit=7&offset=1', '?columns=day', '?columns=visits'].map((query) => `${daily}${query}`); // prettier-ignore
    const etags = new Set<string>();
    for (const path of paths) etags.add(etagOf(await askOpen(path)));
    expect(etags.size).toBe(paths.length);
    const old = etagOf(await askOpen(daily));
    expect((await askOpen(daily, old)).status).toBe(304);
    await lake.publish('a2', visits(2));
    await until(async () => (await jsonOf(await askOpen(daily))).meta.snapshot_id === 'a2');
    expect((await askOpen(daily, old)).status).toBe(200);
    const newer = etagOf(await askOpen(daily));
    expect([newer === old, (await askOpen(daily, newer)).status]).toEqual([false, 304]);
    await open.write(openResources({ version: 2 }));
    await until(async () => (await jsonOf(await askOpen(daily))).meta.version === 2);
    expect((await askOpen(daily, newer)).status).toBe(200);
  });

  test('Authed responses: `Cache-Control: private, no-cache` with an ETag that also covers tenant and columns, so a keyed client revalidates for a 304 but nothing shared ever stores it.', async () => {
    const [acme, beta, narrow] = [await askKeyed(daily), await asking(keyed, 'beta-token')(daily), await askKeyed(`${daily}?columns=day`)];
    expect([acme, beta, narrow].map(cacheControlOf)).toEqual(new Array(3).fill('private, no-cache'));
    expect(new Set([acme, beta, narrow].map(etagOf)).size).toBe(3);
    for (const [asks, path, etag, status] of [
      [askKeyed, daily, etagOf(acme), 304],
      [asking(keyed, 'beta-token'), daily, etagOf(beta), 304],
      [asking(keyed, 'beta-token'), daily, etagOf(acme), 200],
      [askKeyed, daily, etagOf(narrow), 200],
      [asking(keyed, null), daily, etagOf(acme), 401],
    ] as const) {
      const response = await asks(path, etag);
      expect([response.status, cacheControlOf(response)]).toEqual([status, status === 401 ? 'no-store' : 'private, no-cache']);
    }
  });

  test('Error responses are never cacheable.', async () => {
    const port = keyed.gateway.apiPort;
    const auth = 'Authorization: Bearer acme-token';
    const errors = [
      [400, 'GET /v1/endpoints/%ff HTTP/1.1', auth],
      [400, `GET ${daily} HTTP/1.1`, ': x'],
      [401, `GET ${daily} HTTP/1.1`, 'If-None-Match: *'],
      [404, 'GET /v1/endpoints/none HTTP/1.1', auth],
      [404, 'GET /nowhere HTTP/1.1', auth],
      [405, `POST ${daily} HTTP/1.1`, auth],
      [406, `GET ${daily} HTTP/1.1`, `${auth}\r\nAccept: image/png`],
      [413, `GET ${daily} HTTP/1.1`, `${auth}\r\nContent-Length: 1000001`],
      [422, `GET ${daily}?zz=1 HTTP/1.1`, `${auth}\r\nIf-None-Match: *`],
      [431, `GET ${daily} HTTP/1.1`, `X-Long: ${'a'.repeat(20_000)}`],
    ] as const;
    for (const [status, line, header] of errors) {
      const answer = await rawAnswer(port, rawRequest(line, header));
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\ncache-control: no-store\r\n`, 'i'));
      expect(answer).not.toMatch(/\r\n(etag|expires|last-modified):/i);
    }
    for (const failure of ['busy', 'timeout', { engine: 'Binder Error' }] as const) {
      played.outcome = { failure };
      const response = await askPlayed('events?limit=9');
      expect([response.status >= 500, cacheControlOf(response), response.headers.get('etag')]).toEqual([true, 'no-store', null]);
    }
  });

  test("304 is decided before any query runs; max-age shrinks with the data's age.", async () => {
    for (const suffix of ['', '.csv', '.ndjson', '.arrow']) {
      const etag = etagOf(await askPlayed(`events${suffix}?limit=3`));
      expect(played.queries()).toBe(1);
      played.outcome = { failure: 'busy' };
      expect((await askPlayed(`events${suffix}?limit=3`, etag)).status).toBe(304);
      expect(played.queries()).toBe(1);
      played.outcome = { rows: [aRow] };
      played.reset();
    }
    for (const [path, age, maxAge] of [
      ['events', 1, 599],
      ['events', 200, 400],
      ['events', 600, 0],
      ['events', 5000, 0],
      ['events', -100, 600],
      ['a_day', 82_800, 3600],
      ['a_day', 86_000, 400],
      ['undeclared', 86_000, 60],
    ] as const)
      expect([path, age, await maxAgeAt(path, age)]).toEqual([path, age, shared(maxAge)]);
  });
});

/** Status and headers of an answer as they came, but for what tells the moment. */
const headOf = async (method: string, path: string, headers: Record<string, string>): Promise<readonly unknown[]> =>
  new Promise((resolve, reject) => {
    httpRequest({ port: keyed.gateway.apiPort, host: '127.0.0.1', method, path, headers }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () => {
        const { date: _date, 'server-timing': timing, ...told } = response.headers;
        resolve([response.statusCode, { ...told, timing: typeof timing }, method === 'HEAD' ? bytes : 0]);
      });
    })
      .on('error', reject)
      .end();
  });

describe('methods', () => {
  describe('HEAD = GET without body (status, headers equal).', () => {
    const known = { authorization: 'Bearer acme-token', 'x-request-id': 'the-same-id-for-both-of-them' };
    test.each([
      ['a page', daily, known],
      ['a page that is revalidated', daily, { ...known, 'if-none-match': '*' }],
      ...['json', 'csv', 'ndjson', 'arrow', 'parquet'].flatMap((format) => [
        [`a short ${format}`, `/v1/endpoints/rows.${format}`, known] as const,
        [`a long ${format}`, `/v1/endpoints/rows.${format}?limit=50000`, known] as const,
      ]),
      ['a wrong parameter', `${daily}?zz=1`, known],
      ['an unknown endpoint', '/v1/endpoints/none', known],
      ['no key', daily, { 'x-request-id': known['x-request-id'] }],
      ['an unknown path', '/nowhere', known],
      ['/mcp', '/mcp', known],
      ['/healthz', '/healthz', known],
    ] as const)('%s', async (_what, path, headers) => {
      // Whether an answer was kept already is told in its meta: both are asked for when it is.
      await headOf('GET', path, headers);
      expect(await headOf('HEAD', path, headers)).toEqual(await headOf('GET', path, headers));
    });
  });

  describe('POST/PUT/PATCH/DELETE on a known path ⇒ 405 + Allow.', () => {
    test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s', async (method) => {
      const paths = [daily, '/v1/endpoints/none', '/healthz', ...(method === 'POST' ? [] : ['/mcp'])];
      for (const path of paths) {
        const response = await keyed.get(path, null, { method, body: method === 'DELETE' ? null : '{}' });
        expect([path, response.status, response.headers.get('allow')]).toEqual([path, 405, path === '/mcp' ? 'POST' : 'GET, HEAD']);
        expect((await jsonOf(response)).error).toMatchObject({ family: 'invalid_param', code: 'method_not_allowed' });
      }
      expect((await keyed.get('/nowhere', null, { method })).status).toBe(404);
    });
  });
});

describe('paths and bodies', () => {
  test('Trailing slash on the endpoint path is accepted .', async () => {
    const dataOf = async (path: string): Promise<unknown> => (await jsonOf(await askKeyed(path))).data;
    expect(await dataOf(`${daily}/?limit=3`)).toEqual(await dataOf(`${daily}?limit=3`));
    expect(await (await askKeyed(`${daily}.csv/`)).text()).toBe(await (await askKeyed(`${daily}.csv`)).text());
    expect([(await askKeyed(`${daily}//`)).status, (await askKeyed('/v1/endpoints/')).status]).toEqual([404, 404]);
  });

  test('Bodies over 1 MB ⇒ 413.', async () => {
    const head = (line: string, ...headers: readonly string[]): string => rawRequest(line, 'Authorization: Bearer acme-token', ...headers);
    const chunked = (line: string, bytes: number): string =>
      `${head(line, 'Content-Type: application/json', 'Transfer-Encoding: chunked')}${bytes.toString(16)}\r\n${' '.repeat(bytes)}\r\n0\r\n\r\n`;
    const whole = (line: string, bytes: number): string => `${head(line, 'Content-Type: application/json', `Content-Length: ${bytes}`)}${' '.repeat(bytes)}`; // prettier-ignore
    const [get, post, unknown] = [`GET ${daily} HTTP/1.1`, 'POST /mcp HTTP/1.1', 'GET /nowhere HTTP/1.1'];
    for (const [text, status] of [
      [whole(get, 1_000_001), 413],
      [chunked(get, 1_000_001), 413],
      [whole(post, 1_000_001), 413],
      [chunked(post, 1_000_001), 413],
      [whole(unknown, 1_000_001), 413],
      [whole(get, 1_000_000), 200],
      [chunked(get, 1_000_000), 200],
    ] as const)
      expect(await rawAnswer(keyed.gateway.apiPort, text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  describe('X-Content-Type-Options: nosniff on both ports.', () => {
    const paths = {
      api: [daily, `${daily}.csv`, `${daily}.parquet`, `${daily}?zz=1`, '/v1/endpoints/none', '/healthz', '/nowhere', '/%ff', '/mcp'],
      admin: ['/live', '/ready', '/status', '/metrics', '/diagnostics', '/', '/docs', '/docs/', '/docs/assets/page.js', `/docs/try${daily}`, '/docs/assets/%ff', '/openapi.json', '/schema', '/nowhere', '/docs/try/nowhere'],
    } as const; // prettier-ignore
    test.each(['api', 'admin'] as const)('the %s port', async (which) => {
      const port = which === 'api' ? keyed.gateway.apiPort : keyed.gateway.adminPort;
      const requests = [
        ...paths[which].flatMap((path) => [rawRequest(`GET ${path} HTTP/1.1`, 'Authorization: Bearer acme-token'), rawRequest(`POST ${path} HTTP/1.1`)]),
        rawRequest(`GET ${paths[which][0]} HTTP/1.1`, 'Authorization: Bearer acme-token', 'If-None-Match: *'),
        rawRequest(`GET ${paths[which][0]} HTTP/1.1`, 'Expect: miracles'),
        `GET ${paths[which][0]} HTTP/1.1\r\nConnection: close\r\n\r\n`,
        rawRequest('GET * HTTP/1.1'),
        rawRequest(`GET / HTTP/1.1`, `X-Long: ${'a'.repeat(20_000)}`),
        'hello\r\n\r\n',
      ]; // prettier-ignore
      for (const text of requests) expect(await rawAnswer(port, text)).toMatch(/^HTTP\/1\.1 \d{3} [^]*\r\nx-content-type-options: nosniff\r\n/i);
    }); // prettier-ignore
  });
});
