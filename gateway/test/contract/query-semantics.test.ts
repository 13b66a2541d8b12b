// The contract's "Query semantics and tenancy": filters, order and aggregates over a small lake, a test for each sentence.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseResource } from '@offloader/contract';
import { apiKey, endpoint, startWorld, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake } from '../support/lake.ts';

let lake: Lake;
let world: World;
const schema = [
  { name: 'k', type: 'VARCHAR' },
  { name: 'n', type: 'BIGINT' },
  { name: 'x', type: 'DOUBLE' },
  { name: 'y', type: 'DOUBLE' },
  { name: 'day', type: 'DATE' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'ok', type: 'BOOLEAN' },
];
const rows = `SELECT k, n, x::DOUBLE AS x, 34.2::DOUBLE + 0.1::DOUBLE AS y, day, "at", ok FROM (VALUES
  ('a', 9223372036854775807, 1.5, DATE '2026-01-01', TIMESTAMP '2026-01-01 00:00:00', true),
  ('a', 9223372036854775807, 32.8, DATE '2026-01-02', TIMESTAMP '2026-01-01 22:30:00', false),
  ('b', NULL, NULL, NULL, NULL, NULL),
  ('50%_off', -5, 0.1, DATE '2026-01-03', TIMESTAMP '2026-01-03 00:00:00.000001', true),
  ('50 and off', 7, 0.2, DATE '2026-01-03', TIMESTAMP '2026-01-03 00:00:00', true),
  (NULL, 7, 0.2, DATE '2026-01-03', TIMESTAMP '2026-01-03 00:00:00', true),
  ('A', 7, 0.2, DATE '2026-01-03', TIMESTAMP '2026-01-03 00:00:00', true)
) t(k, n, x, day, "at", ok)`;
const plain = (columns: readonly string[]) => columns.map((name) => ({ as: name, column: name }));
const open = (name: string, spec: Record<string, unknown>) =>
  endpoint(name, { tenant: undefined, params: [], pagination: { defaultLimit: 100, maxLimit: 1000 }, ...spec });
const agg = ['sum', 'avg', 'min', 'max', 'count', 'count_distinct'].map((one) => ({ as: one, column: 'n', agg: one }));
const aggregates = agg.map(({ as }) => as);
const filters = [
  { column: 'k', op: 'eq', param: 'k' },
  { column: 'k', op: 'ne', param: 'not_k' },
  { column: 'k', op: 'in', param: 'ks' },
  { column: 'k', op: 'like_prefix', param: 'prefix' },
  { column: 'n', op: 'is_null', param: 'no_n' },
  { column: 'n', op: 'lte', param: 'n_to' },
  { column: 'n', op: 'gt', param: 'n_above' },
  { column: 'x', op: 'gte', param: 'x_from' },
  { column: 'ok', op: 'eq', param: 'ok' },
  { column: 'day', op: 'lt', param: 'before' },
  { column: 'at', op: 'eq', param: 'at' },
  { column: 'at', op: 'gt', param: 'after' },
];
const params = [
  { name: 'k', type: 'string' }, { name: 'not_k', type: 'string' }, { name: 'ks', type: 'string', list: true }, { name: 'prefix', type: 'string' }, { name: 'no_n', type: 'boolean' },
  { name: 'n_to', type: 'integer' }, { name: 'n_above', type: 'number' }, { name: 'x_from', type: 'number' }, { name: 'ok', type: 'boolean' }, { name: 'before', type: 'date' },
  { name: 'at', type: 'timestamp' }, { name: 'after', type: 'timestamp' },
]; // prettier-ignore
const columns = ['k', 'n'];
const resources = () => [
  visitsDataset(lake.url, { schema, tenantColumn: undefined }),
  ...(['LocalTable', 'RemoteScan'] as const).map((servingMode) => open(servingMode === 'LocalTable' ? 'local' : 'remote', { servingMode, params, query: { select: plain(columns), filters }, columns })),
  open('ascending', { query: { select: plain(['n', 'k']), orderBy: [{ column: 'n' }] }, columns: ['n', 'k'] }),
  open('descending', { query: { select: plain(['n', 'k']), orderBy: [{ column: 'n', dir: 'desc' }] }, columns: ['n', 'k'] }),
  open('total', { params: [params[0]], query: { select: agg, filters: [filters[0]] }, columns: aggregates }),
  open('groups', {
    params: [params[0]],
    query: { select: [{ as: 'key', column: 'k' }, ...agg], filters: [filters[0]], groupBy: ['key'], orderBy: [{ column: 'sum', dir: 'desc' }] },
    columns: ['key', ...aggregates],
  }),
  open('averages', { params: [params[2]], query: { select: [{ as: 'avg', column: 'y', agg: 'avg' }], filters: [filters[2]] }, columns: ['avg'] }),
  open('doubles', { params: [params[2]], query: { filters: [filters[2]], select: [{ as: 'sum', column: 'x', agg: 'sum' }, { as: 'avg', column: 'x', agg: 'avg' }] }, columns: ['sum', 'avg'] }),
  apiKey('any', { tenant: undefined }),
]; // prettier-ignore
const body = async (path: string) => (await world.get(`/v1/endpoints/${path}`, 'any-token')).text();
/** The rows as text, since numbers here are beyond JavaScript's. */
const data = async (path: string): Promise<string> => {
  const text = await body(path);
  return text.startsWith('{"data":') ? text.slice(8, text.lastIndexOf(',"meta":')) : text;
};

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', rows);
  world = await startWorld(resources());
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

describe('filters: eq, ne, gt, gte, lt, lte, in, like_prefix, is_null, ANDed; NULL column values never match a comparison.', () => {
  test.each([
    ['k=a', 2],
    ['k=', 0],
    ['not_k=a', 4],
    ['ks=a,b', 3],
    ['ks=A', 1],
    ['prefix=50%25_', 1],
    ['prefix=50', 2],
    ['prefix=', 6],
    ['prefix=a', 2],
    ['no_n=true', 1],
    ['no_n=false', 6],
    ['n_to=-5', 1],
    ['n_above=6.5', 5],
    ['n_to=9223372036854775807', 6],
    ['x_from=0.2', 5],
    ['ok=false', 1],
    ['before=2026-01-02', 1],
    ['before=2025-01-01', 0],
    ['at=2026-01-03T00:00:00Z', 3],
    ['at=2026-01-02T00:30:00%2B02:00', 1],
    ['at=2026-01-01T20:30-02:00', 1],
    ['after=2026-01-03T00:00:00', 1],
    ['k=a&ok=true', 1],
  ])('%s finds %i rows, in both modes alike', async (query, count) => {
    const [local, remote] = [await data(`local?${query}`), await data(`remote?${query}`)];
    expect(local).toBe(remote);
    expect((JSON.parse(local) as unknown[]).length).toBe(count);
  });
});

describe('order', () => {
  test('order_by as given, NULLs last in both directions (engine default).', async () => {
    const keys = async (name: string) => (JSON.parse(await data(name)) as { k: string }[]).map(({ k }) => k);
    expect(await keys('ascending')).toEqual(['50%_off', '50 and off', 'A', null, 'a', 'a', 'b']);
    expect(await keys('descending')).toEqual(['a', 'a', '50 and off', 'A', null, '50%_off', 'b']);
  });

  describe('A deterministic tie-break is added, so limit/offset pages neither repeat nor lose rows.', () => {
    test.each([1, 2, 3])('pages of %i by offset and by cursor hold every row once', async (limit) => {
    const whole = JSON.parse(await data('ascending')) as unknown[];
    const byOffset: unknown[] = [];
    for (let offset = 0; offset < whole.length; offset += limit) byOffset.push(...(JSON.parse(await data(`ascending?limit=${limit}&offset=${offset}`)) as unknown[]));
    expect(byOffset).toEqual(whole);
    const byCursor: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page = JSON.parse(await body(`ascending?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`)) as { data: unknown[]; meta: { next_cursor: string | null } };
      byCursor.push(...page.data);
      cursor = page.meta.next_cursor;
    } while (cursor !== null);
    expect(byCursor).toEqual(whole);
  }); // prettier-ignore
  });

  test('past the end there is nothing, even at the last offset of 64 bits', async () => {
    expect(await data('ascending?offset=7')).toBe('[]');
    expect(await data('ascending?offset=9223372036854775807')).toBe('[]');
  });

  test('columns narrow the rows and nothing else', async () => {
    expect(await data('descending?columns=k&limit=3')).toBe('[{"k":"a"},{"k":"a"},{"k":"50 and off"}]');
    expect(await data('groups?columns=count&limit=1')).toBe('[{"count":2}]');
  });
});

describe('group_by groups by the underlying columns of the named selects. count(column) skips NULLs; sum of an all-NULL or empty group is null; with group_by an empty input yields data [].', () => {
  test('of nothing a total is null and a count 0, and there are no groups', async () => {
    expect(await data('total?k=none')).toBe('[{"sum":null,"avg":null,"min":null,"max":null,"count":0,"count_distinct":0}]');
    expect(await data('total?k=b')).toBe('[{"sum":null,"avg":null,"min":null,"max":null,"count":0,"count_distinct":0}]');
    expect(await data('groups?k=none')).toBe('[]');
  });

  test('groups are of the underlying column, one row each', async () => {
    expect(await data('groups?limit=1')).toBe(
      '[{"key":"a","sum":18446744073709551614,"avg":9223372036854776000,"min":9223372036854775807,"max":9223372036854775807,"count":2,"count_distinct":1}]',
    );
    const keys = (JSON.parse(await data('groups?columns=key')) as { key: string }[]).map(({ key }) => key);
    expect(keys).toEqual(['a', '50 and off', 'A', null, '50%_off', 'b']);
  });

  test('a group of NULLs alone counts none of them and sums to null', async () => {
    const groups = JSON.parse(await data('groups?columns=key,sum,count')) as { key: string }[];
    expect(groups.find(({ key }) => key === 'b')).toEqual({ key: 'b', sum: null, count: 0 });
  });
});

describe('numbers', () => {
  test('sum over integers returns an integer; avg a double (full precision, e.g.', async () => {
    expect(await data('total')).toBe(
      '[{"sum":18446744073709551630,"avg":3074457345618258400,"min":-5,"max":9223372036854775807,"count":6,"count_distinct":3}]',
    );
  });

  test('34.300000000000004, no rounding). sum over DOUBLE must keep fractions.', async () => {
    expect(await data('doubles?ks=50%25_off,50 and off')).toBe('[{"sum":0.30000000000000004,"avg":0.15000000000000002}]');
    expect(await data('averages?ks=a')).toBe('[{"avg":34.300000000000004}]');
  });
});

describe('select: agg is sum, avg, min, max, count, count_distinct; aggregates without groupBy are a grand total of one row; with groupBy every plain select is listed in it. orderBy names a select `as`.', () => {
  const key = { as: 'key', column: 'k' };
  const total = { as: 'total', column: 'n', agg: 'sum' };
  type Query = {
    readonly select: readonly { as: string; column: string; agg?: string }[];
    readonly groupBy?: readonly string[];
    readonly orderBy?: object[];
  };
  const codes = (query: Query): readonly string[] => {
    const parsed = parseResource(open('e', { query, columns: query.select.map(({ as }) => as) }));
    return parsed.ok ? [] : parsed.error.map(({ code, path }) => `${code} ${path}`);
  };

  test('agg', () => {
    expect(codes({ select: agg })).toEqual([]);
    for (const other of ['median', 'SUM', 'stddev', 'first', ''])
      expect(codes({ select: [{ ...total, agg: other }] })).toEqual(['invalid_value spec.query.select[0].agg']);
  });

  test('without groupBy', async () => {
    for (const path of ['total', 'total?k=none', 'total?limit=1000']) expect(JSON.parse(await data(path))).toHaveLength(1);
    expect(codes({ select: [total, key] })).toEqual(['missing_group_by spec.query.groupBy']);
  });

  test('with groupBy', () => {
    const grouped = (...groupBy: readonly string[]) => codes({ select: [key, { as: 'day', column: 'day' }, total], groupBy });
    expect(grouped('key', 'day')).toEqual([]);
    expect(grouped('key')).toEqual(['ungrouped_column spec.query.select[1]']);
    // By its name in the answer, not by that of the column.
    expect(grouped('k', 'day')).toEqual(['ungrouped_column spec.query.select[0]', 'column_not_selected spec.query.groupBy[0]']);
  });

  test('orderBy', async () => {
    const ordered = (column: string) => codes({ select: [key, total], groupBy: ['key'], orderBy: [{ column }] });
    expect([ordered('key'), ordered('total')]).toEqual([[], []]);
    for (const column of ['k', 'n']) expect(ordered(column)).toEqual(['column_not_selected spec.query.orderBy[0].column']);
    const sums = (JSON.parse(await data('groups?columns=sum')) as { sum: number | null }[]).map(({ sum }) => sum);
    expect(sums).toEqual([18446744073709551614, 7, 7, 7, -5, null]);
  });
});
