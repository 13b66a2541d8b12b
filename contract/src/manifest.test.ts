// What the contract's "Manifest validation" says of a manifest's own text; each test bears the sentence it proves.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { manifest } from '../test/support/manifest.ts';
import { parseManifest, soundFields } from './manifest.ts';
import { apiVersion } from './names.ts';
import { parseResource } from './resources/resource.ts';

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

test('a sound manifest is taken as it is', () => {
  expect(parseManifest(JSON.stringify(manifest()))).toEqual({ ok: true, value: manifest() });
});

describe('Required: dataset_id, snapshot_id, created_at, watermark, schema[{name,type}], files[{path,format,row_count,size_bytes}], partition_columns, sort_columns, row_count, size_bytes, producer, upstream_run_id, schema_version, data_quality_status, compatibility_policy.', () => {
  test('these and no others', () => {
    expect(Object.keys(manifest())).toEqual(required);
    expect(findings('{}')).toEqual(required.map((field) => `missing at ${field}`));
  });
  test.each([
    ['schema', { schema: [{}] }, ['schema[0].name', 'schema[0].type']],
    ['files', { files: [{}] }, ['files[0].path', 'files[0].format', 'files[0].row_count', 'files[0].size_bytes']],
  ])('and of each entry of %s', (_field, more, paths) =>
    expect(findings(manifest({ ...more, partition_columns: [], sort_columns: [] }))).toEqual(paths.map((path) => `missing at ${path}`)),
  );
});

describe('Each one absent or null ⇒ `missing` at its name.', () => {
  test.each(required)('%s', (field) => {
    expect(findings(without(field))).toEqual([`missing at ${field}`]);
    expect(findings(manifest({ [field]: null }))).toEqual([`missing at ${field}`]);
  });
  test.each(['path', 'format', 'row_count', 'size_bytes'])('files[0].%s', (field) => {
    expect(findings(file({ [field]: null }))).toEqual([`missing at files[0].${field}`]);
    expect(findings(file({ [field]: undefined }))).toEqual([`missing at files[0].${field}`]);
  });
  test.each(['name', 'type'])('schema[0].%s', (field) => {
    const raw = { schema: [{ name: 'day', type: 'DATE', [field]: null }], partition_columns: [], sort_columns: [] };
    expect(findings(manifest(raw))).toEqual([`missing at schema[0].${field}`]);
  });
});

describe('a text', () => {
  test.each(['', '{', '{"a":}', 'dataset_id: visits'])('%j is not JSON', (text) => expect(findings(text)).toEqual(['invalid_json']));
  test.each(['[]', '7', 'null', '"text"'])('%s is not an object', (text) => expect(findings(text)).toEqual(['invalid_type']));
});

test('Extra fields are ignored.', () => {
  const more = {
    note: 'x',
    snapshotId: 7,
    schema: [{ name: 'day', type: 'DATE', comment: 'x', nullable: 7 }],
    files: [{ path: 'a.csv', format: 'csv', row_count: 7, size_bytes: 700, etag: [] }],
  };
  expect(parseManifest(JSON.stringify(manifest(more)))).toMatchObject({
    ok: true,
    value: { dataset_id: 'visits', snapshot_id: '2026-05-30T00' },
  });
});

describe('dataset_id', () => {
  test.each(['Visits', '1st', 'a b', '', 7, 'a'.repeat(64), '../visits'])('%j is no identifier', (value) =>
    expect(findings(manifest({ dataset_id: value }))).toEqual(['unsafe_identifier at dataset_id']),
  );
});

describe('snapshot_id string `[A-Za-z0-9:_.-]{1,200}` else `invalid_snapshot_id` (empty, number, space, slash rejected).', () => {
  test.each(['', 7, 'a b', 'a/b', 'a'.repeat(201), ['a'], 'a\n', 'ä', '%2e'])('%j is refused', (value) =>
    expect(findings(manifest({ snapshot_id: value }))).toEqual(['invalid_snapshot_id at snapshot_id']),
  );
  test.each(['2026-05-30T00', 'run:1_2.3-x', 'a'.repeat(200), '0'])('%s is taken', (value) =>
    expect(findings(manifest({ snapshot_id: value }))).toEqual([]),
  );
});

describe('created_at, watermark: ISO-8601 date-time WITH offset/Z else `invalid_timestamp` (date only, or no offset, rejected).', () => {
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
      '2026-05-30 00:00:00Z',
    ])('%j is refused', (value) => expect(findings(manifest({ [field]: value }))).toEqual([`invalid_timestamp at ${field}`]));

    test.each([
      '2026-05-30T00:00:00Z',
      '2026-05-30T00:00Z',
      '2026-05-30T00:00:00.123456Z',
      '2026-05-30T00:00:00+02:00',
      '2026-05-30T00:00:00-0530',
    ])('%s is taken, and is a moment', (value) => {
      expect(findings(manifest({ [field]: value }))).toEqual([]);
      expect(Date.parse(value)).toBeGreaterThan(Date.parse('2026-05-29T00:00:00Z'));
    });
  });
});

describe('schema: same column rules as a dataset (`missing`,`unsafe_identifier`,`unsupported_type`,`duplicate_column`; non-object entry `invalid_type`).', () => {
  test.each([
    ['an empty list', [], ['missing at schema']],
    ['text', 'day', ['invalid_type at schema']],
    [
      'entries that are no objects',
      ['day', null, ['day']],
      ['invalid_type at schema[0]', 'invalid_type at schema[1]', 'invalid_type at schema[2]'],
    ],
    ['a column without name', [{ type: 'DATE' }], ['missing at schema[0].name']],
    ['a column without type', [{ name: 'day' }], ['missing at schema[0].type']],
    ['a column name with a quote', [{ name: 'da"y', type: 'DATE' }], ['unsafe_identifier at schema[0].name']],
    ['a column name that is too long', [{ name: 'd'.repeat(64), type: 'DATE' }], ['unsafe_identifier at schema[0].name']],
    ['a type that is not served', [{ name: 'day', type: 'DECIMAL' }], ['unsupported_type at schema[0].type']],
    ['a type in small letters', [{ name: 'day', type: 'date' }], ['unsupported_type at schema[0].type']],
    [
      'a column twice',
      [
        { name: 'day', type: 'DATE' },
        { name: 'day', type: 'DATE' },
      ],
      ['duplicate_column at schema[1].name'],
    ],
    [
      'columns that differ by case only',
      [
        { name: 'day', type: 'DATE' },
        { name: 'DAY', type: 'DATE' },
      ],
      ['duplicate_column at schema[1].name'],
    ],
  ])('%s', (_what, schema, expected) => expect(findings(manifest({ schema, partition_columns: [], sort_columns: [] }))).toEqual(expected));

  const datasetOf = (schema: readonly unknown[]) => {
    const spec = { source: { manifest: { url: 's3://lake/manifest.json' } }, schema };
    const parsed = parseResource({ apiVersion, kind: 'Dataset', metadata: { name: 'visits' }, spec });
    return parsed.ok ? [] : parsed.error.map(({ code, path }) => `${code} at ${path.replace(/^spec\./, '')}`);
  };
  test.each([
    ['a column without name', [{ type: 'DATE' }]],
    ['a column without type', [{ name: 'day' }]],
    ['a column name with a quote', [{ name: 'da"y', type: 'DATE' }]],
    ['a type that is not served', [{ name: 'day', type: 'DECIMAL' }]],
    [
      'a column twice',
      [
        { name: 'day', type: 'DATE' },
        { name: 'day', type: 'DATE' },
      ],
    ],
    ['an entry that is no object', ['day']],
  ])('%s is told as it is in a Dataset', (_what, schema) => {
    const found = findings(manifest({ schema, partition_columns: [], sort_columns: [] }));
    expect(found).toHaveLength(1);
    expect(datasetOf(schema).map((one) => one.split(' at ')[0])).toEqual(found.map((one) => one.split(' at ')[0]));
  });
});

describe('files', () => {
  test.each([
    ['an empty list', manifest({ files: [] }), ['missing at files']],
    ['an object', manifest({ files: {} }), ['invalid_type at files']],
    ['an entry that is no object', manifest({ files: ['a.csv'] }), ['invalid_type at files[0]']],
    ['an empty path', file({ path: '' }), ['missing at files[0].path']],
    ['a path that is no text', file({ path: 7 }), ['invalid_type at files[0].path']],
    ['a format that is not read', file({ format: 'avro' }), ['unsupported_type at files[0].format']],
    ['a format in capitals', file({ format: 'CSV' }), ['unsupported_type at files[0].format']],
    ['a negative number of rows', file({ row_count: -1 }), ['invalid_value at files[0].row_count']],
  ])('%s', (_what, raw, expected) => expect(findings(raw)).toEqual(expected));
});

describe('partition_columns, sort_columns: lists (else `invalid_type`) of schema columns (`unknown_column`).', () => {
  describe.each(['partition_columns', 'sort_columns'])('%s', (field) => {
    test.each(['day', {}, 7])('%j is no list', (value) =>
      expect(findings(manifest({ [field]: value }))).toEqual([`invalid_type at ${field}`]),
    );
    test('may be empty, or all of them', () => {
      for (const value of [[], ['visits', 'day']]) expect(findings(manifest({ [field]: value }))).toEqual([]);
    });
    test('names columns of schema', () =>
      expect(findings(manifest({ [field]: ['day', 'month', 7] }))).toEqual([
        `unknown_column at ${field}[1]`,
        `unknown_column at ${field}[2]`,
      ]));
    test('is not told unknown columns beside a schema that is none', () =>
      expect(findings(manifest({ schema: 'day', [field]: ['x'] }))).toEqual(['invalid_type at schema']));
  });
});

describe('row_count, size_bytes integer ≥ 0; schema_version integer ≥ 1; producer, upstream_run_id non-empty strings; else `invalid_value`.', () => {
  test.each([
    ...['row_count', 'size_bytes'].flatMap((field) => [-1, 1.5, '7', true, 1e300].map((value) => [field, value] as const)),
    ...[0, -1, 1.5, '1'].map((value) => ['schema_version', value] as const),
    ...['producer', 'upstream_run_id'].flatMap((field) => ['', 7, []].map((value) => [field, value] as const)),
  ])('%s: %j is refused', (field, value) => expect(findings(manifest({ [field]: value }))).toEqual([`invalid_value at ${field}`]));
  test.each([
    ['row_count', 0],
    ['size_bytes', 0],
    ['schema_version', 1],
    ['producer', ' '],
    ['upstream_run_id', '7'],
  ])('%s: %j is taken', (field, value) => expect(findings(manifest({ [field]: value }))).toEqual([]));
});

describe('data_quality_status ∈ passed|warning|failed else `invalid_value`.', () => {
  test.each(['good', 'PASSED', 1, ''])('%j is refused', (value) =>
    expect(findings(manifest({ data_quality_status: value }))).toEqual(['invalid_value at data_quality_status']),
  );
  test.each(['passed', 'warning', 'failed'])('%s is taken', (value) =>
    expect(findings(manifest({ data_quality_status: value }))).toEqual([]),
  );
});

describe('compatibility_policy ∈ additive_only|exact else `invalid_compatibility_policy`.', () => {
  test.each(['backward', '', 7, 'EXACT'])('%j is refused', (value) =>
    expect(findings(manifest({ compatibility_policy: value }))).toEqual(['invalid_compatibility_policy at compatibility_policy']),
  );
  test.each(['additive_only', 'exact'])('%s is taken', (value) => expect(findings(manifest({ compatibility_policy: value }))).toEqual([]));
});

describe('what is sound of a manifest with findings', () => {
  test('is kept, each file in its place, so that the rest can be judged', () => {
    const good = { path: 'a.csv', format: 'csv', row_count: 1, size_bytes: 1 };
    const bad = {
      snapshot_id: 'a b',
      schema_version: 0,
      schema: [{ name: 'day' }],
      files: ['x', { ...good, format: 'avro' }, { ...good, path: 7 }, good],
    };
    expect(soundFields(JSON.stringify(manifest({ ...bad, partition_columns: [], sort_columns: [], producer: null })))).toEqual({
      dataset_id: 'visits',
      created_at: '2026-05-30T01:00:00Z',
      watermark: '2026-05-30T00:00:00Z',
      partition_columns: [],
      sort_columns: [],
      row_count: 7,
      size_bytes: 700,
      upstream_run_id: 'run-1',
      data_quality_status: 'passed',
      compatibility_policy: 'additive_only',
      files: [null, { path: 'a.csv', row_count: 1, size_bytes: 1 }, null, good],
    });
  });
  test.each(['', '[]', '{', '{"files":7}'])('is nothing of %j', (text) => expect(soundFields(text)).toEqual({ files: [] }));
});

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.constantFrom(...required), fc.jsonValue(), (field, value) => void findings(manifest({ [field]: value }))));
  fc.assert(fc.property(fc.json(), (text) => void [findings(text), soundFields(text)]));
});
