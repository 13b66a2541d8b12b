// The edge of the API port on a public gateway: caches, cross-origin, methods, and requests as no client library sends them.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';

let lake: Lake;
let world: World;
let listed: World;
const path = '/v1/endpoints/daily';
const resources = () => [
  visitsDataset(lake.url, { tenantColumn: undefined }),
  endpoint('daily', { tenant: undefined, freshness: { maxStaleness: '30m' } }),
  endpoint('plain', { tenant: undefined }),
];
/** Bytes on the socket as written here; the answer as it came. */
const raw = async (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(world.gateway.apiPort, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
const request = (line: string, ...headers: readonly string[]): string =>
  [line, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n');

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1), { watermark: new Date(Date.now() - 600_000).toISOString() });
  world = await startWorld(resources(), { OFFLOADER_AUTH: 'none', OFFLOADER_CORS_ORIGINS: '*' });
  listed = await startWorld(resources(), { OFFLOADER_AUTH: 'none', OFFLOADER_CORS_ORIGINS: 'https://a.example,https://b.example' });
});
afterAll(async () => {
  await world.end();
  await listed.end();
  await lake.remove();
});

describe('a public answer', () => {
  test('may be kept by others for as long as it stays fresh', async () => {
    const { headers } = await world.get(path);
    const maxAge = Number(/^public, max-age=(\d+), stale-while-revalidate=60$/.exec(headers.get('cache-control') ?? '')?.[1]);
    expect(maxAge).toBeGreaterThan(1000);
    expect(maxAge).toBeLessThanOrEqual(1200);
    expect((await world.get('/v1/endpoints/plain')).headers.get('cache-control')).toBe('public, max-age=60, stale-while-revalidate=60');
  });

  test('is revalidated without a body, and not after a swap', async () => {
    const first = await world.get(path);
    const etag = first.headers.get('etag') ?? '';
    const again = await world.get(path, null, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    expect(again.headers.get('cache-control')).toMatch(/^public, max-age=\d+/);
    await lake.publish('a2', visits(2), { watermark: new Date().toISOString() });
    await until(async () => ((await (await world.get('/v1/endpoints/plain?limit=1')).json()) as any).meta.snapshot_id === 'a2');
    expect((await world.get(path, null, { headers: { 'if-none-match': etag } })).status).toBe(200);
  });

  test('an error is never kept', async () => {
    const response = await world.get(`${path}?zz=1`);
    expect([response.status, response.headers.get('cache-control'), response.headers.get('etag')]).toEqual([422, 'no-store', null]);
  });
});

describe('cross-origin', () => {
  test('with * every answer says so, with or without Origin, errors included', async () => {
    for (const at of [path, `${path}?zz=1`, '/v1/endpoints/none', '/nowhere', '/healthz']) {
      const response = await world.get(at);
      expect([at, response.headers.get('access-control-allow-origin')]).toEqual([at, '*']);
      expect(response.headers.get('access-control-expose-headers')).toBe('ETag, x-request-id');
    }
    const long = await raw(request(`GET ${path} HTTP/1.1`, 'Content-Length: 1000001'));
    expect(long).toMatch(/^HTTP\/1\.1 413 [^]*Access-Control-Allow-Origin: \*/);
  });

  test('with a list its members are echoed and everything varies by Origin', async () => {
    const on = await listed.get(path, null, { headers: { origin: 'https://b.example' } });
    expect([on.headers.get('access-control-allow-origin'), on.headers.get('access-control-allow-credentials')]).toEqual(['https://b.example', 'true']);
    for (const headers of [{}, { origin: 'https://evil.example' }] as const) {
      const off = await listed.get(path, null, { headers });
      expect([off.headers.get('access-control-allow-origin'), off.headers.get('vary')]).toEqual([null, expect.stringContaining('Origin')]);
    }
  }); // prettier-ignore

  test('a preflight is answered before anything else', async () => {
    const allowed = await listed.get('/v1/endpoints/none', null, { method: 'OPTIONS', headers: { origin: 'https://a.example' } });
    expect([
      allowed.status,
      allowed.headers.get('access-control-allow-methods'),
      allowed.headers.get('access-control-allow-headers'),
      allowed.headers.get('access-control-max-age'),
    ]).toEqual([204, 'GET, OPTIONS', 'authorization, content-type, if-none-match', '600']);
    const off = await listed.get(path, null, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    expect([off.status, off.headers.get('access-control-allow-methods')]).toEqual([204, null]);
  });
});

describe('a request', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is 405 with Allow, in the envelope', async (method) => {
    const response = await world.get(path, null, { method, body: method === 'DELETE' ? null : '{}' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    const { error, meta } = (await response.json()) as any;
    expect([error.code, meta.request_id]).toEqual(['method_not_allowed', response.headers.get('x-request-id')]);
  });

  test.each([
    ['a path that cannot be decoded', 'GET /v1/endpoints/%ff HTTP/1.1', 400],
    ['a query that cannot be decoded', `GET ${path}?from=%ff HTTP/1.1`, 400],
    ['an absolute address', `GET http://x${path} HTTP/1.1`, 200],
    ['a trailing slash', `GET ${path}/ HTTP/1.1`, 200],
    ['two slashes', `GET /${path} HTTP/1.1`, 404],
    ['another case', `GET ${path.toUpperCase()} HTTP/1.1`, 404],
    ['a slash in the name', 'GET /v1/endpoints/a%2Fdaily HTTP/1.1', 404],
    ['a way up', 'GET /v1/endpoints/../../diagnostics HTTP/1.1', 404],
    ['an admin path', 'GET /metrics HTTP/1.1', 404],
    ['a question mark alone', `GET ${path}? HTTP/1.1`, 200],
    ['ampersands alone', `GET ${path}?&& HTTP/1.1`, 200],
  ])('with %s', async (_what, line, status) => {
    const answer = await raw(request(line));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff');
    expect(answer).toContain('"request_id":"');
  });

  test.each([
    ['is no HTTP at all', 'hello\r\n\r\n', 400],
    ['has a header without a name', request(`GET ${path} HTTP/1.1`, ': x'), 400],
    ['has two lengths', request(`GET ${path} HTTP/1.1`, 'Content-Length: 1', 'Content-Length: 2'), 400],
    ['has 20 kB of headers', request(`GET ${path} HTTP/1.1`, `X-Long: ${'a'.repeat(20_000)}`), 431],
  ])('that %s is refused in the envelope', async (_what, text, status) => {
    const answer = await raw(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const { error, meta } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    expect([error.family, answer.includes(`x-request-id: ${meta.request_id}`)]).toEqual(['invalid_param', true]);
  });

  test('that carries a body with GET is answered as if it had none', async () => {
    expect(await raw(`${request(`GET ${path} HTTP/1.1`, 'Content-Length: 4')}zz=1`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('HEAD has the status and headers of GET', async () => {
    for (const at of [path, `${path}?zz=1`, '/v1/endpoints/none', '/healthz']) {
      const told = ({ status, headers }: Response) => [status, ...['content-type', 'cache-control', 'etag', 'vary'].map((name) => headers.get(name))];
      // max-age shrinks by the second: HEAD is held against a GET before and a GET after it that say the same.
      let [get, head, again] = [await world.get(at), await world.get(at, null, { method: 'HEAD' }), await world.get(at)];
      while (get.headers.get('cache-control') !== again.headers.get('cache-control'))
        [get, head, again] = [again, await world.get(at, null, { method: 'HEAD' }), await world.get(at)];
      expect([...told(head), await head.text()]).toEqual([...told(get), '']);
    }
  }); // prettier-ignore
});

test('a busy pool answers 503 and hits still come from the cache', async () => {
  const busy = await startWorld(
    [
      visitsDataset(lake.url, { tenantColumn: undefined }),
      endpoint('daily', { tenant: undefined }),
      endpoint('rows', { tenant: undefined, params: [], query: { select: [{ as: 'day', column: 'day' }] }, columns: ['day'], pagination: { defaultLimit: 1, maxLimit: 1_000_000 }, cache: { policy: 'None' } }),
    ],
    { OFFLOADER_AUTH: 'none', OFFLOADER_POOL_SIZE: '1' },
  ); // prettier-ignore
  try {
    await lake.publish('big', visits(3, 3_000_000), { watermark: new Date(Date.now() + 1000).toISOString() });
    await until(async () => ((await (await busy.get(path)).json()) as any).meta?.snapshot_id === 'big');
    // One reader that stands still holds the one connection.
    const socket = connect(busy.gateway.apiPort, '127.0.0.1');
    socket.write('GET /v1/endpoints/rows.csv?limit=1000000 HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    const refused = await busy.get(`${path}?limit=7`);
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true]);
    expect(((await refused.json()) as any).error).toMatchObject({ family: 'busy', code: 'busy' });
    expect(((await (await busy.get(path)).json()) as any).meta.cache).toBe('hit');
    socket.destroy();
    await until(async () => (await busy.get(`${path}?limit=7`)).status === 200);
  } finally {
    await busy.end();
  }
});
