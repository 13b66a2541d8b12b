// Each type of parameter, alone and as a list, over HTTP: which rows it leaves and what it refuses.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';

let lake: Lake;
let world: World;
const rows = `SELECT * FROM (VALUES
  ('acme', 1::BIGINT, 'web', 7::BIGINT, DATE '2026-01-01', TIMESTAMP '2026-01-01 10:00:00', 1.5::DOUBLE, true),
  ('acme', 2::BIGINT, 'store', -5::BIGINT, DATE '2026-01-02', TIMESTAMP '2026-01-02 10:00:00', -0.25::DOUBLE, false),
  ('acme', 3::BIGINT, '13+', 12::BIGINT, DATE '2024-02-29', TIMESTAMP '2024-02-29 00:00:00', 1000::DOUBLE, true),
  ('beta', 9::BIGINT, 'web', 7::BIGINT, DATE '2026-01-01', TIMESTAMP '2026-01-01 10:00:00', 1.5::DOUBLE, true)
) AS t(tenant_id, id, label, n, day, seen_at, ratio, paid)`;
const columns = { tenant_id: 'VARCHAR', id: 'BIGINT', label: 'VARCHAR', n: 'BIGINT', day: 'DATE', seen_at: 'TIMESTAMP', ratio: 'DOUBLE', paid: 'BOOLEAN' }; // prettier-ignore
const shop = { aliases: { shop: 'store' } };
const types = [
  ['text', 'string', 'label', shop],
  ['kind', 'enum', 'label', { enum: ['web', 'store', '13+'], ...shop }],
  ['n', 'integer', 'n', { max: 12 }],
  ['day', 'date', 'day', {}],
  ['at', 'timestamp', 'seen_at', {}],
  ['ratio', 'number', 'ratio', {}],
  ['paid', 'boolean', 'paid', {}],
] as const;
const ids = (name: string, list: boolean) =>
  endpoint(name, {
    params: types.map(([param, type, , more]) => ({ name: param, type, ...more, ...(list ? { list } : {}) })),
    query: {
      select: [{ as: 'id', column: 'id' }],
      filters: types.map(([param, , column]) => ({ column, op: list ? 'in' : 'eq', param })),
      orderBy: [{ column: 'id' }],
    },
    columns: ['id'],
  });

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', rows);
  const schema = Object.entries(columns).map(([name, type]) => ({ name, type }));
  world = await startWorld([visitsDataset(lake.url, { schema }), ids('one', false), ids('many', true), apiKey('acme')]);
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

test.each([
  ['one', 'at=2026-01-02T10:00:00Z', [2]], ['one', 'at=2026-01-02T12:00:00%2B02:00', [2]], ['one', 'at=2024-02-29', [3]],
  ['one', 'ratio=-0.25', [2]], ['one', 'ratio=1e3', [3]], ['one', 'paid=true', [1, 3]], ['one', 'paid=false', [2]],
  ['many', 'text=web,shop', [1, 2]], ['many', 'text=web,web', [1]], ['many', 'text=web%2Cshop', [1, 2]], ['many', 'text=web,%20store', [1]], ['many', 'text=', []],
  ['many', 'kind=13%2B,shop', [2, 3]], ['many', 'kind=13+,web', [1, 3]], ['many', 'n=7,-5,012', [1, 2, 3]], ['many', 'day=2026-01-01,2024-02-29', [1, 3]],
  ['many', 'at=2026-01-01T10:00:00Z,2024-02-29', [1, 3]], ['many', 'ratio=1.5,1e3', [1, 3]], ['many', 'paid=true,false', [1, 2, 3]], ['many', 'n=7&kind=store', []],
])('%s?%s gives its rows', async (name, query, expected) => {
  const { data } = (await (await world.get(`/v1/endpoints/${name}?${query}`, 'acme-token')).json()) as { data: { id: number }[] };
  expect(data.map(({ id }) => id)).toEqual(expected);
}); // prettier-ignore

test.each([
  ['one', 'at', ['2026-02-30T00:00:00Z', 'yesterday', '', '2026-01-31T24:00:00Z']],
  ['one', 'ratio', ['NaN', 'Infinity', '1e999', '.', '', '0x1']],
  ['one', 'paid', ['TRUE', '1', '', 'true%20']],
  ['many', 'kind', ['', 'web,', 'web,Web', ',web']],
  ['many', 'n', ['', '7,', '7,x', '7,13', '7,%20-5']],
  ['many', 'day', ['', '2026-01-01,2026-02-30']],
  ['many', 'at', ['2026-01-01,never']],
  ['many', 'ratio', ['1.5,,2']],
  ['many', 'paid', ['true,1']],
])('%s refuses other values of %s', async (name, param, values) => {
  for (const value of values) {
    const response = await world.get(`/v1/endpoints/${name}?${param}=${value}`, 'acme-token');
    const { error } = (await response.json()) as { error: { param: string } };
    expect([value, response.status, error.param]).toEqual([value, 422, param]);
  }
});
