// The contract's "Request parameters", a test for each sentence.
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake } from '../support/lake.ts';

let lake: Lake;
let world: World;
const select = ['label', 'day', 'n'].map((name) => ({ as: name, column: name }));
const columns = ['label', 'day', 'n'];
const plain = (name: string, params: readonly object[], filters: readonly object[], more: object = {}) =>
  endpoint(name, {
    tenant: undefined,
    params,
    query: { select, filters, orderBy: [{ column: 'n' }] },
    columns,
    pagination: { defaultLimit: 4, maxLimit: 9 },
    ...more,
  });
const rows = `SELECT * FROM (VALUES
  ('', DATE '2026-01-01', 0), ('a', DATE '2026-01-02', 1), ('A', DATE '2026-01-03', 2), (' a', DATE '2026-01-04', 3), ('EMERALD+', DATE '2026-01-05', 4),
  ('13+', DATE '2026-01-06', 5), ('store', DATE '2026-01-07', 6), ('web', DATE '2026-01-08', 7), ('x', DATE '2026-01-09', -8), ('name', DATE '2026-01-10', 10)) t(label, day, n)`;

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', `SELECT 'acme' AS tenant_id, label, day, n::BIGINT AS n FROM (${rows})`);
  const dataset = visitsDataset(lake.url);
  const schema = [
    { name: 'tenant_id', type: 'VARCHAR' },
    { name: 'label', type: 'VARCHAR' },
    { name: 'day', type: 'DATE' },
    { name: 'n', type: 'BIGINT' },
  ];
  const byLabel = { column: 'label', op: 'eq', param: 'label' };
  world = await startWorld([
    { ...dataset, spec: { ...dataset.spec, schema } },
    plain('text', [{ name: 'label', type: 'string' }], [byLabel]),
    plain('named', [{ name: 'name', type: 'string' }], [{ ...byLabel, param: 'name' }]),
    plain('number', [{ name: 'n', type: 'integer', max: 1000 }], [{ column: 'n', op: 'eq', param: 'n' }]),
    plain('wide', [{ name: 'n', type: 'integer' }], [{ column: 'n', op: 'eq', param: 'n' }]),
    plain('dates', [{ name: 'from', type: 'date' }, { name: 'to', type: 'date' }], [{ column: 'day', op: 'gte', param: 'from' }, { column: 'day', op: 'lte', param: 'to' }]),
    plain('choice', [{ name: 'label', type: 'enum', enum: ['store', 'web', 'EMERALD+', '13+'], aliases: { shop: 'store', 'teen+': '13+' } }], [byLabel]),
    plain('aliased', [{ name: 'label', type: 'string', aliases: { shop: 'store', 'teen+': '13+' } }], [byLabel]),
    plain('required', [{ name: 'label', type: 'string', required: true, default: 'a' }], [byLabel]),
    plain('fallback', [{ name: 'label', type: 'string', default: 'a' }], [byLabel]),
    plain('ordered', [{ name: 'n', type: 'integer', required: true }, { name: 'day', type: 'date', required: true }], [{ column: 'n', op: 'eq', param: 'n' }, { column: 'day', op: 'eq', param: 'day' }], { combinations: [['n', 'day'], ['n'], ['day']] }),
    plain('combined', [{ name: 'label', type: 'string', default: 'a' }, { name: 'from', type: 'date' }], [byLabel, { column: 'day', op: 'gte', param: 'from' }], { combinations: [['from'], ['label', 'from']] }),
    plain('emptyset', [{ name: 'label', type: 'string' }], [byLabel], { combinations: [[], ['label']] }),
    endpoint('grouped', {
      tenant: undefined,
      params: [],
      query: { select: [{ as: 'label', column: 'label' }, { as: 'n', column: 'n', agg: 'sum' }], groupBy: ['label'], orderBy: [{ column: 'n', dir: 'desc' }] },
      columns: ['label', 'n'],
      pagination: { defaultLimit: 4, maxLimit: 50 },
    }),
    apiKey('acme'),
  ]); // prettier-ignore
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

type Answer = {
  readonly status: number;
  readonly data: readonly Record<string, unknown>[];
  readonly error: Record<string, unknown>;
  readonly text: string;
};
const ask = async (path: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: world.gateway.apiPort,
      path: `/v1/endpoints/${path}`,
      headers: { authorization: 'Bearer acme-token' },
    };
    const request = httpRequest(options, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => {
        const body = JSON.parse(text) as { data?: Answer['data']; error?: Answer['error'] };
        resolve({ status: response.statusCode!, data: body.data ?? [], error: body.error ?? {}, text });
      });
    });
    request.on('error', reject);
    request.end();
  });
const labels = async (path: string): Promise<unknown> => {
  const { status, data } = await ask(path);
  return status === 200 ? data.map(({ label }) => label) : status;
};
const statusOf = async (path: string): Promise<number> => (await ask(path)).status;
const refused = async (...paths: readonly string[]): Promise<void> => {
  for (const path of paths) expect([path, await statusOf(path)]).toEqual([path, 422]);
};
const paramOf = async (path: string): Promise<unknown> => (await ask(path)).error['param'];

test('Undeclared query param ⇒ 422 (this is how `tenant_id=` smuggling fails).', async () => {
  await refused('text?tenant_id=beta', 'text?Label=a', 'text?format=csv', 'text?label=a&x=1', 'grouped?label=a');
});

test('The message may name the param only if it is a plain identifier; no error body ever contains a request VALUE.', async () => {
  expect(await paramOf('text?nonsense=1')).toBe('nonsense');
  for (const name of ['a%20b', '%3Cscript%3E', 'a.b', "a'b", '']) {
    const { error, text } = await ask(`text?${name}=1`);
    expect([error['param'], text.includes(decodeURIComponent(name)) && name !== '']).toEqual([undefined, false]);
  }
  for (const path of [
    'number?n=canary',
    'dates?from=canary',
    'choice?label=canary',
    'text?limit=canary',
    'text?columns=canary',
    'text?cursor=canary',
    'text?offset=canary',
    'text?x=canary',
  ])
    expect([path, (await ask(path)).text.includes('canary')]).toEqual([path, false]);
});

test('Check order: unknown → combination → declared params in declaration order → columns → limit → offset; first failure answers.', async () => {
  const codes = await Promise.all(
    [
      'ordered?x=1&n=z&day=z&columns=z&limit=z&offset=z',
      'combined?label=b&columns=z',
      'ordered?n=z&day=z&columns=z',
      'ordered?n=1&day=z&columns=z',
      'text?columns=z&limit=z',
      'text?limit=z&offset=z',
      'text?offset=z',
    ].map(paramOf),
  );
  expect(codes).toEqual(['x', undefined, 'n', 'day', 'columns', 'limit', 'offset']);
  expect((await ask('combined?label=b&columns=z')).error['code']).toContain('combination');
});

test('Required param absent ⇒ 422, even if it has a default.', async () => {
  expect([await statusOf('required'), await paramOf('required'), await labels('required?label=A')]).toEqual([422, 'label', ['A']]);
});

test('Optional with default and absent ⇒ filter applied with the default.', async () => {
  expect([await labels('fallback'), await labels('fallback?label=A')]).toEqual([['a'], ['A']]);
});

test('Optional without default ⇒ filter not applied.', async () => {
  expect(((await labels('text?limit=9')) as unknown[]).length).toBe(9);
});

test("string: any text incl. empty string (filters equal to '').", async () => {
  expect([await labels('text?label='), await labels('text?label'), await labels('text?label=none%00')]).toEqual([[''], [''], []]);
});

test('No trimming, no case folding.', async () => {
  expect([
    await labels('text?label=a'),
    await labels('text?label=A'),
    await labels('text?label=%20a'),
    await labels('text?label=a%20'),
  ]).toEqual([['a'], ['A'], [' a'], []]);
});

test('integer: optional sign + digits only; `007`=7; `5.0`, `1e3`, `0x1`, empty, blanks ⇒ 422; above `max` ⇒ 422; negatives allowed. beyond int64 ⇒ 422 (also limit/offset).', async () => {
  expect([await labels('number?n=7'), await labels('number?n=007'), await labels('number?n=%2B7'), await labels('number?n=-8')]).toEqual([
    ['web'],
    ['web'],
    ['web'],
    ['x'],
  ]);
  await refused(
    ...['5.0', '1e3', '0x1', '', '%20', '%207', '7%20', '--7', '%2B', '1_000', '٧'].map(
      (value) => `number?n=${encodeURI(decodeURIComponent(value))}`,
    ),
  );
  await refused(
    'number?n=1001',
    'wide?n=9223372036854775808',
    'wide?n=-9223372036854775809',
    'text?offset=9223372036854775808',
    'text?limit=9223372036854775808',
  );
  expect([
    await labels('wide?n=9223372036854775807'),
    await labels('wide?n=-9223372036854775808'),
    await labels('text?offset=9223372036854775807'),
  ]).toEqual([[], [], []]);
});

test('date: exactly YYYY-MM-DD and a real day; `2026-02-30`, `20260530`, a timestamp ⇒ 422. from > to ⇒ 200 with empty data.', async () => {
  expect(await labels('dates?from=2026-01-02&to=2026-01-03')).toEqual(['a', 'A']);
  await refused(
    ...['2026-02-30', '20260530', '2026-05-30T00:00:00Z', '2026-5-3', '2026-13-01', '26-05-30', '', '2026-02-29', '%202026-01-01'].map(
      (value) => `dates?from=${value}`,
    ),
  );
  expect([await labels('dates?from=2026-01-05&to=2026-01-01'), await statusOf('dates?from=2028-02-29')]).toEqual([[], 200]);
});

test('enum: exact, case-sensitive member after aliasing; else 422.', async () => {
  expect([await labels('choice?label=web'), await labels('choice?label=shop')]).toEqual([['web'], ['store']]);
  await refused('choice?label=Web', 'choice?label=SHOP', 'choice?label=web%20', 'choice?label=', 'choice?label=mail');
});

test('aliases: client value → stored value, unknown value passes unchanged (string); canonical stored value also accepted.', async () => {
  expect([
    await labels('aliased?label=shop'),
    await labels('aliased?label=store'),
    await labels('aliased?label=x'),
    await labels('aliased?label=none'),
  ]).toEqual([['store'], ['store'], ['x'], []]);
});

test('A value whose `+` was sent raw arrives with a trailing blank: retried with the blank turned back into `+` for alias and enum matching only (`EMERALD+`, `13+`).', async () => {
  expect([
    await labels('choice?label=EMERALD+'),
    await labels('choice?label=13+'),
    await labels('choice?label=teen+'),
    await labels('aliased?label=teen+'),
  ]).toEqual([['EMERALD+'], ['13+'], ['13+'], ['13+']]);
  expect(await labels('text?label=EMERALD+')).toEqual([]);
  await refused('choice?label=web+');
});

test('`%2B` always works.', async () => {
  expect([await labels('choice?label=EMERALD%2B'), await labels('text?label=EMERALD%2B'), await labels('aliased?label=teen%2B')]).toEqual([
    ['EMERALD+'],
    ['EMERALD+'],
    ['13+'],
  ]);
});

test('combinations: set of client-sent declared names (defaults not counted, limit/offset/columns not counted) must equal one listed set; `[]` allowed only if listed; none declared ⇒ any subset.', async () => {
  expect([
    await statusOf('combined?from=2026-01-01'),
    await statusOf('combined?from=2026-01-01&label=a'),
    await statusOf('combined?from=2026-01-01&limit=1&offset=0&columns=n'),
  ]).toEqual([200, 200, 200]);
  await refused('combined', 'combined?label=a', 'combined?limit=1');
  expect([await statusOf('emptyset'), await statusOf('emptyset?label=a')]).toEqual([200, 200]);
  for (const path of ['dates', 'dates?from=2026-01-01', 'dates?to=2026-01-01', 'dates?from=2026-01-01&to=2026-01-01'])
    expect(await statusOf(path)).toBe(200);
});

test('limit: integer 1..max_limit; 0, negative, text, above ⇒ 422.', async () => {
  expect([((await labels('text?limit=1')) as unknown[]).length, ((await labels('text?limit=9')) as unknown[]).length]).toEqual([1, 9]);
  await refused('text?limit=0', 'text?limit=-1', 'text?limit=ten', 'text?limit=10', 'text?limit=', 'text?limit=1.0');
});

test('Absent ⇒ default_limit.', async () => {
  expect(((await labels('text')) as unknown[]).length).toBe(4);
});

test('offset: integer ≥ 0 else 422; past the end ⇒ 200, data [].', async () => {
  await refused('text?offset=-1', 'text?offset=x', 'text?offset=');
  expect([await labels('text?offset=8&limit=9'), await labels('text?offset=10'), await labels('text?offset=100000')]).toEqual([
    ['web', 'name'],
    [],
    [],
  ]);
});

test('columns: comma list, blanks around names trimmed, repeats collapse, order of the request irrelevant; empty or empty item ⇒ 422; outside allowlist ⇒ 422.', async () => {
  const keysOf = async (path: string): Promise<string[]> => Object.keys((await ask(path)).data[0]!).toSorted();
  for (const value of ['n,day', 'day,n', '%20n%20,%20day', 'n,n,day', 'day,n,day'])
    expect(await keysOf(`text?columns=${value}`)).toEqual(['day', 'n']);
  await refused(
    'text?columns=',
    'text?columns=n,',
    'text?columns=,n',
    'text?columns=n,,day',
    'text?columns=tenant_id',
    'text?columns=N',
    'text?columns=%20',
  );
});

test('It narrows the row objects only: grouping, filters and ordering are unchanged, also when the ordered column is left out.', async () => {
  const [whole, narrowed] = [await ask('grouped'), await ask('grouped?columns=label')];
  expect(narrowed.data).toEqual(whole.data.map(({ label }) => ({ label })));
  expect((await ask('text?columns=label&label=a')).data).toEqual([{ label: 'a' }]);
});

test('Repeated key `a=1&a=2`: last wins.', async () => {
  expect([await labels('text?label=a&label=A'), ((await labels('text?limit=1&limit=3')) as unknown[]).length]).toEqual([['A'], 3]);
  await refused('number?n=1&n=x');
});

test('`a[]=1`, `a[b]=1` ⇒ 422, also for limit/offset/columns.', async () => {
  await refused(
    ...['label', 'limit', 'offset', 'columns'].flatMap((name) => [`text?${name}[]=1`, `text?${name}[b]=1`, `text?${name}%5B%5D=1`]),
  );
});

describe('Bad percent-encoding / invalid UTF-8 ⇒ 400, not 500.', () => {
  test.each([
    'text?label=%',
    'text?label=%zz',
    'text?label=%E0%A4%A',
    'text?label=%ff',
    'text?label=%c0%af',
    'text?%ff=1',
    'text?label=%ED%A0%80',
  ])('%s', async (path) => {
    expect([await statusOf(path), (await ask(path)).error['family']]).toEqual([400, 'invalid_param']);
  });
});

test('GET bodies are ignored.', async () => {
  const answer = await new Promise<string>((resolve) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port: world.gateway.apiPort,
        path: '/v1/endpoints/text?label=a',
        method: 'GET',
        headers: { authorization: 'Bearer acme-token', 'content-type': 'application/json', 'content-length': '13' },
      },
      (response) => {
        let text = `${response.statusCode ?? 0} `;
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () => resolve(text));
      },
    );
    request.end('{"label":"A"}');
  });
  expect(answer).toMatch(/^200 \{"data":\[\{"label":"a"/);
});

test('A query param called `name` is like any other.', async () => {
  expect([await labels('named?name=name'), await labels('named?name=a')]).toEqual([['name'], ['a']]);
  await refused('text?name=a');
});

test('Injection text in a string param matches nothing (200, []), never changes the query.', async () => {
  for (const text of ["' OR 1=1 --", "a' OR 'a'='a", "'; DROP TABLE data; --", 'a"; --', "a' UNION SELECT 1,2,3 --"])
    expect(await labels(`text?label=${encodeURIComponent(text)}`)).toEqual([]);
  expect(await labels('text?label=a')).toEqual(['a']);
});
