// The end of a gateway process: SIGTERM under load cuts nobody off, and nobody can hold it for ever.
import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { endpoint, until, visitsDataset } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { type GatewayProcess, startProcess } from './support/process.ts';

const rowCount = 1_500_000;
let lake: Lake;
let gateway: GatewayProcess;

const open = { tenant: undefined, cache: { policy: 'None' } };
const rows = {
  ...open,
  params: [],
  query: { select: [{ as: 'day', column: 'day' }, { as: 'visits', column: 'visits' }] },
  columns: ['day', 'visits'],
  pagination: { defaultLimit: 10, maxLimit: 10_000_000 },
}; // prettier-ignore
const start = async (environment: Record<string, string>): Promise<void> => {
  gateway = await startProcess([visitsDataset(lake.url, { tenantColumn: undefined }), endpoint('daily', open), endpoint('rows', rows)], {
    OFFLOADER_AUTH: 'none',
    OFFLOADER_POOL_SIZE: '32',
    // Nobody is sent away for being slow, and nothing in flight is cut, unless a test says so.
    OFFLOADER_QUERY_TIMEOUT: '10m',
    OFFLOADER_DRAIN_TIMEOUT: '10m',
    ...environment,
  });
};

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1, rowCount));
});
afterAll(async () => lake.remove());
afterEach(async () => gateway.end());

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };
/** Rejects when the answer is cut short. */
const ask = async (agent: Agent, path: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    get({ port: gateway.apiPort, host: '127.0.0.1', path: `/v1/endpoints/${path}`, agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    }).on('error', reject);
  });
const readyStatus = async (): Promise<number> => (await fetch(`http://127.0.0.1:${gateway.adminPort}/ready`)).status;
const isRefused = async (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(gateway.apiPort, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });

/** A reader that has taken the first bytes of a long answer and stands still. */
const standingReader = async (): Promise<Socket> => {
  const socket = connect(gateway.apiPort, '127.0.0.1');
  socket.write('GET /v1/endpoints/rows.csv?limit=10000000 HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('readable', resolve));
  return socket;
};
/** A message to /mcp, without its last bytes. */
const slowMessage = async (): Promise<{ readonly socket: Socket; end(): void }> => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'daily', arguments: {} } });
  const accept = 'Content-Type: application/json\r\nAccept: application/json, text/event-stream';
  const socket = connect(gateway.apiPort, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(`POST /mcp HTTP/1.1\r\nHost: x\r\n${accept}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`);
  return { socket, end: () => void socket.write(body.slice(9)) };
};
/** Everything that comes until the connection ends. */
const rest = async (socket: Socket): Promise<string> => {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(parts).toString();
};
const dataRows = (text: string): number => text.match(/2026-01-\d\d,1\r\n/g)?.length ?? 0;

test('SIGTERM under load: what is in flight ends whole, what comes in the delay is served, then connections are refused', async () => {
  await start({ OFFLOADER_DRAIN_DELAY: '15s' });
  const paths = [
    { path: 'daily', isWhole: ({ body }: Answer) => (JSON.parse(body) as { data: unknown[] }).data.length === 30 },
    { path: 'rows.csv?limit=20000', isWhole: ({ body }: Answer) => body.split('\r\n').length === 20_002 },
    { path: 'rows?limit=100', isWhole: ({ body }: Answer) => (JSON.parse(body) as { data: unknown[] }).data.length === 100 },
  ];
  const counts = { before: new Array<number>(8).fill(0), after: new Array<number>(8).fill(0) };
  let isNotReady = false;
  let isEnough = false;
  const wrong: unknown[] = [];
  const client = async (n: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = n; !isEnough; turn += 1) {
      const { path, isWhole } = paths[turn % paths.length]!;
      const isAfter = isNotReady;
      const answer = await ask(agent, path);
      counts[isAfter ? 'after' : 'before'][n]! += 1;
      const { connection } = answer.headers;
      if (answer.status !== 200 || !isWhole(answer) || (isAfter && connection !== 'close')) wrong.push([path, answer.status, connection]);
    }
    agent.destroy();
  };
  const readers = [await standingReader(), await standingReader()];
  const idle = connect(gateway.apiPort, '127.0.0.1');
  const clients = Promise.all(counts.before.map(async (_, n) => client(n)));
  await until(() => counts.before.every((count) => count >= 3));
  gateway.child.kill('SIGTERM');
  await until(async () => (await readyStatus()) === 503);
  isNotReady = true;
  await until(() => counts.after.every((count) => count >= 2));
  isEnough = true;
  await clients;
  expect(wrong).toEqual([]);
  await until(isRefused);
  expect(await readyStatus()).toBe(503);
  expect(gateway.child.exitCode).toBeNull();
  for (const text of await Promise.all(readers.map(rest))) {
    expect(text.endsWith('\r\n0\r\n\r\n')).toBe(true);
    expect(dataRows(text.replace(/\r\n[0-9a-f]+\r\n/g, ''))).toBe(rowCount);
  }
  expect(await gateway.exit).toBe(0);
  idle.destroy();
});

test('a reader that stands still holds a stopping gateway for the drain timeout and no longer, and sees that it was cut', async () => {
  await start({ OFFLOADER_DRAIN_TIMEOUT: '1s' });
  const reader = await standingReader();
  gateway.child.kill('SIGTERM');
  expect(await gateway.exit).toBe(0);
  expect((await rest(reader)).endsWith('\r\n0\r\n\r\n')).toBe(false);
  expect(gateway.lines.some((line) => line.includes('"kind":"crashed"'))).toBe(false);
});

test('idle connections do not hold a stopping gateway', async () => {
  await start({});
  const agent = new Agent({ keepAlive: true });
  const answer = await ask(agent, 'daily');
  // Longer than usual load balancers leave a connection idle, so that none of them sends on one that is being closed.
  expect([answer.status, answer.headers['keep-alive']]).toEqual([200, 'timeout=65']);
  const silent = connect(gateway.apiPort, '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  gateway.child.kill('SIGTERM');
  expect(await gateway.exit).toBe(0);
  agent.destroy();
  silent.destroy();
});

test('a tool that is asked for while the port closes still gets its answer', async () => {
  await start({ OFFLOADER_DRAIN_DELAY: '1ms' });
  const message = await slowMessage();
  const answered = rest(message.socket);
  gateway.child.kill('SIGTERM');
  await until(isRefused);
  message.end();
  const text = await answered;
  expect(text).toMatch(/^HTTP\/1\.1 200/);
  expect(text).toContain('"structuredContent":{"data":[{"day"');
});
