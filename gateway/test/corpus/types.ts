// Every type that a file can hold, under each declared type that it loads under, and what it becomes: the suite and docs/types.md are both made of this.
import type { ColumnType } from '@offloader/contract';

/** A value of a Parquet file: declared type, type in the file, the value in SQL, and what stands in JSON. */
type TypeCase = readonly [declared: ColumnType, physical: string, sql: string, json: string];

const text = (sql: string, json: string): TypeCase => ['VARCHAR', 'VARCHAR', sql, json];
export const plainCases: readonly TypeCase[] = [
  text(`'text'`, '"text"'),
  text(`''`, '""'),
  text(`'00123'`, '"00123"'),
  text(`'null'`, '"null"'),
  text(`' a, "b" \\ c' || chr(13) || chr(10) || chr(0) || 'é💩'`, '" a, \\"b\\" \\\\ c\\r\\n\\u0000é💩"'),
  ['BOOLEAN', 'BOOLEAN', 'true', 'true'],
  ['BOOLEAN', 'BOOLEAN', 'false', 'false'],
  ['INTEGER', 'INTEGER', '(-2147483648)::INTEGER', '-2147483648'],
  ['INTEGER', 'TINYINT', '(-128)::TINYINT', '-128'],
  ['INTEGER', 'SMALLINT', '32767::SMALLINT', '32767'],
  ['INTEGER', 'UTINYINT', '255::UTINYINT', '255'],
  ['INTEGER', 'USMALLINT', '65535::USMALLINT', '65535'],
  ['INTEGER', 'BIGINT', '2147483647::BIGINT', '2147483647'],
  ['BIGINT', 'BIGINT', '9223372036854775807', '9223372036854775807'],
  ['BIGINT', 'BIGINT', '(-9223372036854775808)::BIGINT', '-9223372036854775808'],
  ['BIGINT', 'BIGINT', '9007199254740993', '9007199254740993'],
  ['BIGINT', 'UINTEGER', '4294967295::UINTEGER', '4294967295'],
  ['BIGINT', 'UBIGINT', '9223372036854775807::UBIGINT', '9223372036854775807'],
  ['DOUBLE', 'DOUBLE', '34.300000000000004::DOUBLE', '34.300000000000004'],
  ['DOUBLE', 'DOUBLE', '1.7976931348623157e308::DOUBLE', '1.7976931348623157e+308'],
  ['DOUBLE', 'DOUBLE', '5e-324::DOUBLE', '5e-324'],
  ['DOUBLE', 'DOUBLE', '-0.0::DOUBLE', '0'],
  ['DOUBLE', 'FLOAT', '0.1::FLOAT', '0.10000000149011612'],
  ['DOUBLE', 'BIGINT', '9007199254740992', '9007199254740992'],
];

export const momentCases: readonly TypeCase[] = [
  ['DATE', 'DATE', `DATE '2026-01-31'`, '"2026-01-31"'],
  ['DATE', 'DATE', `DATE '1969-12-31'`, '"1969-12-31"'],
  ['DATE', 'DATE', `DATE '0001-01-01'`, '"0001-01-01"'],
  ['DATE', 'DATE', `DATE '12026-01-01'`, '"+012026-01-01"'],
  ['DATE', 'DATE', `'infinity'::DATE`, 'null'],
  ['TIMESTAMP', 'TIMESTAMP', `TIMESTAMP '2026-01-31 10:20:30'`, '"2026-01-31T10:20:30.000000"'],
  ['TIMESTAMP', 'TIMESTAMP', `TIMESTAMP '1969-12-31 23:59:59.999999'`, '"1969-12-31T23:59:59.999999"'],
  ['TIMESTAMP', 'TIMESTAMP', `TIMESTAMP '0001-01-01 00:00:00.5'`, '"0001-01-01T00:00:00.500000"'],
  ['TIMESTAMP', 'TIMESTAMP', `'-infinity'::TIMESTAMP`, 'null'],
  ['TIMESTAMP', 'TIMESTAMP_S', `'2026-01-31 10:20:30'::TIMESTAMP_S`, '"2026-01-31T10:20:30.000000"'],
  ['TIMESTAMP', 'TIMESTAMP_MS', `'2026-01-31 10:20:30.123'::TIMESTAMP_MS`, '"2026-01-31T10:20:30.123000"'],
  ['TIMESTAMP', 'TIMESTAMP_NS', `'2026-01-31 10:20:30.123456789'::TIMESTAMP_NS`, '"2026-01-31T10:20:30.123456"'],
  ['TIMESTAMP', 'TIMESTAMPTZ', `'2026-01-31 10:20:30.5+02'::TIMESTAMPTZ`, '"2026-01-31T08:20:30.500000"'],
  ['TIMESTAMP', 'TIMESTAMPTZ', `'2026-01-31 23:20:30-05:30'::TIMESTAMPTZ`, '"2026-02-01T04:50:30.000000"'],
  ['TIMESTAMP', 'DATE', `DATE '2026-01-31'`, '"2026-01-31T00:00:00.000000"'],
];

export const timeCases: readonly TypeCase[] = [
  ['VARCHAR', 'TIME', `TIME '01:02:03'`, '"01:02:03.000000"'],
  ['VARCHAR', 'TIME', `TIME '23:59:59.999999'`, '"23:59:59.999999"'],
  ['VARCHAR', 'TIME', `TIME '01:02:03.4'`, '"01:02:03.400000"'],
  ['VARCHAR', 'TIMETZ', `'01:02:03.4+02'::TIMETZ`, '"23:02:03.400000"'],
  ['VARCHAR', 'TIME_NS', `'01:02:03.123456789'::TIME_NS`, '"01:02:03.123456789"'],
  ['JSON', 'STRUCT', `{t: TIME '01:02:03.4', z: '01:02:03+02'::TIMETZ}`, '{"t":"01:02:03.400000","z":"23:02:03.000000"}'],
];

const json = (physical: string, sql: string, expected: string): TypeCase => ['JSON', physical, sql, expected];
export const jsonCases: readonly TypeCase[] = [
  json('STRUCT', `{a: 9007199254740993, "b ""c": 'é"', n: NULL::INTEGER}`, '{"a":9007199254740993,"b \\"c":"é\\"","n":null}'),
  json('STRUCT', `{d: 1.50::DECIMAL(4,2), e: 12345678901234567890.123456789012345678::DECIMAL(38,18)}`, '{"d":1.50,"e":12345678901234567890.123456789012345678}'), // prettier-ignore
  json('STRUCT', `{d: 'nan'::DOUBLE, f: '-infinity'::FLOAT, g: 34.300000000000004::DOUBLE, s: 'NaN'}`, '{"d":null,"f":null,"g":34.300000000000004,"s":"NaN"}'), // prettier-ignore
  json('STRUCT', `{d: DATE '2026-01-31', t: TIMESTAMP '2026-01-31 10:20:30', z: '2026-01-31 10:20:30+02'::TIMESTAMPTZ}`, '{"d":"2026-01-31","t":"2026-01-31T10:20:30.000000","z":"2026-01-31T08:20:30.000000"}'), // prettier-ignore
  json('STRUCT', `{j: '{"a":12345678901234567890.5}'::JSON, v: '{"a":1}'}`, '{"j":{"a":12345678901234567890.5},"v":"{\\"a\\":1}"}'),
  json('STRUCT', `{a: {b: [MAP {'k': {c: [[1, NULL], []]}}]}}`, '{"a":{"b":[{"k":{"c":[[1,null],[]]}}]}}'),
  json('LIST', '[1, NULL, 9223372036854775807]', '[1,null,9223372036854775807]'),
  json('LIST', '[]::INTEGER[]', '[]'),
  json('LIST', `[{t: TIMESTAMP '2026-01-31 10:20:30'}, NULL]`, '[{"t":"2026-01-31T10:20:30.000000"},null]'),
  json('ARRAY', 'array_value(1, 2)', '[1,2]'),
  json('ARRAY', 'array_value(0.5::DOUBLE, 2)', '[0.5,2.0]'),
  json('MAP', `MAP {'k': 1, 'l "m"': NULL}`, '{"k":1,"l \\"m\\"":null}'),
  json('MAP', `MAP {1: 'a'}`, '{"1":"a"}'),
  json('MAP', `MAP {1.50::DECIMAL(4,2): [true]}`, '{"1.50":[true]}'),
  json('MAP', `MAP {TIMESTAMP '2026-01-31 10:20:30': DATE '2026-01-31'}`, '{"2026-01-31T10:20:30.000000":"2026-01-31"}'),
  json('MAP', `MAP {}::MAP(VARCHAR, DOUBLE)`, '{}'),
  json('VARCHAR', `'{"a":9007199254740993,"b":[1.10,null]}'`, '{"a":9007199254740993,"b":[1.10,null]}'),
  json('VARCHAR', `'{"a":NaN,"b":[-Infinity,"NaN \\", inf"]}'`, '{"a":null,"b":[null,"NaN \\", inf"]}'),
  json('VARCHAR', `'"text, ]"'`, '"text, ]"'),
  json('JSON', `'{"a":12345678901234567890123456789.10}'::JSON`, '{"a":12345678901234567890123456789.10}'),
  json('JSON', `'null'::JSON`, 'null'),
];

export const otherCases: readonly TypeCase[] = [
  ['DOUBLE', 'DECIMAL', '-0.05::DECIMAL(4,2)', '-0.05'],
  ['DOUBLE', 'DECIMAL', '1234567890123.45::DECIMAL(18,2)', '1234567890123.45'],
  ['VARCHAR', 'DECIMAL', '12345678901234567890.123456789012345678::DECIMAL(38,18)', '"12345678901234567890.123456789012345678"'],
  ['JSON', 'DECIMAL', '12345678901234567890.120000000000000000::DECIMAL(38,18)', '12345678901234567890.120000000000000000'],
  ['VARCHAR', 'UUID', `'00000000-0000-4000-8000-0000000000ff'::UUID`, '"00000000-0000-4000-8000-0000000000ff"'],
  ['VARCHAR', 'ENUM', `'b'::ENUM('a', 'b')`, '"b"'],
  ['VARCHAR', 'BLOB', `'\\xAA\\x00A'::BLOB`, '"\\\\xAA\\\\x00A"'],
  ['VARCHAR', 'BIT', `'0101'::BIT`, '"0101"'],
  ['VARCHAR', 'INTERVAL', `INTERVAL '1 month 2 days 3.5 seconds'`, '"1 month 2 days 00:00:03.5"'],
  ['VARCHAR', 'BIGNUM', `'123456789012345678901234567890123456789012345'::BIGNUM`, '"123456789012345678901234567890123456789012345"'],
  ['VARCHAR', 'GEOMETRY', `'POINT(1 2)'::GEOMETRY`, '"POINT (1 2)"'],
  ['VARCHAR', 'JSON', `'{"a":1}'::JSON`, '"{\\"a\\":1}"'],
  ['JSON', 'VARIANT', `{a: 1.50::DECIMAL(4,2), l: [1, NULL]}::VARIANT`, '{"a":1.50,"l":[1,null]}'],
  ['JSON', 'UNION', `union_value(num := 2)::UNION(num INTEGER, s VARCHAR)`, '{"num":2}'],
  ['JSON', 'UNION', `{u: [union_value(t := DATE '2026-01-31')]}`, '{"u":[{"t":"2026-01-31"}]}'],
  ['JSON', 'STRUCT', `{u: '00000000-0000-4000-8000-0000000000ff'::UUID, b: '\\xAA'::BLOB, e: 'b'::ENUM('a', 'b')}`, '{"u":"00000000-0000-4000-8000-0000000000ff","b":"\\\\xAA","e":"b"}'], // prettier-ignore
  ['DOUBLE', 'DOUBLE', `'nan'::DOUBLE`, 'null'],
  ['DOUBLE', 'DOUBLE', `'-infinity'::DOUBLE`, 'null'],
  ['DOUBLE', 'FLOAT', `'infinity'::FLOAT`, 'null'],
];

/** A field of a CSV file under its declared type. */
type TextCase = readonly [declared: ColumnType, field: string, json: string];
export const textCases: readonly TextCase[] = [
  ['VARCHAR', '00123', '"00123"'],
  ['VARCHAR', '', '""'],
  ['VARCHAR', ' NULL ', '" NULL "'],
  ['VARCHAR', 'say "x",\nthen é', '"say \\"x\\",\\nthen é"'],
  ['BOOLEAN', 'true', 'true'],
  ['BOOLEAN', 'F', 'false'],
  ['INTEGER', '007', '7'],
  ['INTEGER', '5.0', '5'],
  ['BIGINT', '9223372036854775807', '9223372036854775807'],
  ['BIGINT', '1e+05', '100000'],
  ['DOUBLE', '34.300000000000004', '34.300000000000004'],
  ['DOUBLE', 'NaN', 'null'],
  ['DATE', '2026-01-31', '"2026-01-31"'],
  ['DATE', '2026-01-31 00:00:00', '"2026-01-31"'],
  ['TIMESTAMP', '2026-01-31 10:20:30.5', '"2026-01-31T10:20:30.500000"'],
  ['TIMESTAMP', '2026-01-31T10:20:30Z', '"2026-01-31T10:20:30.000000"'],
  ['TIMESTAMP', '2026-01-31T10:20:30+02:00', '"2026-01-31T08:20:30.000000"'],
  ['TIMESTAMP', '2026-01-31', '"2026-01-31T00:00:00.000000"'],
  ['JSON', '{"a":[1.10,NaN]}', '{"a":[1.10,null]}'],
];

/** Types that do not load: schema_data_mismatch names file, column and both types. */
export const refusedTypes: readonly (readonly [declared: ColumnType, physical: string, sql: string])[] = [
  ['VARCHAR', 'INTEGER', '1::INTEGER'],
  ['VARCHAR', 'BOOLEAN', 'true'],
  ['VARCHAR', 'DATE', `DATE '2026-01-31'`],
  ['VARCHAR', 'STRUCT', '{a: 1}'],
  ['VARCHAR', 'LIST', '[1]'],
  ['INTEGER', 'VARCHAR', `'1'`],
  ['INTEGER', 'DOUBLE', '1.0::DOUBLE'],
  ['BIGINT', 'DECIMAL', '1::DECIMAL(18,0)'],
  ['DOUBLE', 'VARCHAR', `'1.5'`],
  ['BOOLEAN', 'INTEGER', '1::INTEGER'],
  ['BOOLEAN', 'VARCHAR', `'true'`],
  ['DATE', 'TIMESTAMP', `TIMESTAMP '2026-01-31 00:00:00'`],
  ['DATE', 'VARCHAR', `'2026-01-31'`],
  ['TIMESTAMP', 'BIGINT', '0::BIGINT'],
  ['TIMESTAMP', 'VARCHAR', `'2026-01-31 10:20:30'`],
  ['TIMESTAMP', 'TIME', `TIME '10:20:30'`],
  ['JSON', 'INTEGER', '1::INTEGER'],
  ['JSON', 'BLOB', `'{}'::BLOB`],
];

/** Values that do not fit although their type does: value_does_not_fit names file and column. */
export const misfits: readonly (readonly [declared: ColumnType, format: 'parquet' | 'csv', physical: string, sql: string])[] = [
  ['INTEGER', 'parquet', 'BIGINT', '2147483648::BIGINT'],
  ['INTEGER', 'parquet', 'UINTEGER', '4294967295::UINTEGER'],
  ['BIGINT', 'parquet', 'UBIGINT', '9223372036854775808::UBIGINT'],
  ['DOUBLE', 'parquet', 'BIGINT', '9007199254740993'],
  ['JSON', 'parquet', 'VARCHAR', `'{"a":'`],
  ['JSON', 'parquet', 'VARCHAR', `'{"a":[1,]}'`],
  ['INTEGER', 'csv', '', `'1.5'`],
  ['INTEGER', 'csv', '', `'many'`],
  ['BIGINT', 'csv', '', `'9223372036854775808'`],
  ['DOUBLE', 'csv', '', `'1,5'`],
  ['BOOLEAN', 'csv', '', `'maybe'`],
  ['DATE', 'csv', '', `'2026-02-30'`],
  ['DATE', 'csv', '', `'2026-01-31 10:20:30'`],
  ['TIMESTAMP', 'csv', '', `'31/01/2026 10:20'`],
  ['JSON', 'csv', '', `'{a:1}'`],
];

/** What a declared type is in the two forms that have types of their own. */
export const typedForms: Readonly<Record<ColumnType, readonly [arrow: string, parquet: string]>> = {
  VARCHAR: ['Utf8', 'VARCHAR'],
  INTEGER: ['Int32', 'INTEGER'],
  BIGINT: ['Int64', 'BIGINT'],
  DOUBLE: ['Float64', 'DOUBLE'],
  BOOLEAN: ['Bool', 'BOOLEAN'],
  DATE: ['Date32<DAY>', 'DATE'],
  TIMESTAMP: ['Timestamp<MICROSECOND>', 'TIMESTAMP'],
  JSON: ['Utf8', 'JSON'],
};

/** An aggregate over one of the columns above: its declared type, what is asked, JSON, Arrow and Parquet. The column has its value twice. */
export const aggregateCases: readonly (readonly [over: string, agg: string, json: string, arrow: string, parquet: string])[] = [
  ['9223372036854775807', 'sum', '18446744073709551614', 'Decimal[38e0]', 'DECIMAL(38,0)'],
  ['(-2147483648)::INTEGER', 'sum', '-4294967296', 'Decimal[38e0]', 'DECIMAL(38,0)'],
  ['34.300000000000004::DOUBLE', 'sum', '68.60000000000001', 'Float64', 'DOUBLE'],
  ['9007199254740993', 'avg', '9007199254740992', 'Float64', 'DOUBLE'],
  ['9007199254740993', 'max', '9007199254740993', 'Int64', 'BIGINT'],
  [`'text'`, 'count', '2', 'Int64', 'BIGINT'],
  [`'text'`, 'min', '"text"', 'Utf8', 'VARCHAR'],
  [`DATE '2026-01-31'`, 'max', '"2026-01-31"', 'Date32<DAY>', 'DATE'],
  [`TIMESTAMP '1969-12-31 23:59:59.999999'`, 'min', '"1969-12-31T23:59:59.999999"', 'Timestamp<MICROSECOND>', 'TIMESTAMP'],
];

/** An answer's value as a CSV field: NULL is empty, an empty text is quoted, JSON stays JSON. */
export const csvField = (declared: ColumnType, json: string): string => {
  if (json === 'null' && declared !== 'JSON') return '';
  const plain = json.startsWith('"') && declared !== 'JSON' ? (JSON.parse(json) as string) : json;
  return plain === '' || /[",\r\n]|^\s|\s$/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
};
