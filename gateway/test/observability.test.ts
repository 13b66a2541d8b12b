// What a gateway says of each request: a log line, timings, a span. A real process, a real receiver of OTLP.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, until, visitsDataset } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { type GatewayProcess, startProcess } from './support/process.ts';

type Span = {
  readonly name: string;
  /** 2 is SERVER. */
  readonly kind: number;
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
};

let lake: Lake;
let gateway: GatewayProcess;
let silent: GatewayProcess;
let receiver: Server;
const posted: string[] = [];
const spans: Span[] = [];
/** All that was ever sent, as it came. */
let exported = '';

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      posted.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers['x-team'] as string}`);
      const text = Buffer.concat(parts).toString();
      exported += text;
      const body = JSON.parse(text);
      for (const { scopeSpans } of body.resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  lake = await createLake();
  await lake.publish('a1', visits(1));
  const nowhere = { ...visitsDataset('file:///nowhere/manifest.json'), metadata: { name: 'nowhere' } };
  const later = endpoint('later', { datasetRef: { name: 'nowhere' } });
  const resources = [
    visitsDataset(lake.url),
    nowhere,
    endpoint('daily'),
    later,
    apiKey('acme'),
    apiKey('slow', { limits: { requestsPerDay: 1 } }),
  ];
  gateway = await startProcess(resources, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-team=data',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_SERVICE_NAME: 'visits-api',
  });
  silent = await startProcess(resources, { OTEL_SERVICE_NAME: 'nobody-asked' });
});
afterAll(async () => {
  await gateway.end();
  await silent.end();
  receiver.close();
  await lake.remove();
});

const ask = async (path: string, headers: Record<string, string> = {}, of = gateway): Promise<Response> => {
  const response = await fetch(`http://127.0.0.1:${of.apiPort}${path}`, { headers: { authorization: 'Bearer acme-token', ...headers } });
  await response.text();
  return response;
};
const lineOf = async (requestId: string): Promise<any> => {
  const find = (): string | undefined => gateway.lines.find((line) => line.includes(requestId));
  await until(() => find() !== undefined);
  return JSON.parse(find()!);
};
const daily = '/v1/endpoints/daily';
const id = (name: string): string => `request-${name}-0000000000000000`;

describe('the access log', () => {
  const canary = 'canary-of-the-log';
  test.each([
    [
      'miss',
      daily,
      {},
      { status: 200, cache: 'miss', rows: 15, endpoint: 'daily', keyId: 'acme', format: 'json', snapshotId: 'a1', level: 'info' },
    ],
    ['hit', daily, {}, { status: 200, cache: 'hit', rows: 15, endpoint: 'daily', poolWaitMs: null, queryMs: null }],
    ['csv', `${daily}.csv`, {}, { status: 200, cache: 'off', rows: 15, format: 'csv', snapshotId: 'a1' }],
    ['parquet', `${daily}.parquet`, {}, { status: 200, cache: 'off', rows: 15, format: 'parquet', snapshotId: 'a1' }],
    ['same', daily, { 'if-none-match': '*' }, { status: 304, cache: null, rows: null, snapshotId: 'a1' }],
    ['stranger', daily, { authorization: `Bearer ${canary}` }, { status: 401, endpoint: null, keyId: null, snapshotId: null }],
    ['unknown', `/v1/endpoints/${canary}`, {}, { status: 404, endpoint: null, keyId: 'acme' }],
    ['wrong', `${daily}?from=${canary}`, {}, { status: 422, endpoint: 'daily', keyId: 'acme', rows: null }],
    ['image', daily, { accept: 'image/png' }, { status: 406, format: null }],
    ['first', daily, { authorization: 'Bearer slow-token' }, { status: 200, keyId: 'slow' }],
    ['limited', daily, { authorization: 'Bearer slow-token' }, { status: 429, keyId: 'slow', endpoint: 'daily' }],
  ])('has one line for a request: %s', async (name, path, headers, expected) => {
    await ask(path, { 'x-request-id': id(name), ...headers });
    const line = await lineOf(id(name));
    expect(line).toMatchObject({ kind: 'request_ended', requestId: id(name), method: 'GET', ...expected });
    expect(line.tookMs).toBeGreaterThanOrEqual(0);
    expect(line.timestamp).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(gateway.lines.filter((one) => one.includes(id(name)))).toHaveLength(1);
    expect(JSON.stringify(line)).not.toMatch(/canary-of-the-log|acme-token|slow-token/);
  });
});

describe('Server-Timing', () => {
  test.each(['csv', 'ndjson', 'arrow', 'parquet'])('stands on a %s answer too', async (suffix) => {
    const timing = (await ask(`${daily}.${suffix}`)).headers.get('server-timing');
    expect(timing).toMatch(/^cache;desc=off, pool;dur=\d+\.\d, query;dur=\d+\.\d$/);
  });

  test('says where the time of a page went', async () => {
    expect((await ask(`${daily}?limit=3`)).headers.get('server-timing')).toMatch(/^cache;desc=miss, pool;dur=\d+\.\d, query;dur=\d+\.\d$/);
    expect((await ask(`${daily}?limit=3`)).headers.get('server-timing')).toBe('cache;desc=hit');
  });
});

describe('a trace', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const attributesOf = ({ attributes }: Span): Record<string, unknown> =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

  test('that a caller has begun goes on in the span and in the log', async () => {
    const tracestate = 'congo=ucfJifl5GOE,rojo=00f067aa0ba902b7';
    await ask(`${daily}?limit=4`, { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate, 'x-request-id': id('traced') });
    await until(() => spans.some((span) => span.traceId === traceId));
    const span = spans.find((one) => one.traceId === traceId)!;
    expect([span.name, span.parentSpanId, span.traceState]).toEqual(['GET /v1/endpoints/daily', '00f067aa0ba902b7', tracestate]);
    expect(attributesOf(span)).toMatchObject({
      'http.route': '/v1/endpoints/daily',
      'http.response.status_code': 200,
      'offloader.endpoint': 'daily',
      'offloader.snapshot_id': 'a1',
      'offloader.cache': 'miss',
      'offloader.request_id': id('traced'),
    });
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    expect((await lineOf(id('traced'))).trace).toEqual({ traceId, spanId: '00f067aa0ba902b7', traceFlags: 1 });
  });

  test('is begun where there is none, and one that cannot be read is none', async () => {
    await ask(`${daily}?limit=5`, { traceparent: '00-zzz-1-01', tracestate: 'congo=1', 'x-request-id': id('fresh') });
    const mine = (): Span | undefined => spans.find((span) => attributesOf(span)['offloader.request_id'] === id('fresh'));
    await until(() => mine() !== undefined);
    expect(mine()!.parentSpanId ?? '').toBe('');
    expect((await lineOf(id('fresh'))).trace).toBeNull();
  });

  const spanOf = async (name: string): Promise<Span> => {
    const mine = (): Span | undefined => spans.find((span) => attributesOf(span)['offloader.request_id'] === id(name));
    await until(() => mine() !== undefined);
    return mine()!;
  };
  const canary = 'canary-of-the-span';
  const unknown = '/v1/endpoints/{name}';
  test.each([
    ['answered', `${daily}?limit=7`, {}, 200, daily],
    ['as-csv', `${daily}.csv?from=2026-01-02`, {}, 200, daily],
    ['unchanged', daily, { 'if-none-match': '*' }, 304, daily],
    ['refused', `${daily}?from=${canary}`, {}, 422, daily],
    ['smuggled', `${daily}?${canary}=1`, {}, 422, daily],
    ['cursor', `${daily}?cursor=${canary}`, {}, 422, daily],
    ['nobody', daily, { authorization: `Bearer ${canary}` }, 401, unknown],
    ['no-name', `/v1/endpoints/${canary}`, {}, 404, unknown],
    ['not-loaded', '/v1/endpoints/later', { 'user-agent': canary, cookie: canary, tracestate: `a=${canary}` }, 503, '/v1/endpoints/later'],
  ])("of a request that is %s follows OpenTelemetry's conventions", async (name, path, headers, status, route) => {
    await ask(path, { 'x-request-id': id(name), ...headers });
    const span = await spanOf(name);
    expect([span.name, span.kind]).toEqual([`GET ${route}`, 2]);
    const conventional = Object.entries(attributesOf(span)).filter(([key]) => !key.startsWith('offloader.'));
    expect(Object.fromEntries(conventional)).toEqual({
      'http.request.method': 'GET',
      'http.route': route,
      'http.response.status_code': status,
      'url.scheme': 'http',
      'url.path': route,
      ...(status >= 500 ? { 'error.type': String(status) } : {}),
    });
    // Unset, or an error: a 4xx is the caller's.
    expect(span.status.code ?? 0).toBe(status >= 500 ? 2 : 0);
  });

  test('of a message to /mcp is on its own route, and a call is the span of its endpoint in the same trace', async () => {
    const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    const send = async (name: string, message: object): Promise<void> => {
      const headers = { authorization: 'Bearer acme-token', 'content-type': 'application/json', accept: 'application/json, text/event-stream', traceparent, 'x-request-id': id(name) };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, ...message });
      await (await fetch(`http://127.0.0.1:${gateway.apiPort}/mcp`, { method: 'POST', headers, body })).text();
    }; // prettier-ignore
    await send('tools', { method: 'tools/list' });
    await send('called', { method: 'tools/call', params: { name: 'daily', arguments: { from: '2026-01-02' } } });
    const [listed, called] = [await spanOf('tools'), await spanOf('called')];
    expect([listed.name, attributesOf(listed)['http.route'], called.name]).toEqual(['POST /mcp', '/mcp', `GET ${daily}`]);
    for (const { traceId: of, parentSpanId } of [listed, called]) expect([of, parentSpanId]).toEqual(['c'.repeat(32), 'd'.repeat(16)]);
  });

  test('that the caller does not sample is not sent', async () => {
    await ask(`${daily}?limit=8`, { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`, 'x-request-id': id('unsampled') });
    // They go out in the order in which they end.
    await ask(`${daily}?limit=8`, { 'x-request-id': id('after-it') });
    await spanOf('after-it');
    expect(exported).not.toContain(id('unsampled'));
  });

  test('holds no token, parameter value, cursor, unknown name or header of a caller', () => {
    expect(exported).toContain(id('not-loaded'));
    for (const secret of [canary, 'canary-of-the-log', 'acme-token', 'slow-token', '2026-01-02', 'limit=', 'Bearer'])
      expect(exported.includes(secret) ? secret : '').toBe('');
  });

  test('of a load has what was loaded', async () => {
    await until(() => spans.some(({ name }) => name === 'load snapshot'));
    expect(attributesOf(spans.find(({ name }) => name === 'load snapshot')!)).toMatchObject({
      'offloader.dataset': 'visits',
      'offloader.rows': 1000,
    });
  });

  test('goes to where the standard variables say, and nowhere when they say nothing', async () => {
    expect(new Set(posted)).toEqual(new Set(['POST /v1/traces data']));
    const before = posted.length;
    await ask(daily, {}, silent);
    expect(JSON.stringify(spans)).not.toContain('nobody-asked');
    expect(posted.length).toBe(before);
  });

  test('that is still unsent goes out when the gateway stops', async () => {
    await ask(`${daily}?limit=6`, { 'x-request-id': id('last') });
    gateway.child.kill('SIGTERM');
    expect(await gateway.exit).toBe(0);
    expect(spans.some((span) => attributesOf(span)['offloader.request_id'] === id('last'))).toBe(true);
  });
});
