import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { manifest } from '../test/support/manifest.ts';
import { parseManifest } from './manifest.ts';

const findings = (raw: unknown): readonly string[] => {
  const parsed = parseManifest(typeof raw === 'string' ? raw : JSON.stringify(raw));
  return parsed.ok ? [] : parsed.error.map(({ code, path }) => (path === '' ? code : `${code} at ${path}`));
};
const without = (field: string): object => Object.fromEntries(Object.entries(manifest()).filter(([name]) => name !== field));
const file = (more: object): object => manifest({ files: [{ path: 'a.csv', format: 'csv', row_count: 1, size_bytes: 1, ...more }] });
const required = [
  'dataset_id', 'snapshot_id', 'created_at', 'watermark', 'schema', 'files', 'partition_columns', 'sort_columns', 'row_count', 'size_bytes',
  'producer', 'upstream_run_id', 'schema_version', 'data_quality_status', 'compatibility_policy',
]; // prettier-ignore

describe('a manifest', () => {
  test('that is sound is taken as it is, with fields that nobody knows passed over', () => {
    const text = JSON.stringify({ ...manifest(), note: 'x', schema: [{ name: 'day', type: 'DATE', comment: 'x' }] });
    expect(parseManifest(text)).toMatchObject({ ok: true, value: { dataset_id: 'visits', snapshot_id: '2026-05-30T00' } });
  });

  test('that is stale is sound all the same', () => expect(findings(manifest({ watermark: '1999-01-01T00:00:00Z' }))).toEqual([]));

  test.each(['', '{', '{"a":}', 'dataset_id: visits'])('%j is not JSON', (text) => expect(findings(text)).toEqual(['invalid_json']));

  test.each(['[]', '7', 'null', '"text"'])('%s is not an object', (text) => expect(findings(text)).toEqual(['invalid_type']));

  test.each(required)('without %s is told so at its name', (field) => {
    expect(findings(without(field))).toEqual([`missing at ${field}`]);
    expect(findings(manifest({ [field]: null }))).toEqual([`missing at ${field}`]);
  });

  test.each(['Visits', '1st', 'a b', '', 7])('dataset_id %j is no identifier', (value) =>
    expect(findings(manifest({ dataset_id: value }))).toEqual(['unsafe_identifier at dataset_id']),
  );

  test.each(['', 7, 'a b', 'a/b', 'a'.repeat(201), ['a'], 'a\n'])('snapshot_id %j is refused', (value) =>
    expect(findings(manifest({ snapshot_id: value }))).toEqual(['invalid_snapshot_id at snapshot_id']),
  );

  test.each(['2026-05-30T00', 'run:1_2.3-x', 'a'.repeat(200)])('snapshot_id %s is taken', (value) =>
    expect(findings(manifest({ snapshot_id: value }))).toEqual([]),
  );

  describe.each(['created_at', 'watermark'])('%s', (field) => {
    test.each([
      '2026-05-30',
      '2026-05-30T00:00:00',
      'yesterday',
      '',
      1780099200,
      '2026-02-30T00:00:00Z',
      '2026-05-30T24:00:00Z',
      '2026-05-30T00:00:00 Z',
    ])('%j is refused', (value) => expect(findings(manifest({ [field]: value }))).toEqual([`invalid_timestamp at ${field}`]));

    test.each(['2026-05-30T00:00:00Z', '2026-05-30T00:00:00.123456Z', '2026-05-30T00:00:00+02:00', '2026-05-30T00:00:00-0530'])(
      '%s is taken',
      (value) => expect(findings(manifest({ [field]: value }))).toEqual([]),
    );
  });

  test.each([
    ['an empty list', [], ['missing at schema']],
    ['text', 'day', ['invalid_type at schema']],
    ['an entry that is no object', ['day'], ['invalid_type at schema[0]']],
    ['a column without name', [{ type: 'DATE' }], ['missing at schema[0].name']],
    ['a column without type', [{ name: 'day' }], ['missing at schema[0].type']],
    ['a column name with a quote', [{ name: 'da"y', type: 'DATE' }], ['unsafe_identifier at schema[0].name']],
    ['a type that is not served', [{ name: 'day', type: 'DECIMAL' }], ['unsupported_type at schema[0].type']],
    ['a column twice', [{ name: 'day', type: 'DATE' }, { name: 'day', type: 'DATE' }], ['duplicate_column at schema[1].name']],
    ['columns that differ by case only', [{ name: 'day', type: 'DATE' }, { name: 'DAY', type: 'DATE' }], ['duplicate_column at schema[1].name']],
  ])('schema: %s', (_what, schema, expected) => expect(findings(manifest({ schema, partition_columns: [], sort_columns: [] }))).toEqual(expected)); // prettier-ignore

  test.each([
    ['an empty list', manifest({ files: [] }), ['missing at files']],
    ['an object', manifest({ files: {} }), ['invalid_type at files']],
    ['an entry that is no object', manifest({ files: ['a.csv'] }), ['invalid_type at files[0]']],
    ['a file without path', file({ path: null }), ['missing at files[0].path']],
    ['a path that is no text', file({ path: 7 }), ['invalid_type at files[0].path']],
    ['a file without format', file({ format: null }), ['missing at files[0].format']],
    ['a format that is not read', file({ format: 'avro' }), ['unsupported_type at files[0].format']],
    ['a file without row_count', file({ row_count: null }), ['missing at files[0].row_count']],
    ['a file without size_bytes', file({ size_bytes: null }), ['missing at files[0].size_bytes']],
    ['a negative number of rows', file({ row_count: -1 }), ['invalid_value at files[0].row_count']],
  ])('files: %s', (_what, raw, expected) => expect(findings(raw)).toEqual(expected));

  describe.each(['partition_columns', 'sort_columns'])('%s', (field) => {
    test('is a list', () => expect(findings(manifest({ [field]: 'day' }))).toEqual([`invalid_type at ${field}`]));
    test('is not told unknown columns beside a schema that is none', () => expect(findings(manifest({ schema: 'day', [field]: ['x'] }))).toEqual(['invalid_type at schema']));
    test('may be empty', () => expect(findings(manifest({ [field]: [] }))).toEqual([]));
    test('names columns of schema', () => expect(findings(manifest({ [field]: ['day', 'month', 7] }))).toEqual([`unknown_column at ${field}[1]`, `unknown_column at ${field}[2]`]));
  }); // prettier-ignore

  test.each([
    ...['row_count', 'size_bytes'].flatMap((field) => [-1, 1.5, '7', true].map((value) => [field, value] as const)),
    ...[0, 1.5, '1'].map((value) => ['schema_version', value] as const),
    ...['producer', 'upstream_run_id'].flatMap((field) => ['', 7].map((value) => [field, value] as const)),
    ...['good', 'PASSED', 1].map((value) => ['data_quality_status', value] as const),
  ])('%s: %j is no value of it', (field, value) => expect(findings(manifest({ [field]: value }))).toEqual([`invalid_value at ${field}`]));

  test.each(['backward', '', 7])('compatibility_policy %j is refused', (value) =>
    expect(findings(manifest({ compatibility_policy: value }))).toEqual(['invalid_compatibility_policy at compatibility_policy']),
  );

  test.each([['row_count', 0], ['size_bytes', 0], ['schema_version', 1], ['data_quality_status', 'warning'], ['data_quality_status', 'failed'], ['compatibility_policy', 'exact']])(
    '%s: %j is taken',
    (field, value) => expect(findings(manifest({ [field]: value }))).toEqual([]),
  ); // prettier-ignore

  test('with several defects is told all of them', () => {
    const bad = {
      snapshot_id: 'a b',
      schema: [
        { name: 'day', type: 'DATE' },
        { name: 'day', type: 'MONEY' },
      ],
      producer: null,
    };
    expect([...findings(manifest(bad))].sort()).toEqual([
      'duplicate_column at schema[1].name',
      'invalid_snapshot_id at snapshot_id',
      'missing at producer',
      'unsupported_type at schema[1].type',
    ]);
  });

  test('never throws, whatever stands in it', () => {
    fc.assert(fc.property(fc.constantFrom(...required), fc.jsonValue(), (field, value) => void findings(manifest({ [field]: value }))));
    fc.assert(fc.property(fc.json(), (text) => void findings(text)));
  });
});
