// Every type of DuckDB as JSON and CSV text: a conformance table against the engine's own values.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ColumnType } from '@offloader/contract';
import type { AnswerColumn } from '../src/domain/encoder.ts';
import type { Engine } from '../src/domain/engine.ts';
import { createEngine } from '../src/duckdb/engine.ts';
import { createCsvEncoder, createJsonEncoder } from '../src/duckdb/text-encoders.ts';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-values-'));
  engine = await createEngine({ cacheDir: folder, poolSize: 2, remoteScanConcurrency: 1, threads: 2, memoryLimit: '512MiB' });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** One value of a SELECT as it stands in a JSON row and in a CSV record. */
const written = async (expression: string, declared: ColumnType): Promise<readonly [string, string]> => {
  const sql = { text: `SELECT ${expression} AS v`, values: [] };
  const options = { mode: 'LocalTable', signal: new AbortController().signal, timeoutMs: 60_000 } as const;
  const answer = await engine.query(sql, options, async ({ columns, chunks }) => {
    const answered: readonly AnswerColumn[] = columns.map((column, at) => ({ ...column, at, declared }));
    const [json, csv] = [createJsonEncoder(answered), createCsvEncoder(answered)];
    const texts: (readonly [string, string])[] = [];
    for await (const rows of chunks)
      texts.push([Buffer.from(json.rows(rows, true)).toString(), Buffer.from(csv.rows(rows, true)).toString()]);
    return texts[0] ?? ['', ''];
  });
  if (!answer.ok) throw new Error(JSON.stringify(answer.error));
  const [json = '', csv = ''] = answer.value.value;
  return [json.slice(5, -1), csv.slice(0, -2)];
};

describe('a value as JSON text', () => {
  test.each<[string, string]>([
    [`'text'`, '"text"'],
    [`''`, '""'],
    [`'a "b" \\ c' || chr(10) || chr(0) || 'é💩'`, '"a \\"b\\" \\\\ c\\n\\u0000é💩"'],
    ['NULL', 'null'],
    ['true', 'true'],
    ['7::TINYINT', '7'],
    ['(-2147483648)::INTEGER', '-2147483648'],
    ['9223372036854775807::BIGINT', '9223372036854775807'],
    ['(-9223372036854775808)::BIGINT', '-9223372036854775808'],
    ['18446744073709551615::UBIGINT', '18446744073709551615'],
    ['170141183460469231731687303715884105727::HUGEINT', '170141183460469231731687303715884105727'],
    ['340282366920938463463374607431768211455::UHUGEINT', '340282366920938463463374607431768211455'],
    ['34.300000000000004::DOUBLE', '34.300000000000004'],
    ['1e300::DOUBLE', '1e+300'],
    ['-0.0::DOUBLE', '0'],
    [`'nan'::DOUBLE`, 'null'],
    [`'infinity'::DOUBLE`, 'null'],
    [`'-infinity'::FLOAT`, 'null'],
    ['-0.05::DECIMAL(4,2)', '-0.05'],
    ['12345678901234567890.123456789012345678::DECIMAL(38,18)', '12345678901234567890.123456789012345678'],
    [`DATE '2026-01-31'`, '"2026-01-31"'],
    [`DATE '1969-12-31'`, '"1969-12-31"'],
    [`DATE '0001-01-01'`, '"0001-01-01"'],
    [`DATE '12026-01-01'`, '"+012026-01-01"'],
    [`DATE '0044-03-15 (BC)'`, '"-000043-03-15"'],
    [`'infinity'::DATE`, 'null'],
    [`TIMESTAMP '2026-01-31 10:20:30'`, '"2026-01-31T10:20:30.000000"'],
    [`TIMESTAMP '2026-01-31 10:20:30.000001'`, '"2026-01-31T10:20:30.000001"'],
    [`TIMESTAMP '1969-12-31 23:59:59.999999'`, '"1969-12-31T23:59:59.999999"'],
    [`TIMESTAMP '0001-01-01 00:00:00.5'`, '"0001-01-01T00:00:00.500000"'],
    [`'-infinity'::TIMESTAMP`, 'null'],
    [`'2026-01-31 10:20:30+02'::TIMESTAMPTZ`, '"2026-01-31T08:20:30.000000"'],
    [`'2026-01-31 10:20:30'::TIMESTAMP_S`, '"2026-01-31T10:20:30.000000"'],
    [`'2026-01-31 10:20:30.123'::TIMESTAMP_MS`, '"2026-01-31T10:20:30.123000"'],
    [`'2026-01-31 10:20:30.123456789'::TIMESTAMP_NS`, '"2026-01-31T10:20:30.123456"'],
    [`TIME '01:02:03.4'`, '"01:02:03.400000"'],
    [`TIME '23:59:59.999999'`, '"23:59:59.999999"'],
    [`TIME '24:00:00'`, '"24:00:00.000000"'],
    [`TIMESTAMP '275760-09-12 23:59:59.999999'`, '"+275760-09-12T23:59:59.999999"'],
    [`TIMESTAMP '290309-12-22 (BC) 00:00:00'`, '"-290308-12-22T00:00:00.000000"'],
    [`TIMESTAMP '294247-01-10 04:00:54.775806'`, '"+294247-01-10T04:00:54.775806"'],
    [`DATE '5877642-06-25 (BC)'`, '"-5877641-06-25"'],
    [`DATE '5881580-07-10'`, '"+5881580-07-10"'],
    [`'00000000-0000-4000-8000-0000000000ff'::UUID`, '"00000000-0000-4000-8000-0000000000ff"'],
    [`'b'::ENUM('a', 'b')`, '"b"'],
    [`INTERVAL '1 month 2 days'`, '"1 month 2 days"'],
    [`'\\xAA\\x00'::BLOB`, '"\\\\xAA\\\\x00"'],
    [`'101'::BIT`, '"101"'],
    [`[1, NULL, 9007199254740993]`, '[1,null,9007199254740993]'],
    [`array_value(1, 2)`, '[1,2]'],
    [`{a: 1.50::DECIMAL(4,2), "b ""c": [DATE '2026-01-01'], n: NULL}`, '{"a":1.50,"b \\"c":["2026-01-01"],"n":null}'],
    [`MAP {'k': 1, 'l': NULL}`, '{"k":1,"l":null}'],
    [`MAP {1: 'a'}`, '{"1":"a"}'],
    [`MAP {DATE '2026-01-01': {x: [true]}}`, '{"2026-01-01":{"x":[true]}}'],
    [`union_value(num := 2)`, '{"num":2}'],
  ])('%s is %s', async (expression, expected) => {
    const [json] = await written(expression, 'VARCHAR');
    expect(json).toBe(expected);
    expect(() => JSON.parse(json) as unknown).not.toThrow();
  });

  test.each<[string, string]>([
    [`'{"a":9007199254740993,"b":[1.10,null]}'`, '{"a":9007199254740993,"b":[1.10,null]}'],
    [`to_json({d: 'nan'::DOUBLE, e: '-infinity'::DOUBLE, s: 'nan inf "NaN"'})`, '{"d":null,"e":null,"s":"nan inf \\"NaN\\""}'],
    [`to_json('text')`, '"text"'],
    [`'null'`, 'null'],
    ['NULL', 'null'],
    [
      `{a: {b: [MAP {'k': 170141183460469231731687303715884105727::HUGEINT}]}}`,
      '{"a":{"b":[{"k":170141183460469231731687303715884105727}]}}',
    ],
  ])('a JSON column inlines %s', async (expression, expected) => {
    expect((await written(expression, 'JSON'))[0]).toBe(expected);
  });
});

test.each<[string, ColumnType, string]>([
  ['NULL', 'VARCHAR', ''],
  [`''`, 'VARCHAR', '""'],
  [`'null'`, 'VARCHAR', 'null'],
  [`' a'`, 'VARCHAR', '" a"'],
  [`'a,b'`, 'VARCHAR', '"a,b"'],
  [`'say "x"'`, 'VARCHAR', '"say ""x"""'],
  [`'a' || chr(13)`, 'VARCHAR', '"a\r"'],
  [`'nan'::DOUBLE`, 'DOUBLE', ''],
  ['9223372036854775807::BIGINT', 'BIGINT', '9223372036854775807'],
  [`DATE '2026-01-31'`, 'DATE', '2026-01-31'],
  [`TIMESTAMP '2026-01-31 10:20:30'`, 'TIMESTAMP', '2026-01-31T10:20:30.000000'],
  [`'infinity'::TIMESTAMP`, 'TIMESTAMP', ''],
  [`'-infinity'::DATE`, 'DATE', ''],
  [`TIME '01:02:03.4'`, 'VARCHAR', '01:02:03.400000'],
  [`'{"a":1}'`, 'JSON', '"{""a"":1}"'],
  ['NULL', 'JSON', ''],
])('%s under %s is %j in CSV', async (expression, declared, expected) => {
  expect((await written(expression, declared))[1]).toBe(expected);
});

test('moments of all centuries are as DuckDB itself writes them', async () => {
  // From the year 1 to 9999, and each of them as a member of a list.
  const moment = 'make_timestamp((hash(i) % 315537897600000000)::BIGINT - 62135596800000000)';
  const listOf = async (value: string): Promise<readonly string[]> =>
    JSON.parse((await written(`(SELECT list(${value} ORDER BY i) FROM range(20000) numbers(i))`, 'VARCHAR'))[0]) as readonly string[];
  const texts = await listOf(moment);
  expect(new Set(texts).size).toBe(20_000);
  expect(texts).toEqual(await listOf(`strftime(${moment}, '%Y-%m-%dT%H:%M:%S.%f')`));
});
