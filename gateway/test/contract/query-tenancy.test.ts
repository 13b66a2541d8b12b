// The contract's "Query semantics and tenancy": tenants, parameter types, cursors and serving modes, a test for each sentence.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compile } from '@offloader/contract';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { dataset as eventsDataset, plainEndpoint } from '../support/compiled.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';

let lake: Lake;
let world: World;
const types = [
  { name: 'word', type: 'string', minLength: 2, maxLength: 4, pattern: '^[a-z]+$' },
  { name: 'face', type: 'string', minLength: 3, maxLength: 3 },
  { name: 'tricky', type: 'string', pattern: '^(a+)+$' },
  { name: 'whole', type: 'integer', min: -5, max: 5 },
  { name: 'real', type: 'number' },
  { name: 'flag', type: 'boolean' },
  { name: 'on', type: 'date' },
  { name: 'at', type: 'timestamp' },
  { name: 'kind', type: 'enum', enum: ['acme', 'beta'] },
];
const comparedWith: Readonly<Record<string, string>> = {
  word: 'tenant_id',
  face: 'tenant_id',
  tricky: 'tenant_id',
  whole: 'visits',
  real: 'visits',
  on: 'day',
  at: 'day',
  kind: 'tenant_id',
};
const typed = (isList: boolean) =>
  endpoint(isList ? 'lists' : 'types', {
    tenant: undefined,
    params: types.filter(({ name }) => !isList || name !== 'flag').map((param) => (isList ? { ...param, list: true } : param)),
    query: {
      select: [{ as: 'rows', column: 'visits', agg: 'count' }],
      filters: types
        .filter(({ name }) => !isList || name !== 'flag')
        .map(({ name: param }) =>
          param === 'flag' ? { column: 'visits', op: 'is_null', param } : { column: comparedWith[param], op: isList ? 'in' : 'eq', param },
        ),
    },
    columns: ['rows'],
  });
const walked = (name: string) =>
  endpoint(name, {
    params: [{ name: 'from', type: 'date' }],
    query: {
      select: [
        { as: 'day', column: 'day' },
        { as: 'visits', column: 'visits', agg: 'sum' },
      ],
      filters: [{ column: 'day', op: 'gte', param: 'from' }],
      groupBy: ['day'],
    },
    columns: ['day', 'visits'],
  });
const resources = (...others: readonly unknown[]) => [
  visitsDataset(lake.url, { snapshot: { keep: 3 } }),
  walked('walked'),
  walked('other'),
  endpoint('open', { tenant: undefined }),
  typed(false),
  typed(true),
  ...others,
  ...['acme', 'beta', 'nobody'].map((tenant) => apiKey(tenant)),
];
const scan = () => endpoint('scan', { servingMode: 'RemoteScan' });

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('s1', visits(1));
  world = await startWorld(resources(endpoint('table'), scan()), { OFFLOADER_POOL_SIZE: '256' });
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

type Row = Record<string, unknown>;
type Body = {
  data: Row[];
  meta: { snapshot_id: string; next_cursor: string | null; row_count: number };
  error?: { code: string; family: string };
};
const ask = async (path: string, tenant = 'acme'): Promise<{ status: number; body: Body }> => {
  const response = await world.get(`/v1/endpoints/${path}`, `${tenant}-token`);
  return { status: response.status, body: (await response.json()) as Body };
};
const publish = async (id: string, n: number): Promise<void> => {
  await lake.publish(id, visits(n));
  await until(async () => (await ask('walked?limit=1')).body.meta.snapshot_id === id);
};

test("Tenant filter value comes only from the key and is ANDed in; two tenants' results are disjoint; 200 concurrent mixed-tenant requests never bleed.", async () => {
  // In this lake acme has the odd days and beta the even ones.
  const parity = { acme: 1, beta: 0 } as const;
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const tenant = n % 2 === 0 ? 'acme' : 'beta';
      return { tenant, ...(await ask(`table?limit=${10 + (n % 7)}`, tenant)) } as const;
    }),
  );
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  for (const { tenant, body } of answers)
    expect(body.data.filter(({ day }) => Number(String(day).slice(8)) % 2 !== parity[tenant])).toEqual([]);
  expect((await ask('table?tenant_id=beta')).status).toBe(422);
  expect((await ask('table?from=2026-01-02&to=2026-01-02')).body.data).toEqual([]);
  expect((await ask('table?from=2026-01-02&to=2026-01-02', 'beta')).body.data).toHaveLength(1);
});

test('A key on a non-tenant endpoint works; its tenant is not applied.', async () => {
  for (const tenant of ['acme', 'beta', 'nobody']) expect((await ask('open', tenant)).body.data).toHaveLength(30);
});

describe('Parameter types: string (with minLength, maxLength, pattern), integer (min, max), number, boolean, date, timestamp, enum, and a list of any of these for `in`.', () => {
  const good = [['word', 'acme'], ['face', '😀😀😀'], ['tricky', 'aaa'], ['whole', '-5'], ['whole', '5'], ['real', '1.5'], ['on', '2026-01-01'], ['at', '2026-01-01T00:00:00Z'], ['kind', 'beta']] as const; // prettier-ignore
  const bad = [
    ['word', 'a'], ['word', 'abcde'], ['face', '😀😀'], ['face', '😀😀😀😀'], ['tricky', `${'a'.repeat(32)}!`], ['tricky', 'a'.repeat(1001)], ['word', 'ABC'], ['whole', '6'], ['whole', '-6'], ['whole', '1.5'], ['real', 'x'],
    ['on', '2026-02-30'], ['at', '2026-01-01T25:00:00Z'], ['kind', 'gamma'],
  ] as const; // prettier-ignore
  test.each([...good, ['flag', 'true'] as const])('%s takes %s', async (name, value) => {
    expect((await ask(`types?${name}=${value}`)).status).toBe(200);
  });
  test.each([...bad, ['flag', 'maybe'] as const])('%s does not take %s', async (name, value) => {
    expect((await ask(`types?${name}=${value}`)).status).toBe(422);
  });
  test.each(good)('a list of %s takes %s, and twice', async (name, value) => {
    expect([(await ask(`lists?${name}=${value}`)).status, (await ask(`lists?${name}=${value},${value}`)).status]).toEqual([200, 200]);
  });
  test.each(bad)('a list of %s does not take %s among good ones', async (name, value) => {
    const [, fine] = good.find(([one]) => one === name)!;
    expect((await ask(`lists?${name}=${fine},${value}`)).status).toBe(422);
  });
  test('what is asked for is compared', async () => {
    expect((await ask('types?word=acme&on=2026-01-01')).body.data).toEqual([{ rows: 34 }]);
    expect((await ask('lists?kind=acme,beta&on=2026-01-01,2026-01-02')).body.data).toEqual([{ rows: 68 }]);
  });
});

test('A parameter whose type cannot compare with its column is refused when the Endpoint is applied, not at request time.', () => {
  const problemsOf = (type: string, column: string) => {
    const query = { select: [{ as: 'day', column: 'day' }], filters: [{ column, op: 'eq', param: 'p' }] };
    const spec = plainEndpoint({ params: [{ name: 'p', type, ...(type === 'enum' ? { enum: ['a'] } : {}) }], query });
    const { bundle, verdicts } = compile({
      auth: 'required',
      resources: [eventsDataset(), spec],
      tokens: {},
      releases: {},
      lastGood: null,
    });
    return [bundle.endpoints.length, verdicts.flatMap(({ problems }) => problems).length > 0];
  };
  for (const [type, column] of [['string', 'n'], ['integer', 'area'], ['number', 'day'], ['boolean', 'big'], ['date', 'ratio'], ['timestamp', 'ok'], ['enum', 'day'], ['string', 'extra']] as const)
    expect([type, column, ...problemsOf(type, column)]).toEqual([type, column, 0, true]); // prettier-ignore
  for (const [type, column] of [['string', 'area'], ['integer', 'big'], ['number', 'ratio'], ['boolean', 'ok'], ['date', 'day'], ['timestamp', 'at'], ['enum', 'area']] as const)
    expect([type, column, ...problemsOf(type, column)]).toEqual([type, column, 1, false]); // prettier-ignore
});

test('No rows ⇒ 200 with data [], row_count 0.', async () => {
  const { status, body } = await ask('table', 'nobody');
  expect([status, body.data, body.meta.row_count]).toEqual([200, [], 0]);
});

describe('Cursor paging: `meta.next_cursor`, an opaque signed token bound to endpoint, parameters, tenant and snapshot; following it walks the whole result exactly once even while newer snapshots swap in, as long as its snapshot is kept; afterwards 410 family `gone`.', () => {
  test('a cursor with any character changed is refused', async () => {
    const cursor = (await ask('walked?limit=2')).body.meta.next_cursor!;
    expect((await ask(`walked?limit=2&cursor=${cursor}`)).status).toBe(200);
    for (let at = 0; at < cursor.length; at += 1) {
      const changed = `${cursor.slice(0, at)}${cursor[at] === 'A' ? 'B' : 'A'}${cursor.slice(at + 1)}`;
      expect([at, (await ask(`walked?limit=2&cursor=${changed}`)).status]).toEqual([at, 422]);
    }
  });

  test('nor does one whose signature is spelled with other spare bits', async () => {
    const text = Buffer.from((await ask('walked?limit=2')).body.meta.next_cursor!, 'base64url').toString();
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (const last of Array.from(digits).filter((one) => one !== text.at(-1))) {
      const changed = Buffer.from(`${text.slice(0, -1)}${last}`).toString('base64url');
      expect([last, (await ask(`walked?limit=2&cursor=${changed}`)).status]).toEqual([last, 422]);
    }
  });

  test('it is bound to endpoint, parameters and tenant', async () => {
    const cursor = (await ask('walked?limit=2&from=2026-01-02')).body.meta.next_cursor!;
    expect((await ask(`walked?limit=2&from=2026-01-02&cursor=${cursor}`)).status).toBe(200);
    expect((await ask(`other?limit=2&from=2026-01-02&cursor=${cursor}`)).status).toBe(422);
    expect((await ask(`walked?limit=2&from=2026-01-03&cursor=${cursor}`)).status).toBe(422);
    expect((await ask(`walked?limit=2&from=2026-01-02&cursor=${cursor}`, 'beta')).status).toBe(422);
  });

  test('the walk stays in its snapshot while two newer ones come, and is gone when it is', async () => {
    const whole = (await ask('walked?limit=100')).body.data;
    const first = await ask('walked?limit=4');
    const seen = [...first.body.data];
    for (let cursor = first.body.meta.next_cursor, page = 2; cursor !== null; page += 1) {
      if (page <= 3) await publish(`w${page}`, page);
      const { status, body }: { status: number; body: Body } = await ask(`walked?limit=4&cursor=${cursor}`);
      expect([status, body.meta.snapshot_id]).toEqual([200, 's1']);
      seen.push(...body.data);
      cursor = body.meta.next_cursor;
    }
    expect(seen).toEqual(whole);
    for (const n of [4, 5, 6]) await publish(`w${n}`, n);
    const late = `walked?limit=4&cursor=${first.body.meta.next_cursor}`;
    await until(async () => (await ask(late)).status !== 200);
    const { status, body } = await ask(late);
    expect([status, body.error?.family]).toEqual([410, 'gone']);
  });
});

test("local_table and remote_scan give identical rows for the same request; remote_scan reads the snapshot's files of the ACTIVE snapshot.", async () => {
  for (const n of [7, 8]) {
    await publish(`r${n}`, n);
    for (const query of ['', '?from=2026-01-10', '?columns=visits&limit=3', '?to=2025-01-01']) {
      const [table, remote] = [await ask(`table${query}`), await ask(`scan${query}`)];
      expect(remote.body.data).toEqual(table.body.data);
      expect(remote.body.meta.snapshot_id).toBe(`r${n}`);
    }
  }
});
