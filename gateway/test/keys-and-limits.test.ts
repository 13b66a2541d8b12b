// What docs/keys-and-limits.md says: a key's limits, whoever it asks through, whatever is reloaded, however many keys there are.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CompiledKey } from '@offloader/contract';
import type { Response as Answer } from 'express';
import { createLimits } from '../src/http/limits.ts';
import { endpointOf } from './support/compiled.ts';
import { apiKey, endpoint, sha256, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { type Played, startPlayed } from './support/played.ts';

const daily = '/v1/endpoints/daily';
const many = 5000;
/** What an answer says of the limit. */
const told = ({ status, headers }: Response) => ({
  status,
  limit: headers.get('ratelimit-limit'),
  remaining: headers.get('ratelimit-remaining'),
  reset: headers.get('ratelimit-reset'),
  retryAfter: headers.get('retry-after'),
});

describe('a gateway', () => {
  let lake: Lake;
  let world: World;
  const numbered = Array.from({ length: many }, (_, n) => apiKey(`key-${n}`, { tenant: 'acme', limits: { requestsPerDay: 2 } }));
  const keys = (dailyOfAcme = 4) => [
    apiKey('acme', { limits: { requestsPerDay: dailyOfAcme } }),
    apiKey('tools', { limits: { requestsPerDay: 5 } }),
    apiKey('free'),
    apiKey('quiet'),
    apiKey('formats', { limits: { requestsPerSecond: 1000, burst: 2000, requestsPerDay: 5 } }),
  ];
  const all = (...more: unknown[]) => [visitsDataset(lake.url), endpoint('daily'), ...numbered, ...more];

  beforeAll(async () => {
    lake = await createLake();
    await lake.publish('a1', visits(1));
    world = await startWorld(all(...keys()));
  });
  afterAll(async () => {
    await world.end();
    await lake.remove();
  });
  const ask = async (token: string, path = daily, init: RequestInit = {}): Promise<Response> => {
    const response = await world.get(path, token, init);
    await response.arrayBuffer();
    return response;
  };
  const lastUses = async (): Promise<Map<string, string>> => {
    const { keys: used } = (await (await world.admin('/diagnostics', 'admin-token')).json()) as any;
    return new Map(used.map(({ id, last_used_at: at }: any) => [id, at]));
  };

  test('counts each of 5,000 keys by itself', async () => {
    const some = [0, 1, 2, 499, 2500, 4998, many - 1];
    const statuses = await Promise.all(
      some.map(async (n) => {
        const of: number[] = [];
        for (let asked = 0; asked < 3; asked += 1) of.push((await ask(`key-${n}-token`)).status);
        return of;
      }),
    );
    expect(statuses).toEqual(some.map(() => [200, 200, 429]));
    expect((await ask('key-3-token')).status).toBe(200);
  });

  test('tells on every answer what is left, and on a refusal when to come back', async () => {
    const day = { limit: '5', reset: expect.stringMatching(/^[1-9][0-9]*$/), retryAfter: null };
    const first = await ask('formats-token');
    expect(told(first)).toEqual({ ...day, status: 200, remaining: '4' });
    const unchanged = await ask('formats-token', daily, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
    expect(told(unchanged)).toEqual({ ...day, status: 304, remaining: '3' });
    expect(told(await ask('formats-token', `${daily}.csv`))).toEqual({ ...day, status: 200, remaining: '2' });
    expect(told(await ask('formats-token', daily, { method: 'HEAD' }))).toEqual({ ...day, status: 200, remaining: '1' });
    expect(told(await ask('formats-token', `${daily}?zz=1`))).toEqual({ ...day, status: 422, remaining: '0' });
    const refused = await world.get(daily, 'formats-token');
    expect(told(refused)).toEqual({ ...day, status: 429, remaining: '0', retryAfter: refused.headers.get('ratelimit-reset') });
    expect(((await refused.json()) as any).error).toMatchObject({ family: 'rate_limited', code: 'rate_limited' });
    // What is not there for a key costs it nothing, and says nothing of it.
    expect(told(await ask('formats-token', '/v1/endpoints/no_such'))).toEqual({ status: 404, limit: null, remaining: null, reset: null, retryAfter: null }); // prettier-ignore
  });

  test('has no limit for a key without one', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, async () => ask('free-token')));
    expect(answers.map(told)).toEqual(answers.map(() => ({ status: 200, limit: null, remaining: null, reset: null, retryAfter: null })));
  });

  test('takes the tools of assistants from the same limit', async () => {
    const client = new Client({ name: 'test', version: '1' });
    const url = new URL(`http://127.0.0.1:${world.gateway.apiPort}/mcp`);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: 'Bearer tools-token' } } }));
    // To say hello took two.
    const call = async () => client.callTool({ name: 'daily', arguments: {} });
    expect(told(await ask('tools-token'))).toMatchObject({ status: 200, remaining: '2' });
    expect((await call()).isError).toBeUndefined();
    expect(told(await ask('tools-token'))).toMatchObject({ status: 200, remaining: '0' });
    const refused = (await call()) as any;
    expect([refused.isError, JSON.parse(refused.content[0].text).error.family]).toEqual([true, 'rate_limited']);
    await client.close();
  });

  test('keeps what has been used over every reload, also over an edit of the limit', async () => {
    for (let n = 0; n < 4; n += 1) expect((await ask('acme-token')).status).toBe(200);
    expect((await ask('acme-token')).status).toBe(429);
    await world.write(all(...keys(), apiKey('late')));
    await until(async () => (await ask('late-token')).status === 200);
    expect((await ask('acme-token')).status).toBe(429);
    expect((await lastUses()).has('late')).toBe(true);
    await world.write(all(...keys(6)));
    await until(async () => (await ask('late-token')).status === 401);
    // A key that has gone leaves nothing behind.
    const left = await lastUses();
    expect([left.has('late'), left.has('acme')]).toEqual([false, true]);
    expect(told(await ask('acme-token'))).toMatchObject({ status: 200, limit: '6', remaining: '1' });
  });

  test('tells in its diagnostics when each key was used last, and counts what was refused', async () => {
    const before = Date.now();
    await ask('free-token');
    const uses = await lastUses();
    expect(Date.parse(uses.get('free') ?? '')).toBeGreaterThanOrEqual(before);
    expect(uses.has('quiet')).toBe(false);
    const metrics = await (await world.admin('/metrics')).text();
    const limited = world.observed.filter(({ kind }) => kind === 'rate_limited').length;
    expect(limited).toBeGreaterThan(0);
    expect(metrics).toContain(`offloader_rate_limited_total{endpoint="daily"} ${limited}\n`);
  });
});

describe('the clock', () => {
  let played: Played;
  const plain = endpointOf();
  const key = (limits: Partial<CompiledKey['limits']>): CompiledKey => ({
    id: 'acme',
    tenant: null,
    endpoints: ['*'],
    state: 'Active',
    expiresAt: null,
    hashes: [],
    limits: { requestsPerSecond: null, burst: null, requestsPerDay: null, ...limits },
  });
  const midnight = Date.parse('2026-02-01T00:00:00Z');
  beforeAll(async () => {
    played = await startPlayed([plain]);
  });
  afterEach(() => played.reset());
  afterAll(async () => played.end());
  const use = (limits: Partial<CompiledKey['limits']>, ...tokens: readonly string[]): void => {
    const one = { ...key(limits), id: `${played.nowMs}` };
    played.live = { ...played.live, auth: 'required', keys: new Map(tokens.map((token) => [sha256(token), one])) };
  };
  const ask = async (token = 'token') => {
    const response = await played.get(plain.name, { headers: { authorization: `Bearer ${token}` } });
    await response.arrayBuffer();
    return told(response);
  };

  test('gives a day back at midnight UTC', async () => {
    played.nowMs = midnight - 90_500;
    use({ requestsPerDay: 1 }, 'token');
    expect(await ask()).toMatchObject({ status: 200, reset: '91' });
    expect(await ask()).toMatchObject({ status: 429, retryAfter: '91' });
    played.nowMs = midnight - 1;
    expect(await ask()).toMatchObject({ status: 429, retryAfter: '1' });
    played.nowMs = midnight;
    expect(await ask()).toMatchObject({ status: 200, remaining: '0', reset: '86400' });
  });

  test('gives back as many requests as the rate says, up to the burst', async () => {
    played.nowMs = midnight + 1000;
    use({ requestsPerSecond: 2, burst: 4 }, 'token');
    expect(await ask()).toMatchObject({ status: 200, limit: '4', remaining: '3', reset: '1' });
    for (let n = 0; n < 3; n += 1) expect((await ask()).status).toBe(200);
    expect(await ask()).toMatchObject({ status: 429, remaining: '0', retryAfter: '1', reset: '2' });
    played.nowMs += 1000;
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 429]);
  });

  test('knows one key while its token is rotated: both tokens share its limits', async () => {
    played.nowMs = midnight + 2000;
    use({ requestsPerDay: 2 }, 'old', 'new');
    expect([(await ask('old')).status, (await ask('new')).status]).toEqual([200, 200]);
    expect([(await ask('old')).status, (await ask('new')).status]).toEqual([429, 429]);
  });
});

/** Nobody reads its headers. */
const unread = { set: () => undefined } as unknown as Answer;

test('a key that was removed is forgotten, and what the others have used is not', () => {
  const limits = createLimits();
  const [kept, removed] = ['kept', 'removed'].map((id) => ({ id, limits: { requestsPerSecond: null, burst: null, requestsPerDay: 1 } }) as unknown as CompiledKey); // prettier-ignore
  const isAllowed = (key: CompiledKey): boolean => limits.take(key, 0, unread) === undefined;
  for (const key of [kept!, removed!]) expect([isAllowed(key), isAllowed(key)]).toEqual([true, false]);
  limits.keepOnly(new Set(['kept']));
  expect([isAllowed(kept!), isAllowed(removed!)]).toEqual([false, true]);
});

test('5,000 keys that are all used have 5,000 counts', () => {
  const limits = createLimits();
  const keys = Array.from({ length: many }, (_, n) => ({ id: `key-${n}`, limits: { requestsPerSecond: null, burst: null, requestsPerDay: 1 + (n % 3) } }) as unknown as CompiledKey); // prettier-ignore
  for (let round = 1; round <= 4; round += 1)
    expect(keys.map((key) => limits.take(key, 0, unread) === undefined)).toEqual(keys.map((_, n) => round <= 1 + (n % 3)));
});
