// The contract's section "Response cache", a test per sentence.
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { settingsTable } from '../../src/index.ts';
import { endpointOf } from '../support/compiled.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { aRow, type Played, startPlayed } from '../support/played.ts';

let lake: Lake;
let world: World;
let played: Played;
const daily = '/v1/endpoints/daily';
const scoped = { version: 1, params: [{ name: 'from', type: 'date' }, { name: 'area', type: 'string', aliases: { shop: 'store' } }] }; // prettier-ignore
const resources = (spec: Record<string, unknown> = {}, annotations: Record<string, string> = {}) => {
  const dataset = visitsDataset(lake.url);
  return [
    { ...dataset, metadata: { ...dataset.metadata, annotations } },
    endpoint('daily', spec),
    endpoint('twin', spec),
    endpoint('off', { cache: { policy: 'None' } }),
    endpoint('aliased', { ...scoped, tenant: undefined, query: aliasedQuery, columns: ['day', 'visits'] }),
    apiKey('acme'),
    apiKey('beta'),
  ];
};
const aliasedQuery = {
  select: [{ as: 'day', column: 'day' }, { as: 'visits', column: 'visits' }],
  filters: [{ column: 'day', op: 'gte', param: 'from' }, { column: 'tenant_id', op: 'ne', param: 'area' }],
}; // prettier-ignore

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld(resources());
  played = await startPlayed([endpointOf({ freshness: { maxStaleness: '10m' }, pagination: { defaultLimit: 10, maxLimit: 1000 } })]);
});
afterAll(async () => {
  await world.end();
  await played.end();
  await lake.remove();
});
beforeEach(() => {
  played.outcome = { rows: [aRow] };
  played.reset();
});

const askOf = async (of: World, path: string, token: string | null = 'acme-token') => {
  const response = await of.get(path, token);
  const text = await response.text();
  const body = JSON.parse(text);
  return { status: response.status, text, meta: body.meta, dataBytes: text.slice(0, text.indexOf(',"meta":')) };
};
const ask = async (path: string, token?: string) => askOf(world, path, token);
const cacheOf = async (path: string, token?: string): Promise<string> => (await ask(path, token)).meta.cache as string;
const playedMeta = async (path: string): Promise<any> => ((await (await played.get(path)).json()) as any).meta;
const gauge = async (of: World, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (.+)$`, 'm').exec(await (await of.admin('/metrics')).text())?.[1]);

test('policy none ⇒ meta.cache "off" always. snapshot ⇒ first "miss", identical repeat "hit" with byte-identical data.', async () => {
  for (let n = 0; n < 3; n += 1) expect(await cacheOf('/v1/endpoints/off')).toBe('off');
  const answers = [await ask(daily), await ask(daily), await ask(daily)];
  expect(answers.map(({ meta }) => meta.cache as string)).toEqual(['miss', 'hit', 'hit']);
  expect(new Set(answers.map(({ dataBytes }) => dataBytes)).size).toBe(1);
  expect(answers[0]!.dataBytes.length).toBeGreaterThan(500);
});

describe('Key: dataset, endpoint, version, tenant, params, snapshot id.', () => {
  test('the same of each is a hit', async () => {
    await ask(`${daily}?from=2026-01-05`);
    expect(await cacheOf(`${daily}?from=2026-01-05`)).toBe('hit');
  });

  test('another endpoint with the same query is a miss', async () => {
    await ask(`${daily}?from=2026-01-06`);
    expect(await cacheOf('/v1/endpoints/twin?from=2026-01-06')).toBe('miss');
  });

  test('another dataset behind the same name is a miss with its own rows', async () => {
    const other = await createLake('other');
    await other.publish('a1', visits(77));
    const own = await startWorld(resources());
    try {
      const [first] = [await askOf(own, `${daily}?limit=3`), await askOf(own, `${daily}?limit=3`)];
      const dataset = { ...visitsDataset(other.url), metadata: { name: 'other' } };
      await own.write([dataset, endpoint('daily', { datasetRef: { name: 'other' } }), apiKey('acme')]);
      await until(async () => (await own.get('/v1/endpoints/twin', 'acme-token')).status === 404);
      await until(async () => (await own.get(`${daily}?limit=1`, 'acme-token')).status === 200);
      const moved = await askOf(own, `${daily}?limit=3`);
      expect([moved.meta.cache, moved.meta.snapshot_id]).toEqual(['miss', 'a1']);
      expect(moved.dataBytes).not.toBe(first.dataBytes);
    } finally {
      await own.end();
      await other.remove();
    }
  });
});

test('Other tenant, other params, other snapshot, other version ⇒ miss.', async () => {
  const own = await startWorld(resources());
  try {
    const path = `${daily}?limit=5`;
    const seen = async (token?: string, at = path) => (await askOf(own, at, token)).meta.cache as string;
    expect([await seen(), await seen()]).toEqual(['miss', 'hit']);
    expect([await seen('beta-token'), await seen('beta-token')]).toEqual(['miss', 'hit']);
    expect([await seen('acme-token', `${daily}?limit=6`), await seen('acme-token', `${daily}?limit=5&offset=1`), await seen('acme-token', `${path}&columns=day`), await seen('acme-token', `${path}&from=2026-01-02`)]).toEqual(['miss', 'miss', 'miss', 'miss']); // prettier-ignore
    expect(await seen()).toBe('hit');
    const lakeBefore = (await askOf(own, path)).meta.snapshot_id;
    await lake.publish('a2', visits(2));
    await until(async () => (await askOf(own, '/v1/endpoints/off')).meta.snapshot_id === 'a2');
    expect([lakeBefore, await seen(), await seen()]).toEqual(['a1', 'miss', 'hit']);
    await own.write(resources({ version: 2 }));
    await until(async () => (await askOf(own, `${daily}?limit=1`)).meta.version === 2);
    expect([await seen(), await seen()]).toEqual(['miss', 'hit']);
    // The other gateway takes the snapshot too, and drops what it has: not in the midst of a test.
    await until(async () => (await ask('/v1/endpoints/off')).meta.snapshot_id === 'a2');
  } finally {
    await own.end();
  }
});

test('Never time-based.', async () => {
  expect((await playedMeta('events?limit=21')).cache).toBe('miss');
  played.nowMs += 10 * 365 * 86_400_000;
  expect((await playedMeta('events?limit=21')).cache).toBe('hit');
  expect(played.queries()).toBe(1);
});

test('Errors are never cached.', async () => {
  for (const failure of ['busy', 'timeout', { engine: 'IO Error: x' }] as const) {
    played.outcome = { failure };
    expect([503, 504, 500]).toContain((await played.get('events?limit=31')).status);
  }
  expect(played.queries()).toBe(3);
  played.outcome = { rows: [aRow] };
  expect([(await playedMeta('events?limit=31')).cache, (await playedMeta('events?limit=31')).cache]).toEqual(['miss', 'hit']);
});

test('A hit still has fresh generated_at, request_id, age_seconds, stale.', async () => {
  played.nowMs = Date.parse('2026-01-31T00:10:00Z');
  const first = await playedMeta('events?limit=41');
  played.nowMs += 1000;
  const again = await playedMeta('events?limit=41');
  expect([first, again]).toMatchObject([
    { cache: 'miss', generated_at: '2026-01-31T00:10:00.000Z', freshness: { age_seconds: 600, stale: false } },
    { cache: 'hit', generated_at: '2026-01-31T00:10:01.000Z', freshness: { age_seconds: 601, stale: true } },
  ]);
  expect(again.request_id).not.toBe(first.request_id);
});

test('Bounded by OFFLOADER_CACHE_MAX_ENTRIES (default 10000): 300 distinct requests with cap 40 leave ≤ ~40 entries.', async () => {
  expect([settingsTable.cacheMaxEntries.env, settingsTable.cacheMaxEntries.fallback]).toEqual(['OFFLOADER_CACHE_MAX_ENTRIES', 10_000]);
  const own = await startWorld(resources(), { OFFLOADER_CACHE_MAX_ENTRIES: '40' });
  try {
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    for (let from = 0; from < 300; from += 10)
      await Promise.all(
        numbers.slice(from, from + 10).map(async (n) => expect((await askOf(own, `${daily}?offset=${n}`)).status).toBe(200)),
      );
    expect(await gauge(own, 'offloader_cache_entries')).toBe(40);
    expect((await askOf(own, `${daily}?offset=299`)).meta.cache).toBe('hit');
    expect((await askOf(own, `${daily}?offset=0`)).meta.cache).toBe('miss');
  } finally {
    await own.end();
  }
});

describe('Bounded in bytes too (default 256 MiB), least recently used out first; identical misses in flight run one query; equal requests written differently (limit omitted or default, column order) share an entry.', () => {
  test('bytes, the least recently used out first, also with many requests at once', async () => {
    expect([settingsTable.cacheMaxBytes.env, settingsTable.cacheMaxBytes.fallback]).toEqual(['OFFLOADER_CACHE_MAX_BYTES', 256 * 2 ** 20]);
    const own = await startWorld(resources(), { OFFLOADER_CACHE_MAX_BYTES: '10000' });
    const seen = async (n: number): Promise<string> => (await askOf(own, `${daily}?limit=15&columns=day,visits&to=2026-02-${String(n).padStart(2, '0')}`)).meta.cache; // prettier-ignore
    try {
      await seen(1);
      let most = 0;
      for (let n = 2; n < 28; n += 4) {
        await Promise.all([n, n + 1, n + 2, n + 3].map(async (day) => seen(Math.min(day, 28))));
        expect(await seen(1)).toBe('hit');
        const bytes = await gauge(own, 'offloader_cache_bytes');
        expect(bytes).toBeLessThanOrEqual(10_000);
        most = Math.max(most, bytes);
      }
      expect(most).toBeGreaterThan(7000);
      expect([await seen(1), await seen(28), await seen(2)]).toEqual(['hit', 'hit', 'miss']);
    } finally {
      await own.end();
    }
  });

  test('20 identical misses in flight run one query and get the same bytes', async () => {
    const gate = Promise.withResolvers<undefined>();
    played.outcome = { rows: [aRow], until: gate.promise };
    const asked = Array.from({ length: 20 }, async () => (await played.get('events?limit=51')).text());
    // Each request holds a lease of its own, and so does the query.
    await until(() => played.leases() === 21);
    gate.resolve(undefined);
    const texts = await Promise.all(asked);
    expect(new Set(texts.map((text) => text.slice(0, text.indexOf(',"meta"')))).size).toBe(1);
    expect(played.queries()).toBe(1);
    expect(played.leases()).toBe(0);
  });

  test.each([
    [daily, [`${daily}?limit=50`, `${daily}?offset=0`, `${daily}?limit=050`, `${daily}?columns=rows,visits,day`, `${daily}?columns=%20day,visits,%20rows,rows`, `${daily}/`, `${daily}?`, `${daily}.json`]],
    [`${daily}?from=2026-01-02&to=2026-01-20`, [`${daily}?to=2026-01-20&from=2026-01-02`, `${daily}?from=2026-01-01&to=2026-01-20&from=2026-01-02`, `${daily}?from=2026%2D01-02&to=2026-01-20`]],
    ['/v1/endpoints/aliased?area=store', ['/v1/endpoints/aliased?area=shop']],
  ])('%s is shared by whatever is equal', async (path, equals) => {
    await ask(path);
    const { dataBytes } = await ask(path);
    for (const equal of equals) {
      const answer = await ask(equal);
      expect([equal, answer.meta.cache, answer.dataBytes === dataBytes]).toEqual([equal, 'hit', true]);
    }
  }); // prettier-ignore
});

describe('Forced refresh of the same snapshot id flushes too; config reload flushes all.', () => {
  test('config reload', async () => {
    const paths = [`${daily}?limit=2`, '/v1/endpoints/twin?limit=2'];
    for (const path of paths) await ask(path);
    const before = await Promise.all(paths.map(async (path) => ask(path)));
    expect(before.map(({ meta }) => meta.cache as string)).toEqual(['hit', 'hit']);
    await world.write([...resources(), apiKey('more')]);
    await until(async () => (await world.get('/v1/endpoints/off', 'more-token')).status === 200);
    const after = await Promise.all(paths.map(async (path) => ask(path)));
    expect(after.map(({ meta }) => meta.cache as string)).toEqual(['miss', 'miss']);
    expect(after.map(({ meta }) => meta.snapshot_id as string)).toEqual(before.map(({ meta }) => meta.snapshot_id as string));
  });

  test('a forced refresh, after the configuration that asked for it', async () => {
    const caches: string[] = [];
    const started = world.observed.length;
    await world.write(resources({}, { 'offloader.dev/refresh-requested-at': '2026-11-24T10:00:00Z' }));
    await until(() => world.observed.slice(started).some((event) => event.kind === 'config_applied'));
    const { snapshot_id: id } = (await ask(daily)).meta;
    await until(async () => {
      const { meta } = await ask(`${daily}?limit=3`);
      expect(meta.snapshot_id).toBe(id);
      caches.push(meta.cache as string);
      return caches.filter((cache) => cache === 'miss').length === 2;
    });
    expect(caches).toContain('hit');
  });
});

describe('A hit needs no pool connection (works while the pool is saturated).', () => {
  let busy: World;
  let reader: Socket;
  beforeAll(async () => {
    await lake.publish('big', visits(3, 3_000_000));
    const rows = { query: { select: [{ as: 'day', column: 'day' }] }, params: [], columns: ['day'], pagination: { defaultLimit: 1, maxLimit: 10_000_000 } };
    busy = await startWorld([...resources(), endpoint('rows', rows)], { OFFLOADER_POOL_SIZE: '1', OFFLOADER_QUERY_TIMEOUT: '10m' });
  }); // prettier-ignore
  afterAll(async () => {
    reader.destroy();
    await busy.end();
  });

  test('hits are answered, misses are 503', async () => {
    const { dataBytes } = await askOf(busy, daily);
    // One reader that stands still holds the one connection.
    reader = connect(busy.gateway.apiPort, '127.0.0.1');
    reader.write('GET /v1/endpoints/rows.csv?limit=10000000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme-token\r\n\r\n');
    await new Promise((resolve) => reader.once('readable', resolve));
    expect(((await (await busy.admin('/diagnostics', 'admin-token')).json()) as any).pool).toMatchObject({ busy: 1, saturated: true });
    for (let n = 0; n < 20; n += 1) {
      const hit = await askOf(busy, daily);
      expect([hit.status, hit.meta.cache, hit.dataBytes === dataBytes]).toEqual([200, 'hit', true]);
    }
    expect((await busy.get(`${daily}?limit=7`, 'acme-token')).status).toBe(503);
    expect((await busy.get(daily, 'beta-token')).status).toBe(503);
  });
});
