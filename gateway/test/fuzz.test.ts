// Bytes on both sockets of a gateway process: mutations of requests that are good, and of some that are bad on purpose.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, visitsDataset } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { type GatewayProcess, startProcess } from './support/process.ts';

/** One seed, one run: a failure can be had again. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_131);
const perPort = Number(process.env['FUZZ_COUNT'] ?? 5000);

let lake: Lake;
let gateway: GatewayProcess;
beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  gateway = await startProcess([visitsDataset(lake.url), endpoint('daily'), apiKey('acme')], {
    OFFLOADER_ADMIN_TOKEN: 'admin-token',
    OFFLOADER_LOG_LEVEL: 'info',
  });
});
afterAll(async () => {
  await gateway.end();
  await lake.remove();
});

/** mulberry32: small, fast, the same everywhere. */
const randomOf = (start: number): (() => number) => {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const head = (line: string, ...headers: string[]): string =>
  [line, 'Host: gateway', 'Authorization: Bearer acme-token', ...headers, '', ''].join('\r\n');
const seeds = [
  head('GET /v1/endpoints/daily?from=2026-01-01&limit=3 HTTP/1.1', 'Accept: application/json'),
  head('GET /v1/endpoints/daily.csv HTTP/1.1', 'Connection: close'),
  head('HEAD /v1/endpoints/daily HTTP/1.1', 'If-None-Match: W/"abc", *'),
  head('OPTIONS /v1/endpoints/daily HTTP/1.1', 'Origin: https://a.example'),
  `${head('POST /mcp HTTP/1.1', 'Content-Type: application/json', 'Accept: application/json, text/event-stream', 'Content-Length: 46')}{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
  `${head('POST /mcp HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n`,
  `${head('GET /v1/endpoints/daily HTTP/1.1', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`,
  head('GET /diagnostics HTTP/1.1', 'X-Request-Id: abcdefghijklmnopqrstuvwxyz'),
  head('GET /docs HTTP/1.1', 'Accept: text/html'),
  head('GET /docs HTTP/1.1', 'Accept: text/html', 'If-Match: "x"'),
  head('GET /docs/assets/page.js HTTP/1.1', 'Range: bytes=99999999-'),
  head('GET http://other.example/v1/endpoints/daily HTTP/1.1'),
  `${head('GET /healthz HTTP/1.1')}${head('GET /v1/endpoints/daily HTTP/1.1')}${head('GET /metrics HTTP/1.1')}`,
  'GET /v1/endpoints/daily\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  head('CONNECT gateway:443 HTTP/1.1'),
  head('GET /v1/endpoints/daily HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: x'),
];

type Mutation = (bytes: Buffer, random: () => number) => Buffer;
const at = (length: number, random: () => number): number => Math.floor(random() * Math.max(1, length));
const splice = (bytes: Buffer, place: number, piece: Buffer, drop = 0): Buffer =>
  Buffer.concat([bytes.subarray(0, place), piece, bytes.subarray(place + drop)]);
const pieces = [
  '\0',
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  '%',
  '%00',
  '%zz',
  '../',
  '\u00ff',
  ':',
  ';',
  ',',
  '{',
  '"',
  '-1',
  '99999999999999999999',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: -5\r\n',
  'Authorization: Bearer beta-token\r\n',
  'Expect: 100-continue\r\n',
  'X: '.concat('y'.repeat(20_000), '\r\n'),
];
const mutations: readonly Mutation[] = [
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const place = at(copy.length, random);
    copy[place] = copy[place]! ^ (1 << at(8, random));
    return copy;
  },
  (bytes, random) => bytes.subarray(0, at(bytes.length, random)),
  (bytes, random) => splice(bytes, at(bytes.length, random), Buffer.from(pieces[at(pieces.length, random)]!, 'latin1')),
  (bytes, random) => splice(bytes, at(bytes.length, random), Buffer.alloc(0), at(12, random)),
  (bytes, random) => {
    const [from, to] = [at(bytes.length, random), at(bytes.length, random)];
    return splice(bytes, at(bytes.length, random), bytes.subarray(Math.min(from, to), Math.max(from, to)));
  },
  (bytes, random) => splice(bytes, bytes.indexOf('\r\n') + 2, Buffer.from(pieces[at(pieces.length, random)]!, 'latin1')),
  (bytes, random) => splice(bytes, 5 + at(20, random), Buffer.from(String.fromCharCode(at(256, random)).repeat(at(300, random)), 'latin1')),
];
const mutate = (bytes: Buffer, random: () => number): Buffer => {
  let mutated = bytes;
  for (let times = 1 + at(3, random); times > 0; times -= 1) mutated = mutations[at(mutations.length, random)]!(mutated, random);
  return mutated;
};

/** Everything that comes back until the connection is closed. */
const exchange = async (port: number, bytes: Buffer): Promise<string> =>
  new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false }, () => socket.end(bytes));
    socket.on('data', (part) => parts.push(part));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')));
  });

const leaks = /SELECT |node_modules|\.ts:\d|\.js:\d|at Object\.|\/tmp\/|DuckDB|stack/;
/** What is wrong with an answer; nothing at all is an answer too. */
const faults = (answer: string): readonly string[] => {
  if (answer === '') return [];
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  const errors = answer.split(/HTTP\/1\.1 (?=\d{3} )/).filter((text) => /^[45]/.test(text));
  return [
    ...(answer.startsWith('HTTP/1.1 ') ? [] : [`no HTTP: ${JSON.stringify(answer.slice(0, 40))}`]),
    ...statuses.filter((status) => status === 500).map(() => 'status 500'),
    ...errors.filter((text) => leaks.test(text)).map((text) => `leaks ${String(leaks.exec(text)?.[0])}`),
  ];
};

const memoryOf = async (): Promise<number> => {
  const page = await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(page)?.[1]);
};

test.each([
  ['GET http://other.example/healthz HTTP/1.1', 200],
  ['GET HTTPS://other.example:99/healthz?a=1 HTTP/1.1', 200],
  ['GET http://a.b:::::/healthz HTTP/1.1', 200],
  ['GET http://other.example HTTP/1.1', 404],
  ['GET healthz HTTP/1.1', 400],
  ['GET ftp://other.example/healthz HTTP/1.1', 400],
])('%s is %d', async (line, status) => {
  const answer = await exchange(gateway.apiPort, Buffer.from(head(line, 'Connection: close')));
  expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
});

test.each([
  ['of a file a range is not given, but the whole', '/docs/assets/page.js', { range: 'bytes=99999999-' }, 200],
  ['a precondition that fails is refused in JSON', '/docs', { 'if-match': '"x"' }, 412],
])('the admin port says no more than it must: %s', async (_what, path, headers, status) => {
  const answer = await fetch(`http://127.0.0.1:${gateway.adminPort}${path}`, { headers: { accept: 'text/html', ...headers } });
  const body = await answer.text();
  expect(answer.status).toBe(status);
  if (status !== 200) expect(body).toBe('{"error":"bad_request"}');
  expect(body).not.toMatch(/node_modules/);
});

describe('a gateway under bytes that nobody should send', () => {
  test.each([
    ['API', 'apiPort', 1],
    ['admin', 'adminPort', 2],
  ] as const)(
    '%s port: stays up, answers nothing that it should not',
    async (_name, port, nth) => {
      const random = randomOf(seed + nth);
      const wrong: string[] = [];
      const statuses = new Map<string, number>();
      const send = async (): Promise<void> => {
        const bytes = mutate(Buffer.from(seeds[at(seeds.length, random)]!, 'latin1'), random);
        const answer = await exchange(gateway[port], bytes);
        const status = answer.slice(9, 12);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        for (const fault of faults(answer)) wrong.push(`${fault} <- ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`);
      };
      for (let sent = 0; sent < perPort; sent += 20) await Promise.all(Array.from({ length: 20 }, send));
      expect(wrong).toEqual([]);
      expect(gateway.child.exitCode).toBeNull();
      // The mutations reach behind the parser: some are good requests still, and most kinds of refusal are among the rest.
      expect([...statuses.keys()]).toEqual(expect.arrayContaining(['200', '400', '404']));
    },
    1_200_000,
  );

  test('is what it was before: it answers, holds no connection, its log is a line each, and its memory has not run away', async () => {
    const answer = await fetch(`http://127.0.0.1:${gateway.apiPort}/v1/endpoints/daily`, {
      headers: { authorization: 'Bearer acme-token' },
    });
    expect(answer.status).toBe(200);
    for (const line of gateway.lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
    expect(gateway.lines.filter((line) => line.includes('"crashed"'))).toEqual([]);
    const before = await memoryOf();
    const random = randomOf(seed + 3);
    for (let sent = 0; sent < perPort / 2; sent += 20)
      await Promise.all(
        Array.from({ length: 20 }, async () =>
          exchange(gateway.apiPort, mutate(Buffer.from(seeds[at(seeds.length, random)]!, 'latin1'), random)),
        ),
      );
    // A ratio in one run: the same again costs no such memory as the first time did.
    expect((await memoryOf()) / before).toBeLessThan(1.5);
  }, 1_200_000);

  test('a body that does not say how long it is, is refused when it is over 1 MB', async () => {
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const answer = await exchange(
      gateway.apiPort,
      Buffer.from(`${head('GET /v1/endpoints/daily HTTP/1.1', 'Transfer-Encoding: chunked')}${chunk.repeat(20)}0\r\n\r\n`),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    const short = await exchange(
      gateway.apiPort,
      Buffer.from(`${head('GET /v1/endpoints/daily HTTP/1.1', 'Transfer-Encoding: chunked', 'Connection: close')}${chunk}0\r\n\r\n`),
    );
    expect(short).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('a header or a URL that is too long is refused', async () => {
    expect(await exchange(gateway.apiPort, Buffer.from(head(`GET /v1/endpoints/daily?x=${'y'.repeat(20_000)} HTTP/1.1`)))).toMatch(
      /^HTTP\/1\.1 (414|431) /,
    );
    expect(await exchange(gateway.apiPort, Buffer.from(head('GET /v1/endpoints/daily HTTP/1.1', `X: ${'y'.repeat(20_000)}`)))).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });
});
