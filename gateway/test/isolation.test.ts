// Tenants kept apart: under load, across cursors, ETags and cache entries, and while their endpoints and keys are edited.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';

const tenants = ['acme', 'beta', 'gamma', 'delta'] as const;
type Tenant = (typeof tenants)[number];
type Answer = { readonly status: number; readonly text: string; readonly headers: Record<string, string> };

let lake: Lake;
let world: World;
let folder: string;
let duckdb: DuckDBConnection;
/** Every value of a row names its tenant. */
const rows = (edition: number): string =>
  `SELECT t AS tenant_id, t || '-' || i AS label, DATE '2026-01-01' + (i % 28)::INTEGER AS day, ${edition}::BIGINT AS visits, 'other-' || t AS owner_id
   FROM range(400) r(i), (SELECT unnest(['acme', 'beta', 'gamma', 'delta']) AS t)`;
const schema = ['tenant_id', 'label', 'owner_id'].map((name) => ({ name, type: 'VARCHAR' }));
const dataset = (tenantColumn = 'tenant_id') => {
  const made = visitsDataset(lake.url, { snapshot: { keep: 3 }, tenantColumn });
  return { ...made, spec: { ...made.spec, schema: [...schema, { name: 'day', type: 'DATE' }, { name: 'visits', type: 'BIGINT' }] } };
};
const spec = (tenantColumn = 'tenant_id') => ({
  tenant: { column: tenantColumn },
  params: [{ name: 'from', type: 'date' }],
  query: {
    select: [
      { as: 'label', column: 'label' },
      { as: 'day', column: 'day' },
    ],
    filters: [{ column: 'day', op: 'gte', param: 'from' }],
    orderBy: [{ column: 'label' }],
  },
  columns: ['label', 'day'],
  pagination: { defaultLimit: 50, maxLimit: 1000 },
});
const totals = {
  params: [],
  query: { select: [{ as: 'rows', column: 'label', agg: 'count' }, { as: 'first', column: 'label', agg: 'min' }, { as: 'last', column: 'label', agg: 'max' }] },
  columns: ['rows', 'first', 'last'],
}; // prettier-ignore
const resources = (...keys: readonly unknown[]) => [
  dataset(),
  endpoint('rows', spec()),
  endpoint('scanned', { ...spec(), servingMode: 'RemoteScan' }),
  endpoint('uncached', { ...spec(), cache: { policy: 'None' } }),
  endpoint('totals', totals),
  ...(keys.length > 0 ? keys : tenants.map((tenant) => apiKey(tenant))),
];

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('s1', rows(1));
  // A connection for each: who has to wait for one is told to come back, the sooner the slower the machine.
  world = await startWorld(resources(), {
    OFFLOADER_POOL_SIZE: '256',
    OFFLOADER_REMOTE_SCAN_CONCURRENCY: '256',
    OFFLOADER_QUERY_TIMEOUT: '10m',
  });
  folder = await mkdtemp(join(tmpdir(), 'offloader-isolation-'));
  duckdb = await (await DuckDBInstance.create(':memory:')).connect();
});
afterAll(async () => {
  await world.end();
  await lake.remove();
  duckdb.closeSync();
  await rm(folder, { recursive: true });
});

let files = 0;
/** Its columns are compressed: only who reads it knows whose rows they are. */
const parquetText = async (bytes: Uint8Array): Promise<string> => {
  files += 1;
  const file = join(folder, `${files}.parquet`);
  await writeFile(file, bytes);
  return JSON.stringify((await duckdb.runAndReadAll(`SELECT * FROM read_parquet('${file}')`)).getRowObjectsJson());
};
const ask = async (path: string, tenant: string, headers: Record<string, string> = {}): Promise<Answer> => {
  const response = await world.get(`/v1/endpoints/${path}`, `${tenant}-token`, { headers });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isParquet = response.status === 200 && response.headers.get('content-type') === 'application/vnd.apache.parquet';
  return {
    status: response.status,
    text: isParquet ? await parquetText(bytes) : bytes.toString(),
    headers: Object.fromEntries(response.headers),
  };
};
/** The same question to the tool of that name; its status is that of the answer within. */
const call = async (name: string, args: Record<string, unknown>, tenant: string): Promise<Answer> => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } });
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const response = await world.get('/mcp', `${tenant}-token`, { method: 'POST', body, headers });
  const { result } = (await response.json()) as { result: { isError?: boolean; content: [{ text: string }] } };
  const { text } = result.content[0];
  return { status: result.isError === true ? (text.includes('"busy"') ? 503 : 422) : response.status, text, headers: {} };
};
/** Names of other tenants in an answer. */
const strangers = (tenant: Tenant, { text }: Answer): readonly string[] =>
  tenants.filter((other) => other !== tenant && text.includes(`${other}-`));
const cursorOf = ({ text }: Answer): string => (JSON.parse(text) as { meta: { next_cursor: string } }).meta.next_cursor;
/** What differs between two answers besides the request's own id and time. */
const comparable = ({ status, text, headers }: Answer): unknown => {
  const { date: _date, 'x-request-id': _id, 'server-timing': _timing, 'content-length': _length, ...others } = headers;
  return { status, text: text.replace(/"(request_id|generated_at)":"[^"]*"/g, ''), headers: others };
};

describe('200 requests at once, of all tenants to all endpoints, three times over', () => {
  test.each([1, 2, 3])('round %d: every answer is one of its own tenant, whole', async (round) => {
    const paths = [
      'rows?limit=1000',
      'rows?from=2026-01-10',
      'scanned?limit=1000',
      'uncached?limit=100',
      'totals',
      'rows.csv?limit=1000',
      'rows.ndjson',
      'rows.arrow?limit=200',
      'rows.parquet?limit=1000',
      'rows.parquet?from=2026-01-10',
      'scanned.csv?limit=300',
      'tool rows',
      'tool totals',
    ];
    const asked = Array.from({ length: 200 }, (_, n) => ({
      tenant: tenants[(n * 7 + round) % tenants.length]!,
      path: paths[(n * 5 + round) % paths.length]!,
    }));
    const send = async (path: string, tenant: Tenant): Promise<Answer> =>
      path.startsWith('tool ') ? call(path.slice(5), {}, tenant) : ask(path, tenant);
    const answers = await Promise.all(asked.map(async (one) => ({ ...one, answer: await send(one.path, one.tenant) })));
    const wrong = answers.filter(({ tenant, answer }) => answer.status !== 200 || strangers(tenant, answer).length > 0);
    expect(wrong.map(({ tenant, path, answer }) => `${tenant} ${path} ${answer.status} ${strangers(tenant, answer).join()}`)).toEqual([]);
    const whole = answers.filter(({ path }) => path === 'rows?limit=1000');
    expect(whole.length).toBeGreaterThan(5);
    for (const { answer } of whole) expect((JSON.parse(answer.text) as { meta: { row_count: number } }).meta.row_count).toBe(400);
    // Each form was answered, with rows of the caller in it.
    for (const path of paths)
      expect(answers.some((one) => one.path === path && one.answer.text.includes(`${one.tenant}-`)) ? '' : path).toBe('');
  });
});

describe('what one tenant holds says nothing to another', () => {
  test('a cursor is answered like one that was tampered with', async () => {
    const mine = cursorOf(await ask('rows', 'acme'));
    const tampered = `${mine.slice(0, -4)}${mine.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
    expect(strangers('acme', await ask(`rows?cursor=${mine}`, 'acme'))).toEqual([]);
    for (const other of ['beta', 'gamma', 'delta']) {
      const [foreign, broken] = [await ask(`rows?cursor=${mine}`, other), await ask(`rows?cursor=${tampered}`, other)];
      expect(foreign.status).toBe(422);
      expect(comparable(foreign)).toEqual(comparable(broken));
    }
  });

  test.each(['csv', 'ndjson', 'arrow', 'parquet'])('a cursor is no better as %s', async (form) => {
    const mine = cursorOf(await ask('rows', 'acme'));
    const next = await ask(`rows.${form}?cursor=${mine}`, 'acme');
    expect([next.status, next.text.includes('acme-'), strangers('acme', next)]).toEqual([200, true, []]);
    const [foreign, broken] = [await ask(`rows.${form}?cursor=${mine}`, 'beta'), await ask(`rows.${form}?cursor=zz`, 'beta')];
    expect([foreign.status, comparable(foreign)]).toEqual([422, comparable(broken)]);
  });

  test('a cursor is no better for a tool, and a tool that is not granted says nothing', async () => {
    const mine = cursorOf(await call('rows', {}, 'acme'));
    expect(strangers('acme', await call('rows', { cursor: mine }, 'acme'))).toEqual([]);
    const [foreign, broken] = [await call('rows', { cursor: mine }, 'beta'), await call('rows', { cursor: 'zz' }, 'beta')];
    expect([foreign.status, comparable(foreign)]).toEqual([422, comparable(broken)]);
    for (const args of [{ tenant_id: 'acme' }, { tenant: 'acme' }, { owner_id: 'other-acme' }])
      expect((await call('rows', args, 'beta')).status).toBe(422);
  });

  test.each(['csv', 'ndjson', 'arrow', 'parquet'])('an ETag of %s is answered with rows of the caller, never with 304', async (form) => {
    const mine = await ask(`rows.${form}?limit=5`, 'acme');
    const headers = { 'if-none-match': mine.headers['etag']! };
    expect((await ask(`rows.${form}?limit=5`, 'acme', headers)).status).toBe(304);
    const other = await ask(`rows.${form}?limit=5`, 'beta', headers);
    expect([other.status, other.text.includes('beta-'), strangers('beta', other)]).toEqual([200, true, []]);
  });

  test('an ETag is answered with rows of the caller, never with 304', async () => {
    const mine = await ask('rows?limit=5', 'acme');
    expect((await ask('rows?limit=5', 'acme', { 'if-none-match': mine.headers['etag']! })).status).toBe(304);
    for (const other of ['beta', 'gamma', 'delta'] as const) {
      const answer = await ask('rows?limit=5', other, { 'if-none-match': mine.headers['etag']! });
      expect([answer.status, strangers(other, answer), answer.headers['etag'] === mine.headers['etag']]).toEqual([200, [], false]);
    }
  });

  test('a cached answer is a miss, and says so', async () => {
    const cacheOf = ({ text }: Answer): unknown => (JSON.parse(text) as { meta: { cache: unknown } }).meta.cache;
    expect([cacheOf(await ask('rows?limit=17', 'acme')), cacheOf(await ask('rows?limit=17', 'acme'))]).toEqual(['miss', 'hit']);
    const other = await ask('rows?limit=17', 'beta');
    expect([cacheOf(other), strangers('beta', other)]).toEqual(['miss', []]);
  });

  test('the name of a tenant opens nothing: no parameter, header or path takes it', async () => {
    const plain = await ask('totals', 'acme');
    for (const path of ['totals?tenant=beta', 'totals?tenant_id=beta', 'totals?tenantId=beta', 'totals?owner_id=other-beta'])
      expect((await ask(path, 'acme')).status).toBe(422);
    for (const name of ['x-tenant', 'x-tenant-id', 'tenant', 'tenant_id', 'x-forwarded-user', 'cookie']) {
      const answer = await ask('totals', 'acme', { [name]: 'beta' });
      expect([answer.status, (JSON.parse(answer.text) as { data: unknown }).data]).toEqual([
        200,
        (JSON.parse(plain.text) as { data: unknown }).data,
      ]);
    }
  });
});

describe('edits', () => {
  test('a key that is given to another tenant sees that one alone from its next request on, and its old cursor is none', async () => {
    const [before, etag] = [await ask('rows', 'acme'), (await ask('rows?limit=3', 'acme')).headers['etag']!];
    await world.write(resources(apiKey('acme', { tenant: 'beta' }), apiKey('beta')));
    const first = (): Promise<Answer> => ask('totals', 'acme');
    await until(async () => (await first()).text.includes('beta-'));
    for (const path of ['rows', 'rows?limit=1000', 'scanned', 'uncached']) {
      const answer = await ask(path, 'acme');
      expect([answer.status, strangers('beta', answer)]).toEqual([200, []]);
    }
    expect((await ask(`rows?cursor=${cursorOf(before)}`, 'acme')).status).toBe(422);
    expect((await ask('rows?limit=3', 'acme', { 'if-none-match': etag })).status).toBe(200);
    await world.write(resources());
    await until(async () => (await first()).text.includes('acme-'));
  });

  test('a change of the tenant column never shows a row of another tenant, whatever is asked meanwhile', async () => {
    const asking = { on: true };
    const wrong: string[] = [];
    const seen = new Set<number>();
    const load = Array.from({ length: 4 }, async (_, n) => {
      const tenant = tenants[n]!;
      while (asking.on) {
        const answer = await ask('rows?limit=100', tenant);
        seen.add(answer.status);
        // Under the new column nobody has this key's tenant: an empty answer, or none.
        if (strangers(tenant, answer).length > 0) wrong.push(`${tenant} ${answer.status}`);
      }
    });
    await world.write([
      dataset('owner_id'),
      endpoint('rows', spec('owner_id')),
      ...tenants.map((tenant) => apiKey(tenant)),
      apiKey('moved', { tenant: 'other-beta' }),
    ]);
    await until(async () => (await ask('rows?limit=1000', 'moved')).text.includes('beta-1'));
    const moved = await ask('rows?limit=1000', 'moved');
    expect(strangers('beta', moved)).toEqual([]);
    expect((JSON.parse((await ask('rows', 'acme')).text) as { data: unknown[] }).data).toEqual([]);
    asking.on = false;
    await Promise.all(load);
    expect(wrong).toEqual([]);
    expect([...seen].filter((status) => status !== 200)).toEqual([]);
  });
});
