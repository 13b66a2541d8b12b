// The contract's section "Authentication and grants (API port)", a test per sentence: real gateways, and the real API over counted look-ups.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledKey } from '@offloader/contract';
import { type Gateway, parseSettings, startGateway } from '../../src/index.ts';
import { endpointOf } from '../support/compiled.ts';
import { apiKey, endpoint, removeUsed, secretKeyBase, sha256, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { startPlayed } from '../support/played.ts';
import { rawAnswer, rawRequest } from '../support/raw.ts';

let lake: Lake;
/** Keys are needed, cross-origin is answered, one connection serves all. */
let world: World;
let open: World;
/** Runs without a configuration: its mount is still empty. */
let starting: Gateway;
let emptyFolder: string;
const daily = '/v1/endpoints/daily';
const plainRows = {
  params: [],
  query: { select: [{ as: 'day', column: 'day' }] },
  columns: ['day'],
  pagination: { defaultLimit: 1, maxLimit: 1_000_000 },
  cache: { policy: 'None' },
};

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1, 3_000_000));
  const nowhere = { ...visitsDataset('file:///nowhere/manifest.json'), metadata: { name: 'nowhere' } };
  world = await startWorld(
    [
      visitsDataset(lake.url),
      nowhere,
      endpoint('daily'),
      endpoint('total'),
      endpoint('shared', { tenant: undefined }),
      endpoint('rows', plainRows),
      endpoint('scan', { ...plainRows, servingMode: 'RemoteScan' }),
      endpoint('later', { datasetRef: { name: 'nowhere' } }),
      apiKey('acme'),
      apiKey('beta', { endpoints: ['daily', 'rows'] }),
      apiKey('nobody', { tenant: undefined }),
      apiKey('gone', { tenant: 'acme', state: 'Revoked' }),
      apiKey('late', { tenant: 'acme', expiresAt: '2020-01-01T00:00:00Z' }),
    ],
    { OFFLOADER_POOL_SIZE: '1', OFFLOADER_CORS_ORIGINS: '*', OFFLOADER_QUERY_TIMEOUT: '10m' },
    // Files that a test removes are missed by whoever reads them, not by a look at the volume.
    { volumeCheckMs: 3_600_000 },
  );
  open = await startWorld([visitsDataset(lake.url, { tenantColumn: undefined }), endpoint('daily', { tenant: undefined })], { OFFLOADER_AUTH: 'none' }); // prettier-ignore
  emptyFolder = await mkdtemp(join(tmpdir(), 'offloader-empty-'));
  await mkdir(join(emptyFolder, 'config'));
  const settings = parseSettings({
    OFFLOADER_CONFIG: join(emptyFolder, 'config'),
    OFFLOADER_CACHE_DIR: join(emptyFolder, 'cache'),
    OFFLOADER_API_PORT: '0',
    OFFLOADER_ADMIN_PORT: '0',
    OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
  });
  if (!settings.ok) throw new Error(settings.error);
  starting = await startGateway(settings.value, { waitsForMount: true, observe: () => undefined });
});
afterAll(async () => {
  await world.end();
  await open.end();
  await starting.stop();
  await removeUsed(emptyFolder);
  await lake.remove();
});

const read = async (response: Response) => {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, error: text === '' ? null : JSON.parse(text).error };
};
const ask = async (path: string, token: string | null = 'acme-token', init: RequestInit = {}) => read(await world.get(path, token, init));
const outcome = async (path: string, token: string | null = 'acme-token') => {
  const { status, error } = await ask(path, token);
  return `${status} ${error?.code ?? 'ok'}`;
};
/** An answer to these header lines, as client libraries do not send them. */
const withHeaders = async (...headers: readonly string[]) => {
  const answer = await rawAnswer(world.gateway.apiPort, rawRequest(`GET ${daily} HTTP/1.1`, ...headers));
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.slice(9, 12)), head, error: JSON.parse(body).error as unknown };
};
const unauthorized = {
  family: 'unauthorized',
  code: 'unauthorized',
  message: 'a valid API key is required: Authorization: Bearer <key>',
};

/** A reader that stands still holds the one connection until it is let go. */
const holdConnection = async (): Promise<() => void> => {
  const socket = connect(world.gateway.apiPort, '127.0.0.1');
  socket.write('GET /v1/endpoints/rows.csv?limit=1000000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme-token\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return () => socket.destroy();
};

describe('Order of outcomes: preflight → unknown route 404 → service starting 503 → 401 → 404 grant → 404 endpoint → 503 snapshot → 422 params → 503 busy → 500.', () => {
  test('a preflight before an unknown route and before a key is asked for', async () => {
    for (const path of ['/nowhere', daily]) {
      const { status } = await ask(path, null, { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'GET' } });
      expect([path, status]).toEqual([path, 204]);
    }
  }); // prettier-ignore

  test('an unknown route before a service that starts, and that before a key', async () => {
    const at = `http://127.0.0.1:${starting.apiPort}`;
    const statuses = async (path: string) => (await fetch(`${at}${path}`)).status;
    expect([await statuses('/nowhere'), await statuses('/v1'), await statuses(daily)]).toEqual([404, 404, 503]);
    expect([await outcome('/nowhere', null), await outcome('/v1/endpoints', 'zz')]).toEqual(['404 not_found', '404 not_found']);
  });

  test('a key before a grant, a grant and an endpoint before a snapshot', async () => {
    expect([await outcome('/v1/endpoints/total', 'zz'), await outcome('/v1/endpoints/total', 'beta-token')]).toEqual(['401 unauthorized', '404 not_found']);
    expect([await outcome('/v1/endpoints/later', 'beta-token'), await outcome('/v1/endpoints/no_such')]).toEqual(['404 not_found', '404 not_found']);
    expect(await outcome('/v1/endpoints/later')).toBe('503 snapshot_not_ready');
  }); // prettier-ignore

  test('a grant and an endpoint before parameters, a snapshot before parameters', async () => {
    expect([await outcome('/v1/endpoints/total?zz=1', 'beta-token'), await outcome('/v1/endpoints/no_such?zz=1')]).toEqual(['404 not_found', '404 not_found']);
    expect(await outcome('/v1/endpoints/later?zz=1&limit=0')).toBe('503 snapshot_not_ready');
  }); // prettier-ignore

  test('parameters before a busy pool, and that before a fault of the data', async () => {
    const stored = (await readdir(world.cacheDir, { recursive: true })).filter((name) => name.endsWith('.parquet'));
    expect(stored.length).toBeGreaterThan(0);
    const letGo = await holdConnection();
    for (const name of stored) await rm(join(world.cacheDir, name));
    expect([await outcome('/v1/endpoints/rows?zz=1'), await outcome('/v1/endpoints/rows')]).toEqual(['422 unknown_param', '503 busy']);
    expect(await outcome('/v1/endpoints/scan')).toBe('503 busy');
    letGo();
    await until(async () => (await outcome('/v1/endpoints/rows')) === '200 ok');
    expect(await outcome('/v1/endpoints/scan')).toBe('500 internal');
    // The files come again from the source.
    await until(async () => (await outcome('/v1/endpoints/scan')) === '200 ok');
  });
});

test('So a bad param on a not-ready dataset is 503; a bad key on an unknown endpoint is 401.', async () => {
  const [bad, encoded] = [await ask('/v1/endpoints/later?from=2026-02-30'), await ask('/v1/endpoints/later?from=%ff')];
  for (const { status, headers, error } of [bad, encoded])
    expect([status, error.family, Number(headers.get('retry-after')) > 0]).toEqual([503, 'not_ready', true]);
  expect(await outcome('/v1/endpoints/no_such', 'zz')).toBe('401 unauthorized');
});

test('Header must be exactly `Authorization: Bearer <non-empty>` (case-sensitive scheme, one header).', async () => {
  const good = 'Authorization: Bearer acme-token';
  expect((await withHeaders(good)).status).toBe(200);
  // The header's name has no case in HTTP.
  expect((await withHeaders('authorization: Bearer acme-token')).status).toBe(200);
  for (const scheme of ['bearer', 'BEARER', 'Bearer:', 'Token', 'Bearer '])
    expect([scheme, (await withHeaders(`Authorization: ${scheme} acme-token`)).status]).toEqual([scheme, 401]);
  for (const second of [good, 'Authorization: Bearer zz', 'AUTHORIZATION: Bearer acme-token', 'Authorization:'])
    for (const pair of [[good, second], [second, good]]) expect([pair, (await withHeaders(...pair)).status]).toEqual([pair, 401]); // prettier-ignore
  for (const token of [
    'acme-token,',
    'acme-token x',
    '"acme-token"',
    'ACME-TOKEN',
    'acme-toke',
    'acme-tokens',
    'acme-token, Bearer acme-token',
  ])
    expect([token, (await withHeaders(`Authorization: Bearer ${token}`)).status]).toEqual([token, 401]);
});

const refusedHeaders = [
  ['no header', []],
  ['Basic', ['Authorization: Basic YWNtZS10b2tlbg==']],
  ['a scheme in lower case', ['Authorization: bearer acme-token']],
  ['an empty token', ['Authorization: Bearer ']],
  ['the scheme alone', ['Authorization: Bearer']],
  ['an empty header', ['Authorization:']],
  ['two headers', ['Authorization: Bearer acme-token', 'Authorization: Bearer acme-token']],
] as const;
describe('Missing, Basic, `bearer x`, empty token, two headers ⇒ 401 `unauthorized`.', () => {
  test.each(refusedHeaders)('%s', async (_what, headers) => {
    const { status, error } = await withHeaders(...headers);
    expect([status, error]).toEqual([401, unauthorized]);
  });
});

test('With WWW-Authenticate.', async () => {
  for (const [, headers] of [...refusedHeaders, ['an unknown token', ['Authorization: Bearer zz']] as const])
    expect((await withHeaders(...headers)).head).toMatch(/\r\nWWW-Authenticate: Bearer(\r\n|$)/);
  expect((await ask(`${daily}?zz=1`)).headers.get('www-authenticate')).toBeNull();
});

test('Unknown token, revoked key with right token, garbage (`../etc/passwd`, long, non-ASCII) ⇒ 401, never 500; the same body for all.', async () => {
  const tokens = ['zz', 'gone-token', 'late-token', '../etc/passwd', 'a'.repeat(10_000), 'caf\u00e9 \u{1f511}', "' OR 1=1 --", '%00', '__proto__', 'constructor', sha256('acme-token')];
  const heads = new Set<string>();
  for (const token of tokens) {
    const { status, head, error } = await withHeaders(`Authorization: Bearer ${token}`);
    expect([token, status, error]).toEqual([token, 401, unauthorized]);
    heads.add(head.replace(/x-request-id: .*/, '').replace(/Date: .*/, ''));
  }
  expect(heads.size).toBe(1);
}); // prettier-ignore

describe('Keys are looked up by the SHA-256 of the token (O(1) for 5,000 keys); nothing about timing tells one unknown token from another.', () => {
  /** Knows every look-up, and fails on any walk over the keys. */
  class CountedKeys extends Map<string, CompiledKey> {
    readonly asked: string[] = [];
    override get(hash: string): CompiledKey | undefined {
      this.asked.push(hash);
      return super.get(hash);
    }
    override forEach = (): never => this.walked();
    override keys = (): never => this.walked();
    override values = (): never => this.walked();
    override entries = (): never => this.walked();
    override [Symbol.iterator] = (): never => this.walked();
    private walked(): never {
      throw new Error('a walk over the keys');
    }
  }

  test('one look-up by its hash for each request, whatever the token', async () => {
    const one = endpointOf();
    const played = await startPlayed([one]);
    try {
      const keys = new CountedKeys();
      for (let n = 0; n < 5000; n += 1) {
        const hash = sha256(`token-${n}`);
        const limits = { requestsPerSecond: null, burst: null, requestsPerDay: null };
        keys.set(hash, { id: `key-${n}`, tenant: null, endpoints: ['*'], state: n === 7 ? 'Revoked' : 'Active', expiresAt: null, hashes: [{ sha256: hash, notAfter: null }], limits });
      }
      played.live = { ...played.live, auth: 'required', keys };
      const cases = [['token-0', 200], ['token-4999', 200], ['token-7', 401], ['token-5000', 401], ['token-', 401], ['z', 401], ['a'.repeat(5000), 401]] as const;
      for (const [token, status] of cases) expect((await played.get('events', { headers: { authorization: `Bearer ${token}` } })).status).toBe(status);
      expect(keys.asked).toEqual(cases.map(([token]) => sha256(token)));
    } finally {
      await played.end();
    }
  }); // prettier-ignore
});

test("Endpoint not in the key's list ⇒ 404 with `error` identical to that of an unknown name.", async () => {
  const unknown = await ask('/v1/endpoints/no_such', 'beta-token');
  expect([unknown.status, unknown.error.family]).toEqual([404, 'not_found']);
  for (const [path, token] of [
    ['total', 'beta-token'],
    ['total.csv', 'beta-token'],
    ['scan?zz=1', 'beta-token'],
    ['later', 'beta-token'],
    ['daily', 'nobody-token'],
    ['daily.zip', 'acme-token'],
    ['__proto__', 'acme-token'],
  ] as const) {
    const refused = await ask(`/v1/endpoints/${path}`, token);
    expect([path, refused.status, refused.error]).toEqual([path, 404, unknown.error]);
    expect([...refused.headers.keys()]).toEqual([...unknown.headers.keys()]);
  }
  expect((await ask(daily, 'beta-token')).status).toBe(200);
});

test('A key with `["*"]` and no tenant is granted the endpoints that are not tenant-scoped; the others are 404 for it.', async () => {
  // One after another: there is one connection.
  const of = async (token: string): Promise<readonly string[]> => {
    const outcomes: string[] = [];
    for (const name of ['shared', 'daily', 'total']) outcomes.push(await outcome(`/v1/endpoints/${name}`, token));
    return outcomes;
  };
  expect(await of('nobody-token')).toEqual(['200 ok', '404 not_found', '404 not_found']);
  expect(await of('acme-token')).toEqual(['200 ok', '200 ok', '200 ok']);
});

test('auth none: no header needed; any header ignored; response has no tenant anywhere; unknown endpoint 404.', async () => {
  const told: string[] = [];
  const at = async (path: string, ...headers: readonly string[]): Promise<string> => {
    const answer = await rawAnswer(open.gateway.apiPort, rawRequest(`GET ${path} HTTP/1.1`, ...headers));
    told.push(answer);
    return answer.slice(9, 12);
  };
  expect(await at(daily)).toBe('200');
  for (const [, headers] of refusedHeaders) expect(await at(daily, ...headers)).toBe('200');
  for (const token of ['acme-token', 'zz', '../etc/passwd', 'caf\u00e9']) expect(await at(daily, `Authorization: Bearer ${token}`)).toBe('200');
  for (const suffix of ['.csv', '.ndjson', '?limit=1']) expect(await at(`${daily}${suffix}`)).toBe('200');
  expect([await at('/v1/endpoints/no_such'), await at('/v1/endpoints/no_such', 'Authorization: Bearer acme-token'), await at(`${daily}?zz=1`)]).toEqual(['404', '404', '422']);
  for (const answer of told) expect(answer).not.toMatch(/tenant|acme/i);
}); // prettier-ignore

test('/healthz is open on the API port ({"status":"ok"}), 404 on the admin port.', async () => {
  for (const token of [null, 'zz', 'acme-token']) {
    const { status, text } = await ask('/healthz', token);
    expect([status, text]).toEqual([200, '{"status":"ok"}']);
  }
  expect([(await world.admin('/healthz')).status, (await world.admin('/healthz', 'admin-token')).status]).toEqual([404, 404]);
});

test('All admin paths are 404 on the API port even with a valid key.', async () => {
  for (const path of ['/', '/live', '/ready', '/status', '/metrics', '/diagnostics', '/openapi.json', '/schema', '/docs'])
    for (const token of [null, 'acme-token', 'admin-token']) expect([path, await outcome(path, token)]).toEqual([path, '404 not_found']);
});

test('Before config is loaded every /v1 call is 503 not_ready, /healthz and /live 200.', async () => {
  const at = `http://127.0.0.1:${starting.apiPort}`;
  for (const path of ['daily', 'no_such', 'daily.csv', 'daily?zz=%ff', 'x'.repeat(500)])
    for (const headers of [{}, { authorization: 'Bearer acme-token' }]) {
      const { status, error } = await read(await fetch(`${at}/v1/endpoints/${path}`, { headers: headers as Record<string, string> }));
      expect([path, status, error.family]).toEqual([path, 503, 'not_ready']);
    }
  expect((await fetch(`${at}/healthz`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${starting.adminPort}/live`)).status).toBe(200);
});
