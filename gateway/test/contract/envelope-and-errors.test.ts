// The contract's section "Envelope and errors", a test per sentence: real gateways, and the real API over an engine that fails on demand.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { QueryFailure } from '../../src/domain/engine.ts';
import { endpointOf, servingOf } from '../support/compiled.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { type Played, startPlayed } from '../support/played.ts';
import { rawAnswer, rawRequest } from '../support/raw.ts';

let lake: Lake;
let world: World;
let played: Played;
const daily = '/v1/endpoints/daily';
const plain = endpointOf({ freshness: { maxStaleness: '10m' } });
const undeclared = { ...plain, name: 'undeclared', maxStalenessMs: null };

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1), { watermark: '2026-01-31T02:00:00+02:00' });
  const nowhere = { ...visitsDataset('file:///nowhere/manifest.json'), metadata: { name: 'nowhere' } };
  world = await startWorld([
    visitsDataset(lake.url, { snapshot: { keep: 0 } }),
    nowhere,
    endpoint('daily', { version: 3, freshness: { maxStaleness: '26h' } }),
    endpoint('later', { datasetRef: { name: 'nowhere' } }),
    apiKey('acme'),
    apiKey('beta', { endpoints: ['daily'] }),
    apiKey('loud', { tenant: 'acme', limits: { requestsPerSecond: 1, burst: 1, requestsPerDay: 1 } }),
  ]);
  played = await startPlayed([plain, undeclared]);
});
afterAll(async () => {
  await world.end();
  await played.end();
  await lake.remove();
});
afterEach(() => {
  played.outcome = { rows: [[['2026-01-01', 1n]]] };
  played.nowMs = Date.parse('2026-01-31T00:10:00Z');
  played.live = { ...played.live, servings: new Map([['events', servingOf(plain)]]) };
  played.reset();
});

const ask = async (path: string, token: string | null = 'acme-token', init: RequestInit = {}) => {
  const response = await world.get(path, token, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
};
const playedMeta = async (path: string): Promise<any> => ((await (await played.get(path)).json()) as any).meta;
const serve = (watermark: string | null): void => {
  played.live = { ...played.live, servings: new Map([['events', servingOf(plain, { watermark })]]) };
};

describe('200', () => {
  test('200: {data:[…], meta:{request_id,endpoint,version,snapshot_id,generated_at,row_count,serving_mode,cache,freshness{watermark,age_seconds,max_staleness_minutes,stale}}}, content type application/json.', async () => {
    const { status, headers, body } = await ask(`${daily}?from=2026-01-29&to=2026-01-29`);
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(body).toEqual({
      data: [{ day: '2026-01-29', visits: 33, rows: 33 }],
      meta: {
        request_id: headers.get('x-request-id'),
        endpoint: 'daily',
        version: 3,
        snapshot_id: 'a1',
        generated_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
        row_count: 1,
        serving_mode: 'local_table',
        cache: 'miss',
        freshness: { watermark: expect.any(String), age_seconds: expect.any(Number), max_staleness_minutes: 1560, stale: true },
        next_cursor: null,
      },
    });
  });

  test("row_count = rows in this page. generated_at = UTC time this response was built (changes on cache hits). version = the endpoint's integer.", async () => {
    for (const [limit, rows] of [[4, 4], [15, 15], [50, 15]])
      expect((await ask(`${daily}?limit=${limit}`)).body).toMatchObject({ data: { length: rows }, meta: { row_count: rows, version: 3 } }); // prettier-ignore
    expect((await ask(`${daily}?offset=15`)).body.meta.row_count).toBe(0);
    const first = await playedMeta('events?limit=1');
    played.nowMs += 1500;
    expect([first, await playedMeta('events?limit=1')]).toMatchObject([
      { cache: 'miss', generated_at: '2026-01-31T00:10:00.000Z', version: 1 },
      { cache: 'hit', generated_at: '2026-01-31T00:10:01.500Z', version: 1 },
    ]);
  });

  test('watermark verbatim from the manifest; age_seconds whole seconds now−watermark (null if none; negative for the future); max_staleness_minutes null when undeclared; stale = age > minutes×60 (strict), false when either is unknown.', async () => {
    expect((await ask(daily)).body.meta.freshness.watermark).toBe('2026-01-31T02:00:00+02:00');
    const at = '2026-01-31T00:00:00Z';
    const cases = [
      ['events', at, 600_999, { watermark: at, age_seconds: 600, max_staleness_minutes: 10, stale: false }],
      ['events', at, 601_000, { watermark: at, age_seconds: 601, max_staleness_minutes: 10, stale: true }],
      ['events', at, -5000, { watermark: at, age_seconds: -5, max_staleness_minutes: 10, stale: false }],
      ['events', null, 0, { watermark: null, age_seconds: null, max_staleness_minutes: 10, stale: false }],
      ['undeclared', at, 86_400_000, { watermark: at, age_seconds: 86_400, max_staleness_minutes: null, stale: false }],
      ['undeclared', null, 0, { watermark: null, age_seconds: null, max_staleness_minutes: null, stale: false }],
    ] as const;
    for (const [path, watermark, afterMs, freshness] of cases) {
      serve(watermark);
      played.nowMs = Date.parse(at) + afterMs;
      expect((await playedMeta(path)).freshness).toEqual(freshness);
    }
  });

  test('stale data is still 200.', async () => {
    const { status, body } = await ask(daily);
    expect([status, body.meta.freshness.stale, body.data.length]).toEqual([200, true, 15]);
  });
});

describe('the id of a request', () => {
  test('x-request-id header = meta.request_id on success and error.', async () => {
    const asked = [[daily, 'acme-token'], [`${daily}?zz=1`, 'acme-token'], [daily, 'zz'], ['/v1/endpoints/none', 'acme-token'], ['/nowhere', null]] as const; // prettier-ignore
    const ids = new Set<string>();
    for (const [path, token] of asked) {
      const { headers, body } = await ask(path, token);
      expect(body.meta.request_id).toBe(headers.get('x-request-id'));
      ids.add(body.meta.request_id);
    }
    expect(ids.size).toBe(asked.length);
  });

  describe('A client id of 20–200 bytes is echoed, otherwise a new one is generated.', () => {
    test.each([[19, false], [20, true], [200, true], [201, false]])('%i bytes', async (length, isEchoed) => {
      const given = 'a'.repeat(length);
      const { headers, body } = await ask(daily, 'acme-token', { headers: { 'x-request-id': given } });
      expect([headers.get('x-request-id') === given, body.meta.request_id === given]).toEqual([isEchoed, isEchoed]);
      expect(body.meta.request_id.length).toBeGreaterThanOrEqual(20);
    }); // prettier-ignore
  });

  describe('Only [A-Za-z0-9_.:/-] is echoed.', () => {
    test.each(['AZaz09_.:/-'.repeat(3)])('%s is', async (given) => {
      expect((await ask(daily, 'acme-token', { headers: { 'x-request-id': given } })).headers.get('x-request-id')).toBe(given);
    });
    test.each([' ', '"', '<', '{', '%0d', ';', ',', '\u00e9', '\t', '\\', '=', '+', '@'])('%j is not', async (mark) => {
      const given = `${'a'.repeat(15)}${mark}${'a'.repeat(15)}`;
      const { headers, text } = await ask(daily, 'acme-token', { headers: { 'x-request-id': given } });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(text).not.toContain('aaaaaaaaaaaaaaa');
    });
  });
});

/** Every family with its status, each made to happen. */
const failures: readonly (readonly [string, number, string, string | undefined, () => Promise<Response>])[] = [
  ['invalid_param', 422, 'unknown_param', 'zz', async () => world.get(`${daily}?zz=smuggled`, 'acme-token')],
  ['invalid_param', 422, 'invalid_param', 'from', async () => world.get(`${daily}?from=smuggled`, 'acme-token')],
  ['unauthorized', 401, 'unauthorized', undefined, async () => world.get(daily, 'smuggled')],
  ['not_found', 404, 'not_found', undefined, async () => world.get('/v1/endpoints/smuggled', 'acme-token')],
  ['not_found', 404, 'not_found', undefined, async () => world.get('/v1/endpoints/later', 'beta-token')],
  ['not_ready', 503, 'snapshot_not_ready', undefined, async () => world.get('/v1/endpoints/later', 'acme-token')],
  ['gone', 410, 'gone', undefined, async () => world.get(`${daily}?limit=2&cursor=${cursor}`, 'acme-token')],
  ['rate_limited', 429, 'rate_limited', undefined, async () => world.get(daily, 'loud-token').then(async () => world.get(daily, 'loud-token'))],
  ['busy', 503, 'busy', undefined, async () => play('busy')],
  ['timeout', 504, 'timeout', undefined, async () => play('timeout')],
  ['internal', 500, 'internal', undefined, async () => play({ engine: loud })],
]; // prettier-ignore
const loud = 'IO Error: /cache/snapshots/x.duckdb: SELECT "secret" FROM smuggled: computed checksum does not match';
let cursor = '';
const play = async (failure: QueryFailure): Promise<Response> => {
  played.outcome = { failure };
  return played.get('events?limit=9');
};

describe('failures', () => {
  beforeAll(async () => {
    cursor = (await ask(`${daily}?limit=2`)).body.meta.next_cursor;
    await lake.publish('a2', visits(2));
    await until(async () => (await ask(`${daily}?limit=1`)).body.meta.snapshot_id === 'a2');
  });

  describe('Error body {error:{family,message},meta:{request_id}}; families/status invalid_param 422, unauthorized 401, not_found 404, gone 410, rate_limited 429, not_ready 503, busy 503, timeout 504, internal 500; `error.code` is a stable machine word, `error.param` names the parameter.', () => {
    test.each(failures)('%s %i %s', async (family, status, code, param, make) => {
      const response = await make();
      const body = await response.json();
      expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/json; charset=utf-8']);
      expect(body).toEqual({
        error: { family, code, message: expect.stringMatching(/^[^\n]+$/), ...(param === undefined ? {} : { param }) },
        meta: { request_id: response.headers.get('x-request-id') },
      });
    });
  });

  describe('No SQL, path, stack, value or id of another tenant in it.', () => {
    test.each(failures)('%s %i %s', async (_family, _status, _code, _param, make) => {
      const text = await (await make()).text();
      expect(text).not.toMatch(/SELECT|FROM "|\/cache|\/v1|\.ts|\.js|node:|at \w+ \(|smuggled|secret|acme|beta|checksum/);
    });
  });

  test('Engine faults other than busy ⇒ 500 internal with a constant message; details only in the log.', async () => {
    const messages = new Set<string>();
    for (const engine of [loud, 'Binder Error: no column "tenant_id"', 'INTERNAL Error: assertion']) {
      played.reset();
      const response = await play({ engine });
      expect(response.status).toBe(500);
      messages.add(JSON.stringify(((await response.json()) as any).error));
      expect(played.observed.at(-1)).toMatchObject({ kind: 'request_ended', status: 500, cause: engine });
      expect(played.reported).toEqual([`events 1 ${engine}`]);
    }
    expect(messages.size).toBe(1);
    expect((await play('busy')).status).toBe(503);
  });

  test('503 carries Retry-After.', async () => {
    const starting = await (async () => {
      const before = played.live;
      played.live = { ...before, revision: null };
      const response = await played.get('events');
      played.live = before;
      return response;
    })();
    for (const response of [starting, await play('busy'), await world.get('/v1/endpoints/later', 'acme-token')])
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
  });

  describe('Framework-level 404/405/406/413/400 use the same envelope.', () => {
    const auth = 'Authorization: Bearer acme-token';
    test.each([
      [404, 'not_found', 'not_found', rawRequest('GET /nowhere HTTP/1.1')],
      [404, 'not_found', 'not_found', rawRequest(`OPTIONS ${daily} HTTP/1.1`)],
      [405, 'invalid_param', 'method_not_allowed', rawRequest(`POST ${daily} HTTP/1.1`, auth)],
      [406, 'invalid_param', 'not_acceptable', rawRequest(`GET ${daily} HTTP/1.1`, auth, 'Accept: image/png')],
      [413, 'invalid_param', 'too_large', rawRequest(`GET ${daily} HTTP/1.1`, auth, 'Content-Length: 1000001')],
      [400, 'invalid_param', 'bad_request', rawRequest('GET /v1/endpoints/%ff HTTP/1.1', auth)],
      [400, 'invalid_param', 'bad_request', rawRequest(`GET ${daily} HTTP/1.1`, 'Content-Length: 1', 'Content-Length: 2')],
      [400, 'invalid_param', 'bad_request', 'no HTTP at all\r\n\r\n'],
    ])('%i %s %s: %j', async (status, family, code, text) => {
      const answer = await rawAnswer(world.gateway.apiPort, text);
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      const id = /^x-request-id: (.+)$/im.exec(head)?.[1];
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(JSON.parse(body)).toEqual({ error: { family, code, message: expect.any(String) }, meta: { request_id: id } });
    });
  });
});
