// The contract's section "HTTP edge", its sentences on origins: one gateway for each way to set OFFLOADER_CORS_ORIGINS.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { rawAnswer, rawRequest } from '../support/raw.ts';

let lake: Lake;
let unset: World;
let all: World;
let listed: World;
const daily = '/v1/endpoints/daily';
const auth = 'Authorization: Bearer acme-token';
const [first, second, foreign] = ['https://a.example', 'https://b.example:8443', 'https://evil.example'];

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  const resources = [visitsDataset(lake.url), endpoint('daily'), apiKey('acme')];
  const start = async (origins: Record<string, string>): Promise<World> => startWorld(resources, origins);
  [unset, all, listed] = await Promise.all([start({}), start({ OFFLOADER_CORS_ORIGINS: '*' }), start({ OFFLOADER_CORS_ORIGINS: `${first}, ${second}` })]); // prettier-ignore
});
afterAll(async () => {
  for (const world of [unset, all, listed]) await world.end();
  await lake.remove();
});

/** Every kind of answer of the port, those that no route writes among them. */
const answers: readonly (readonly [status: number, line: string, ...headers: string[]])[] = [
  [200, `GET ${daily} HTTP/1.1`, auth],
  [200, `GET ${daily}.csv HTTP/1.1`, auth],
  [200, `GET ${daily}.parquet HTTP/1.1`, auth],
  [200, `HEAD ${daily} HTTP/1.1`, auth],
  [200, 'GET /healthz HTTP/1.1'],
  [304, `GET ${daily} HTTP/1.1`, auth, 'If-None-Match: *'],
  [400, 'GET /v1/endpoints/%ff HTTP/1.1'],
  [400, 'GET * HTTP/1.1'],
  [400, `GET ${daily} HTTP/1.1`, ': x'],
  [401, `GET ${daily} HTTP/1.1`],
  [404, 'GET /v1/endpoints/none HTTP/1.1', auth],
  [404, 'GET /nowhere HTTP/1.1'],
  [405, `POST ${daily} HTTP/1.1`],
  [405, 'GET /mcp HTTP/1.1'],
  [406, `GET ${daily} HTTP/1.1`, auth, 'Accept: image/png'],
  [413, `GET ${daily} HTTP/1.1`, auth, 'Content-Length: 1000001'],
  [422, `GET ${daily}?zz=1 HTTP/1.1`, auth],
  [431, `GET ${daily} HTTP/1.1`, `X-Long: ${'a'.repeat(20_000)}`],
];
const options: readonly (readonly [status: number, line: string])[] = [daily, '/v1/endpoints/none', '/nowhere', '/mcp'].map((path) => [204, `OPTIONS ${path} HTTP/1.1`]); // prettier-ignore

type Head = ReadonlyMap<string, string>;
/** The headers of an answer that concern origins; Vary's members in small letters. */
const headOf = async (world: World, [status, ...lines]: (typeof answers)[number], origin: string | null): Promise<Head> => {
  const [line, ...headers] = origin === null ? lines : [...lines, `Origin: ${origin}`];
  const answer = await rawAnswer(world.gateway.apiPort, rawRequest(line, ...headers));
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  const fields = answer.slice(0, answer.indexOf('\r\n\r\n')).split('\r\n').slice(1).map((field) => field.split(/: ?(.*)/)); // prettier-ignore
  const named = fields.map(([name = '', value = '']) => [name.toLowerCase(), value] as const);
  return new Map(named.filter(([name]) => name === 'vary' || name.startsWith('access-control-')));
};
const variesByOrigin = (head: Head): boolean => /(^|, ?)origin(,|$)/i.test(head.get('vary') ?? '');
const allowHeaders = (head: Head): readonly string[] => [...head.keys()].filter((name) => name.startsWith('access-control-'));
const origins = [null, first, second, foreign, 'null'];

test('CORS unset ⇒ no CORS headers.', async () => {
  for (const origin of origins)
    for (const one of answers) {
      const head = await headOf(unset, one, origin);
      expect([one, allowHeaders(head), variesByOrigin(head)]).toEqual([one, [], false]);
    }
});

test('`*` ⇒ Access-Control-Allow-Origin: * on every response incl. without Origin and on errors.', async () => {
  for (const origin of [null, foreign])
    for (const one of [...answers, ...options]) {
      const head = await headOf(all, one, origin);
      expect([one, head.get('access-control-allow-origin'), head.has('access-control-allow-credentials')]).toEqual([one, '*', false]);
    }
});

test('List ⇒ listed Origin echoed + Allow-Credentials true; every response has Vary: Origin even without Origin or off-list; off-list gets no allow header.', async () => {
  // Nobody's Origin is known where a request cannot be read.
  const unread = (one: (typeof answers)[number]): boolean => one[0] === 431 || one[1].includes('*') || one.includes(': x');
  for (const one of [...answers, ...options]) {
    for (const origin of [first, second]) {
      const head = await headOf(listed, one, origin);
      const echoed = [head.get('access-control-allow-origin'), head.get('access-control-allow-credentials'), variesByOrigin(head)];
      expect([one, ...echoed]).toEqual(unread(one) ? [one, undefined, undefined, true] : [one, origin, 'true', true]);
    }
    for (const origin of [null, foreign, 'null', 'https://a.example.evil', 'http://a.example', `${first}, ${second}`]) {
      const head = await headOf(listed, one, origin);
      expect([one, origin, allowHeaders(head), variesByOrigin(head)]).toEqual([one, origin, [], true]);
    }
  }
});

describe('preflights', () => {
  const allowed = (path: string): object =>
    path === '/mcp'
      ? { 'access-control-allow-methods': 'POST, OPTIONS', 'access-control-allow-headers': 'authorization, content-type, mcp-protocol-version' } // prettier-ignore
      : { 'access-control-allow-methods': 'GET, OPTIONS', 'access-control-allow-headers': 'authorization, content-type, if-none-match' };

  test('OPTIONS with CORS set ⇒ 204 before auth; allowed: Allow-Methods GET, OPTIONS; Allow-Headers authorization, content-type, if-none-match; Max-Age 600.', async () => {
    for (const one of options)
      for (const [world, origin] of [[all, null], [all, foreign], [listed, first], [listed, second]] as const)
        expect(Object.fromEntries(await headOf(world, one, origin))).toMatchObject({ ...allowed(one[1].split(' ')[1]!), 'access-control-max-age': '600' }); // prettier-ignore
  });

  test('Off-list: 204 without allow headers.', async () => {
    for (const one of options) for (const origin of [null, foreign]) expect(allowHeaders(await headOf(listed, one, origin))).toEqual([]);
  });

  test('CORS unset: 404.', async () => {
    const paths = [daily, '/v1/endpoints/none', '/nowhere', '/healthz', '/mcp'];
    for (const path of paths) expect(allowHeaders(await headOf(unset, [404, `OPTIONS ${path} HTTP/1.1`], first))).toEqual([]);
  });
});

test('Access-Control-Expose-Headers for ETag, x-request-id.', async () => {
  const exposedBy = async (world: World, one: (typeof answers)[number], origin: string | null): Promise<string | undefined> =>
    (await headOf(world, one, origin)).get('access-control-expose-headers');
  const exposed = [
    'ETag', 'x-request-id', 'X-Offloader-Pod', 'X-Offloader-Snapshot-Id', 'X-Offloader-Watermark', 'Server-Timing',
    'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Retry-After', 'Deprecation', 'Sunset', 'Link',
  ].join(', '); // prettier-ignore
  for (const one of answers) expect([one, await exposedBy(all, one, null)]).toEqual([one, exposed]);
  expect([await exposedBy(listed, answers[0]!, second), await exposedBy(listed, answers[0]!, foreign)]).toEqual([exposed, undefined]);
});
