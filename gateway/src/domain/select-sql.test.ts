import { describe, expect, test } from '@jest/globals';
import type { CompiledEndpoint } from '@offloader/contract';
import { endpointOf } from '../../test/support/compiled.ts';
import { parseQueryString } from './query-string.ts';
import { parseRequest } from './request.ts';
import { pageSql, parquetSql } from './select-sql.ts';

const asked = (endpoint: CompiledEndpoint, query: string, tenant: string | null = null) => {
  const sent = parseQueryString(query);
  const parsed = sent.ok ? parseRequest(endpoint, sent.value) : sent;
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return { endpoint, request: parsed.value, tenant, relation: '"s1"."main"."data"' };
};
const param = (name: string, type: string, more: object = {}) => ({ name, type, ...more });

describe('a page as SQL', () => {
  test('plain rows are ordered as declared, then by every other column', () => {
    const endpoint = endpointOf({
      query: {
        select: ['day', 'area', 'big'].map((name) => ({ as: name, column: name })),
        orderBy: [{ column: 'big', dir: 'desc' }],
      },
    });
    expect(pageSql(asked(endpoint, 'columns=day&limit=3&offset=6'), 1)).toEqual({
      text: 'SELECT "day" AS "day", "area" AS "area", "big" AS "big" FROM "s1"."main"."data" ORDER BY 3 DESC NULLS LAST, 1 ASC NULLS LAST, 2 ASC NULLS LAST LIMIT 4 OFFSET 6',
      values: [],
    });
  });

  test('groups are ordered by their columns, the tenant is bound first', () => {
    const endpoint = endpointOf({
      tenant: { column: 'tenant_id' },
      params: [param('from', 'date')],
      query: {
        select: [{ as: 'when', column: 'day' }, { as: 'visits', column: 'big', agg: 'sum' }, { as: 'areas', column: 'area', agg: 'count_distinct' }],
        filters: [{ column: 'day', op: 'gte', param: 'from' }],
        groupBy: ['when'],
        orderBy: [{ column: 'visits', dir: 'desc' }],
      },
    }); // prettier-ignore
    expect(pageSql(asked(endpoint, 'from=2026-01-01', 'acme'), 1)).toEqual({
      text:
        'SELECT "day" AS "when", sum("big") AS "visits", count(DISTINCT "area") AS "areas" FROM "s1"."main"."data"' +
        ' WHERE "tenant_id" = CAST($1 AS VARCHAR) AND "day" >= CAST($2 AS DATE) GROUP BY "day" ORDER BY 2 DESC NULLS LAST, 1 ASC NULLS LAST LIMIT 51 OFFSET 0',
      values: ['acme', '2026-01-01'],
    });
  });

  test('a grand total has no order', () => {
    const endpoint = endpointOf({ query: { select: [{ as: 'all', column: 'big', agg: 'sum' }] } });
    expect(pageSql(asked(endpoint, ''), 1).text).toBe('SELECT sum("big") AS "all" FROM "s1"."main"."data" LIMIT 51 OFFSET 0');
  });

  test('without a tenant a tenant-scoped endpoint matches nothing', () => {
    const endpoint = endpointOf({ tenant: { column: 'tenant_id' } });
    expect(pageSql(asked(endpoint, ''), 1)).toMatchObject({ values: [null] });
  });

  test.each([
    ['eq', 'area', param('p', 'string'), 'p=a', '"area" = CAST($1 AS VARCHAR)', ['a']],
    ['ne', 'area', param('p', 'string'), 'p=', '"area" <> CAST($1 AS VARCHAR)', ['']],
    ['gt', 'n', param('p', 'integer'), 'p=-3', '"n" > CAST($1 AS BIGINT)', ['-3']],
    ['gte', 'n', param('p', 'number'), 'p=2.5', '"n" >= CAST($1 AS DOUBLE)', ['2.5']],
    ['lt', 'big', param('p', 'integer'), 'p=9223372036854775807', '"big" < CAST($1 AS BIGINT)', ['9223372036854775807']],
    ['lte', 'ratio', param('p', 'integer'), 'p=1', '"ratio" <= CAST($1 AS BIGINT)', ['1']],
    ['eq', 'ok', param('p', 'boolean'), 'p=false', '"ok" = CAST($1 AS BOOLEAN)', [false]],
    ['lt', 'at', param('p', 'date'), 'p=2026-01-01', '"at" < CAST($1 AS TIMESTAMP)', ['2026-01-01']],
    ['lt', 'day', param('p', 'timestamp'), 'p=2026-01-01T01:00:00Z', '"day" < CAST($1 AS TIMESTAMP)', ['2026-01-01T01:00:00.000000']],
    ['like_prefix', 'area', param('p', 'string'), 'p=50%25_', 'starts_with("area", CAST($1 AS VARCHAR))', ['50%_']],
    ['is_null', 'extra', param('p', 'boolean'), 'p=true', '"extra" IS NULL', []],
    ['is_null', 'extra', param('p', 'boolean'), 'p=false', '"extra" IS NOT NULL', []],
    ['in', 'area', param('p', 'string', { list: true }), 'p=a,b', '"area" IN (CAST($1 AS VARCHAR), CAST($2 AS VARCHAR))', ['a', 'b']],
  ])('%s on %s', (op, column, declared, query, where, values) => {
    const endpoint = endpointOf({
      params: [declared],
      query: { select: [{ as: 'day', column: 'day' }], filters: [{ column, op, param: 'p' }] },
    });
    const sql = pageSql(asked(endpoint, query), 1);
    expect([sql.text.slice(sql.text.indexOf(' WHERE ') + 7, sql.text.indexOf(' ORDER BY')), sql.values]).toEqual([where, values]);
    expect(pageSql(asked(endpoint, ''), 1).text).not.toContain('WHERE');
  });

  test('a value never enters the text', () => {
    const endpoint = endpointOf({
      params: [param('p', 'string')],
      query: { select: [{ as: 'day', column: 'day' }], filters: [{ column: 'area', op: 'eq', param: 'p' }] },
    });
    const text = `' OR 1=1; DROP TABLE data; --`;
    const sql = pageSql(asked(endpoint, `p=${encodeURIComponent(text)}`), 1);
    expect(sql.values).toEqual([text]);
    expect(sql.text).toBe(pageSql(asked(endpoint, 'p=a'), 1).text);
  });

  test('a Parquet file has the columns asked for, and sums at all their digits', () => {
    const endpoint = endpointOf({
      query: { select: [{ as: 'day', column: 'day' }, { as: 'sum', column: 'big', agg: 'sum' }], groupBy: ['day'] },
    }); // prettier-ignore
    expect(parquetSql(asked(endpoint, 'columns=sum&limit=5'), `'/f.parquet'`).text).toBe(
      `COPY (SELECT CAST("sum" AS DECIMAL(38,0)) AS "sum" FROM (SELECT "day" AS "day", sum("big") AS "sum" FROM "s1"."main"."data" GROUP BY "day" ORDER BY 1 ASC NULLS LAST LIMIT 5 OFFSET 0)) TO '/f.parquet' (FORMAT parquet)`,
    );
  });
});
