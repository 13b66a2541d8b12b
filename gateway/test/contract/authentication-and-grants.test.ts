// The contract's "Authentication and grants": who gets in, in which order it is decided, and what nobody learns on the way.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseSettings, startGateway } from '../../src/index.ts';
import { apiKey, endpoint, secretKeyBase, sha256, startWorld, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';

let lake: Lake;
let world: World;
const daily = '/v1/endpoints/daily';
const waiting = (spec: Record<string, unknown> = {}) => ({
  ...visitsDataset('file:///nowhere/manifest.json', spec),
  metadata: { name: 'waiting' },
});
const manyKeys = Array.from({ length: 5000 }, (_, n) =>
  apiKey(`key-${n}`, { tenant: n % 2 === 0 ? 'acme' : 'beta', endpoints: ['daily'] }),
);

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld(
    [
      visitsDataset(lake.url),
      waiting(),
      endpoint('daily'),
      endpoint('other'),
      endpoint('later', { datasetRef: { name: 'waiting' } }),
      apiKey('acme', { endpoints: ['daily', 'later'] }),
      apiKey('gone', { state: 'Revoked' }),
      apiKey('old', { expiresAt: '2026-01-01T00:00:00Z' }),
      ...manyKeys,
    ],
    { OFFLOADER_CORS_ORIGINS: 'https://app.example' },
  );
}, 60_000);
afterAll(async () => {
  await world.end();
  await lake.remove();
});

type Answer = { readonly status: number; readonly error: Record<string, unknown>; readonly headers: Headers };
const ask = async (path: string, token: string | null = 'acme-token', init: RequestInit = {}): Promise<Answer> => {
  const response = await world.get(path, token, init);
  const text = await response.text();
  return {
    status: response.status,
    error: (text.startsWith('{') ? (JSON.parse(text) as { error?: Record<string, unknown> }).error : undefined) ?? {},
    headers: response.headers,
  };
};
/** A request with exactly these header lines. */
const raw = async (...lines: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(world.gateway.apiPort, '127.0.0.1', () =>
      socket.write([`GET ${daily} HTTP/1.1`, 'Host: gateway', 'Connection: close', ...lines, '', ''].join('\r\n'), 'latin1'),
    );
    let text = '';
    socket.on('data', (part) => (text += part.toString()));
    socket.on('close', () => resolve(text));
  });

describe('Order of outcomes: preflight → unknown route 404 → service starting 503 → 401 → 404 grant → 404 endpoint → 503 snapshot → 422 params → 503 busy → 500.', () => {
  test('a preflight is answered before anything else, without a key and for any path', async () => {
    for (const path of [daily, '/v1/endpoints/none', '/nowhere']) expect((await ask(path, null, { method: 'OPTIONS' })).status).toBe(204);
  });
  test('an unknown route is 404 before the key is looked at', async () => {
    for (const token of [null, 'wrong', 'acme-token']) expect((await ask('/v1/nowhere', token)).status).toBe(404);
  });
  test('a missing grant is 404 before the endpoint or its snapshot is looked at', async () => {
    const [ungranted, none] = [await ask('/v1/endpoints/other?nonsense=1'), await ask('/v1/endpoints/none?nonsense=1')];
    expect([ungranted.status, none.status]).toEqual([404, 404]);
    expect((await ask('/v1/endpoints/later', 'key-1-token')).status).toBe(404);
  });
  test('a snapshot that is not there is 503 before the parameters are looked at', async () => {
    const answer = await ask('/v1/endpoints/later?nonsense=1');
    expect([answer.status, answer.error['family'], answer.headers.get('retry-after')]).toEqual([503, 'not_ready', expect.any(String)]);
  });
  test('parameters are 422 before a connection is asked for', async () => {
    expect((await ask(`${daily}?nonsense=1`)).status).toBe(422);
    expect(((await (await world.admin('/diagnostics', 'admin-token')).json()) as { pool: { busy: number } }).pool.busy).toBe(0);
  });
});

test('So a bad param on a not-ready dataset is 503; a bad key on an unknown endpoint is 401.', async () => {
  expect((await ask('/v1/endpoints/later?limit=0')).status).toBe(503);
  expect((await ask('/v1/endpoints/none', 'wrong')).status).toBe(401);
});

test('Header must be exactly `Authorization: Bearer <non-empty>` (case-sensitive scheme, one header).', async () => {
  expect(await raw('Authorization: Bearer acme-token')).toMatch(/^HTTP\/1\.1 200 /);
  expect(await raw('authorization: Bearer acme-token')).toMatch(/^HTTP\/1\.1 200 /);
  for (const value of [
    'bearer acme-token',
    'BEARER acme-token',
    'Bearer  acme-token',
    'Beareracme-token',
    'Bearer acme-token x',
    'Token acme-token',
    'acme-token',
  ])
    expect([value, (await raw(`Authorization: ${value}`)).slice(9, 12)]).toEqual([value, '401']);
});

describe('Missing, Basic, `bearer x`, empty token, two headers ⇒ 401 `unauthorized`.', () => {
  test.each([
    ['missing', []],
    ['Basic', ['Authorization: Basic YWNtZTp0b2tlbg==']],
    ['bearer x', ['Authorization: bearer acme-token']],
    ['an empty token', ['Authorization: Bearer ']],
    ['nothing after the scheme', ['Authorization: Bearer']],
    ['two headers', ['Authorization: Bearer acme-token', 'Authorization: Bearer acme-token']],
    ['a good and a bad one', ['Authorization: Bearer acme-token', 'Authorization: Basic x']],
    ['a bad and a good one', ['Authorization: Basic x', 'Authorization: Bearer acme-token']],
  ])('%s', async (_what, lines) => {
    const answer = await raw(...lines);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('"family":"unauthorized"');
  });
});

test('With WWW-Authenticate.', async () => {
  expect((await ask(daily, null)).headers.get('www-authenticate')).toBe('Bearer');
  expect((await ask(daily, 'wrong')).headers.get('www-authenticate')).toBe('Bearer');
});

test('Unknown token, revoked key with right token, garbage (`../etc/passwd`, long, non-ASCII) ⇒ 401, never 500; the same body for all.', async () => {
  const tokens = [
    'unknown',
    'gone-token',
    'old-token',
    '../etc/passwd',
    'x'.repeat(8000),
    't\u00f6k\u00ffn',
    sha256('acme-token'),
    'null',
    '\t',
  ];
  const bodies = new Set<string>();
  for (const token of tokens) {
    const answer = await raw(`Authorization: Bearer ${token}`);
    expect([token.slice(0, 20), answer.slice(9, 12)]).toEqual([token.slice(0, 20), '401']);
    bodies.add(answer.slice(answer.indexOf('\r\n\r\n')).replace(/"request_id":"[^"]*"/, ''));
  }
  expect(bodies.size).toBe(1);
});

describe('Keys are looked up by the SHA-256 of the token (O(1) for 5,000 keys); nothing about timing tells one unknown token from another.', () => {
  test('each of 5,000 keys works, wherever it stands in the list', async () => {
    for (const n of [0, 1, 2500, 4998, 4999]) expect((await ask(daily, `key-${n}-token`)).status).toBe(200);
    expect((await ask(daily, 'key-5000-token')).status).toBe(401);
  });
  test('one look-up by hash, with as many keys as there are', async () => {
    const { authenticate } = await import('../../src/domain/authorize.ts');
    const { emptyLive } = await import('../../src/domain/live.ts');
    const asked: string[] = [];
    const keys = { get: (hash: string) => void asked.push(hash), size: 5000 } as unknown as typeof emptyLive.keys;
    for (const token of ['a', 'acme-token', 'x'.repeat(5000)]) authenticate({ ...emptyLive, keys }, [`Bearer ${token}`], 0);
    expect(asked).toEqual(['a', 'acme-token', 'x'.repeat(5000)].map(sha256));
  });
});

test("Endpoint not in the key's list ⇒ 404 with `error` identical to that of an unknown name.", async () => {
  const [ungranted, unknown] = [await ask('/v1/endpoints/other'), await ask('/v1/endpoints/no_such_thing')];
  expect([ungranted.status, unknown.status]).toEqual([404, 404]);
  expect(ungranted.error).toEqual(unknown.error);
  const names = ({ headers }: Answer): string[] => [...headers.keys()];
  expect(names(ungranted)).toEqual(names(unknown));
});

test('auth none: no header needed; any header ignored; response has no tenant anywhere; unknown endpoint 404.', async () => {
  const open = await startWorld([visitsDataset(lake.url), endpoint('daily', { tenant: undefined })], { OFFLOADER_AUTH: 'none' });
  for (const token of [null, 'acme-token', '../etc/passwd']) {
    const answer = await open.get(daily, token);
    const text = await answer.text();
    expect([answer.status, /tenant|acme|beta/.test(text + JSON.stringify([...answer.headers]))]).toEqual([200, false]);
  }
  expect((await open.get(daily, null, { headers: { authorization: 'Basic x' } })).status).toBe(200);
  expect((await open.get('/v1/endpoints/none')).status).toBe(404);
  await open.end();
});

test('/healthz is open on the API port ({"status":"ok"}), 404 on the admin port.', async () => {
  const health = await world.get('/healthz');
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
  expect((await world.admin('/healthz')).status).toBe(404);
});

test('All admin paths are 404 on the API port even with a valid key.', async () => {
  for (const path of [
    '/',
    '/live',
    '/ready',
    '/status',
    '/metrics',
    '/diagnostics',
    '/docs',
    '/docs/try/healthz',
    '/openapi.json',
    '/schema',
  ])
    for (const token of ['acme-token', 'admin-token', null]) expect([path, (await ask(path, token)).status]).toEqual([path, 404]);
});

test('Before config is loaded every /v1 call is 503 not_ready, /healthz and /live 200.', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-before-'));
  await mkdir(join(folder, 'config'));
  const settings = parseSettings({
    OFFLOADER_CONFIG: join(folder, 'config'),
    OFFLOADER_CACHE_DIR: join(folder, 'cache'),
    OFFLOADER_API_PORT: '0',
    OFFLOADER_ADMIN_PORT: '0',
    OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
  });
  if (!settings.ok) throw new Error(settings.error);
  const gateway = await startGateway(settings.value, { waitsForMount: true, observe: () => undefined });
  for (const token of ['acme-token', '']) {
    const answer = await fetch(`http://127.0.0.1:${gateway.apiPort}${daily}?nonsense=1`, { headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, ((await answer.json()) as { error: { family: string } }).error.family]).toEqual([503, 'not_ready']);
  }
  expect((await fetch(`http://127.0.0.1:${gateway.apiPort}/healthz`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${gateway.adminPort}/live`)).status).toBe(200);
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
});
