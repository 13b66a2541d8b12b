// The access log: a line for every request but probes, whoever answers it, under the id that the answer has.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { endpointOf } from './support/compiled.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { type Played, startPlayed } from './support/played.ts';

let lake: Lake;
let world: World;
beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld([visitsDataset(lake.url), endpoint('daily'), apiKey('acme')]);
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

const linesOf = (requestId: string): readonly unknown[] =>
  world.observed.filter((event) => event.kind === 'request_ended' && event.requestId === requestId);
const daily = '/v1/endpoints/daily';
const message = { method: 'POST', headers: { 'content-type': 'application/json' } };

test.each<readonly [string, string, RequestInit, Record<string, unknown>]>([
  ['an unknown path', '/nowhere/a-secret', {}, { status: 404, route: null }],
  ['an unknown endpoint', '/v1/endpoints/none', {}, { status: 404, route: '/v1/endpoints/{name}', keyId: 'acme', endpoint: null }],
  ['another method', daily, { method: 'DELETE' }, { status: 405, route: '/v1/endpoints/{name}', method: 'DELETE' }],
  ['a path that does not decode', '/v1/endpoints/%ff', {}, { status: 400, route: null }],
  ['a body that is too long', daily, { method: 'POST', body: 'x'.repeat(1_000_001) }, { status: 413, route: null }],
  ['a message that is no JSON', '/mcp', { ...message, body: '{' }, { status: 400, route: '/mcp' }],
  ['a message that is too long', '/mcp', { ...message, body: `"${'x'.repeat(1_000_001)}"` }, { status: 413 }],
  ['a message by another method', '/mcp', { method: 'PUT' }, { status: 405, route: '/mcp' }],
  ['an answer', daily, {}, { status: 200, route: '/v1/endpoints/{name}', endpoint: 'daily', keyId: 'acme', snapshotId: 'a1' }],
])('%s leaves one line, with nothing of what was sent', async (what, path, init, expected) => {
  const requestId = `a-line-for-${what.replaceAll(' ', '-')}`;
  const response = await world.get(path, 'acme-token', { ...init, headers: { ...(init.headers as object), 'x-request-id': requestId } });
  await response.arrayBuffer();
  expect([response.status, response.headers.get('x-request-id')]).toEqual([expected['status'], requestId]);
  await until(() => linesOf(requestId).length > 0);
  expect(linesOf(requestId)).toEqual([expect.objectContaining(expected)]);
  expect(JSON.stringify(linesOf(requestId))).not.toMatch(/secret|xxx/);
});

const spoken = async (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(world.gateway.apiPort, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (text) => (answer += String(text)));
    socket.on('error', reject).on('close', () => resolve(answer));
  });

test.each<readonly [string, string, number, string | null]>([
  ['bytes that are no request', 'a-secret\r\n\r\n', 400, null],
  ['headers that are too long', `GET ${daily} HTTP/1.1\r\nHost: a\r\nA: ${'x'.repeat(70_000)}\r\n\r\n`, 431, null],
  ['a request without a host', `GET ${daily} HTTP/1.1\r\nConnection: close\r\nA: a-secret\r\n\r\n`, 400, 'GET'],
])('%s leave one line too, under the id of the answer', async (_what, bytes, status, method) => {
  const answer = await spoken(bytes);
  const requestId = /x-request-id: (\S+)/.exec(answer)?.[1] ?? '';
  expect([answer.slice(9, 12), requestId.length]).toEqual([String(status), 36]);
  expect(linesOf(requestId)).toEqual([expect.objectContaining({ status, method, route: null, endpoint: null, keyId: null, trace: null })]);
  expect(JSON.stringify(linesOf(requestId))).not.toMatch(/secret|xxx/);
});

test('a probe leaves none', async () => {
  const requestId = 'a-probe-of-a-load-balancer';
  expect((await world.get('/healthz', null, { headers: { 'x-request-id': requestId } })).status).toBe(200);
  await (await world.get(daily, 'acme-token', { headers: { 'x-request-id': 'what-comes-after-the-probe' } })).arrayBuffer();
  await until(() => linesOf('what-comes-after-the-probe').length === 1);
  expect(linesOf(requestId)).toEqual([]);
});

test('a bug is told with the id of its request, beside the line', async () => {
  const played: Played = await startPlayed([endpointOf({ cache: { policy: 'None' } })]);
  const requestId = 'a-request-that-meets-a-bug';
  played.outcome = { rows: [[['2026-01-01', 1n]]], until: Promise.reject(new Error('a bug')) };
  const response = await played.get('events', { headers: { 'x-request-id': requestId } });
  expect([response.status, response.headers.get('x-request-id')]).toEqual([500, requestId]);
  await response.arrayBuffer();
  await until(() => played.observed.some(({ kind }) => kind === 'request_ended'));
  expect(played.observed).toEqual([
    { kind: 'crashed', requestId, error: expect.stringContaining('a bug') },
    expect.objectContaining({ kind: 'request_ended', requestId, status: 500, endpoint: 'events' }),
  ]);
  await played.end();
});
