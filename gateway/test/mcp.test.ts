// The tools of /mcp as an assistant uses them: the protocol's own client against a whole gateway.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';

let lake: Lake;
let ids: Lake;
let world: World;
const count = { select: [{ as: 'visits', column: 'visits', agg: 'count' }] };
const idsDataset = { apiVersion: 'offloader.dev/v1alpha1', kind: 'Dataset', metadata: { name: 'ids' } };
const all = (...more: unknown[]) => [
  visitsDataset(lake.url),
  { ...idsDataset, spec: { source: { manifest: { url: ids.url }, interval: '1s' }, schema: [{ name: 'id', type: 'BIGINT' }] } },
  endpoint('daily', { description: 'Visits per day' }),
  endpoint('rows', {
    params: [{ name: 'days', type: 'date', list: true, required: true, description: 'the days asked for' }],
    query: {
      select: [
        { as: 'day', column: 'day' },
        { as: 'visits', column: 'visits' },
      ],
      filters: [{ column: 'day', op: 'in', param: 'days' }],
    },
    columns: ['day', 'visits'],
    pagination: { defaultLimit: 10, maxLimit: 200_000 },
  }),
  endpoint('exact', {
    tenant: undefined,
    params: [{ name: 'id', type: 'integer' }],
    query: { select: [{ as: 'id', column: 'id' }], filters: [{ column: 'id', op: 'eq', param: 'id' }] },
    columns: ['id'],
    datasetRef: { name: 'ids' },
  }),
  endpoint('public', { tenant: undefined, params: [], query: count, columns: ['visits'] }),
  apiKey('acme'),
  apiKey('slow', { limits: { requestsPerDay: 2 } }),
  ...more,
];
const url = (): URL => new URL(`http://127.0.0.1:${world.gateway.apiPort}/mcp`);
const withClient = async <T>(token: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(url(), { requestInit: { headers: { authorization: `Bearer ${token}` } } }));
  try {
    return await work(client);
  } finally {
    await client.close();
  }
};
const toolsOf = async (token: string) => (await withClient(token, async (client) => client.listTools())).tools;
const call = async (token: string, name: string, args: Record<string, unknown> = {}): Promise<any> =>
  withClient(token, async (client) => client.callTool({ name, arguments: args }));
const errorOf = (answer: any): any => JSON.parse(answer.content[0].text).error;
const post = async (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url(), {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
  });
const list = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
const bearer = { authorization: 'Bearer acme-token' };

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1, 100_000));
  ids = await createLake('ids');
  await ids.publish('a1', 'SELECT unnest([9007199254740993, 7]) AS id');
  world = await startWorld(all(apiKey('beta', { endpoints: ['daily'] })));
});
afterAll(async () => {
  await world.end();
  await lake.remove();
  await ids.remove();
});

describe('the tools', () => {
  test('are the endpoints that the key is granted, with their parameters', async () => {
    const tools = await toolsOf('acme-token');
    expect(tools.map(({ name }) => name)).toEqual(['daily', 'exact', 'public', 'rows']);
    expect(tools[0]!.description).toContain('Visits per day Rows of day DATE, visits BIGINT, rows BIGINT.');
    const { days, limit } = tools[3]!.inputSchema.properties as any;
    expect([tools[3]!.inputSchema.required, days.type, days.items.format, days.description, limit.maximum]).toEqual([
      ['days'],
      'array',
      'date',
      'the days asked for',
      200_000,
    ]);
    expect((await toolsOf('beta-token')).map(({ name }) => name)).toEqual(['daily']);
  });

  test('answer what the endpoint answers, for the tenant of the key', async () => {
    const window = { from: '2026-01-03', to: '2026-01-04' };
    const answer = await call('acme-token', 'daily', window);
    const direct = (await (await world.get('/v1/endpoints/daily?from=2026-01-03&to=2026-01-04', 'acme-token')).json()) as any;
    expect(answer.isError).toBeUndefined();
    expect(answer.structuredContent.data).toEqual(direct.data);
    expect([answer.structuredContent.meta.cache, direct.meta.cache]).toEqual(['miss', 'hit']);
    const other = await call('beta-token', 'daily', window);
    expect(other.structuredContent.data).toHaveLength(1);
    expect(other.structuredContent.data).not.toEqual(direct.data);
  });

  test('take lists, numbers and cursors', async () => {
    const asked = { days: ['2026-01-01', '2026-01-03'], limit: 2 };
    const first = await call('acme-token', 'rows', asked);
    expect(first.structuredContent.meta).toMatchObject({ row_count: 2, next_cursor: expect.any(String) });
    const next = await call('acme-token', 'rows', { ...asked, cursor: first.structuredContent.meta.next_cursor });
    expect(next.structuredContent.meta.row_count).toBe(2);
  });

  test('lose no digit of an integer beyond 2^53, on the way in and on the way out', async () => {
    const found = await call('acme-token', 'exact', { id: '9007199254740993' });
    expect(found.content[0].text).toContain('"data":[{"id":9007199254740993}]');
    expect(found.structuredContent).toBeUndefined();
    expect((await call('acme-token', 'exact', { id: 7 })).structuredContent.data).toEqual([{ id: 7 }]);
    const rounded = await call('acme-token', 'exact', { id: 9007199254740993 });
    expect([rounded.isError, errorOf(rounded).message]).toEqual([true, expect.stringContaining('send it as text')]);
  });

  test.each([
    ['a parameter that is none', { tenant_id: 'beta' }],
    ['a value that is none', { from: 'yesterday' }],
    ['an object', { from: { $ne: 1 } }],
  ])('refuse %s in the words of the API', async (_what, args) => {
    const wrong = await call('acme-token', 'daily', args);
    expect([wrong.isError, errorOf(wrong).family]).toEqual([true, 'invalid_param']);
  });

  test('that are not granted and that are not there are answered alike', async () => {
    const unknown = await call('beta-token', 'no_such');
    expect(errorOf(unknown).family).toBe('not_found');
    for (const name of ['public', 'daily.csv', '../../healthz', 'daily?from=2026-01-01'])
      expect(await call('beta-token', name)).toEqual(unknown);
  });

  test('count against the limits of the key', async () => {
    const headers = { authorization: 'Bearer slow-token' };
    const asked = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'public', arguments: {} } });
    const called = async (): Promise<any> => ((await (await post(asked, headers)).json()) as any).result;
    expect([(await called()).isError, (await post(list, headers)).status]).toEqual([undefined, 200]);
    expect(errorOf(await called()).family).toBe('rate_limited');
    const over = await post(list, headers);
    expect([over.status, over.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    expect(world.observed).toContainEqual(expect.objectContaining({ kind: 'request_ended', keyId: 'slow', endpoint: null, status: 429 }));
  });

  test('are asked for one at a time', async () => {
    const batch = await post(`[${list},${list}]`, bearer);
    expect([batch.status, ((await batch.json()) as any).error.code]).toEqual([400, 'batch']);
  });

  test('break off an answer that is too long for a model, and the query with it', async () => {
    const days = Array.from({ length: 30 }, (_, n) => `2026-01-${String(n + 1).padStart(2, '0')}`);
    const long = await call('acme-token', 'rows', { days, limit: 200_000 });
    expect([long.isError, errorOf(long).message]).toEqual([true, expect.stringContaining('longer than 1 MB')]);
    await until(async () => ((await (await world.admin('/diagnostics', 'admin-token')).json()) as any).pool.busy === 0);
  });

  test('stand in the log as the endpoint they are', async () => {
    const before = world.observed.length;
    await call('acme-token', 'daily');
    const ended = world.observed.slice(before).filter((event) => event.kind === 'request_ended');
    expect(ended).toContainEqual(expect.objectContaining({ endpoint: 'daily', keyId: 'acme', status: 200 }));
  });
});

describe('/mcp itself', () => {
  test('refuses a caller without a key like any path, before it looks at the message', async () => {
    for (const body of [list, '{}']) {
      const answer = await post(body, { authorization: 'Bearer nobody' });
      const { error } = (await answer.json()) as any;
      expect([answer.status, answer.headers.get('www-authenticate'), error.family]).toEqual([401, 'Bearer', 'unauthorized']);
    }
  });

  test('needs no session: any replica answers any request', async () => {
    const answer = await post(list, bearer);
    expect([answer.status, answer.headers.get('mcp-session-id')]).toEqual([200, null]);
    expect(((await answer.json()) as any).result.tools).toHaveLength(4);
  });

  test.each(['GET', 'DELETE', 'PUT'])('%s is 405 with Allow', async (method) => {
    const answer = await fetch(url(), { method, headers: bearer });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test.each([
    ['that is not JSON', '{', 400],
    ['that is too long', `"${'x'.repeat(1_100_000)}"`, 413],
  ])('a body %s is refused in the envelope', async (_what, body, status) => {
    const answer = await post(body, bearer);
    expect([answer.status, ((await answer.json()) as any).error.family]).toEqual([status, 'invalid_param']);
  });

  test('a body that is too long and does not say so is refused as well', async () => {
    const pieces = Array.from({ length: 20 }, () => new Uint8Array(100_000).fill(120));
    const body = new ReadableStream({
      pull: (controller) => {
        const piece = pieces.pop();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    const headers = { ...bearer, 'content-type': 'application/json' };
    const answer = await fetch(url(), { method: 'POST', body, duplex: 'half', headers });
    expect(answer.status).toBe(413);
  });

  test('a page of a foreign origin is told that nothing is there', async () => {
    expect((await post(list, { ...bearer, origin: 'https://evil.example' })).status).toBe(404);
  });

  test('a key that is revoked is refused at its next call', async () => {
    await withClient('beta-token', async (client) => {
      await client.listTools();
      await world.write(all(apiKey('beta', { state: 'Revoked' })));
      await until(async () => (await world.get('/v1/endpoints/daily', 'beta-token')).status === 401);
      await expect(client.callTool({ name: 'daily', arguments: {} })).rejects.toThrow();
    });
  });
});
