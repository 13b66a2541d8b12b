import { describe, expect, test } from '@jest/globals';
import { parseManifest } from '@offloader/contract';
import type { InspectedFile } from './inspect-files.ts';
import { draftManifest, unionSchema, withPrefix } from './manifest-draft.ts';
import type { ManifestFacts } from './manifest-draft.ts';

const facts: ManifestFacts = {
  dataset: 'visits',
  snapshotId: 's1',
  createdAt: '2026-06-01T00:00:00Z',
  watermark: '2026-06-01T00:00:00Z',
  producer: 'tests',
  runId: 'r1',
  schemaVersion: 1,
  quality: 'passed',
  compatibility: 'additive_only',
  partitionColumns: [],
  sortColumns: [],
  types: {},
};
const file = (path: string, columns: Readonly<Record<string, string>>): InspectedFile => ({
  absolute: `/data/${path}`,
  path,
  format: 'parquet',
  sizeBytes: 10,
  rows: 5,
  columns: Object.entries(columns).map(([name, type]) => ({ name, type })),
});

describe('a drafted manifest', () => {
  test('passes the rules for manifests and adds rows and bytes up', () => {
    const drafted = draftManifest(facts, [file('a.parquet', { day: 'DATE' }), file('sub/b.parquet', { day: 'DATE' })]);
    expect(drafted).toMatchObject({
      ok: true,
      value: { row_count: 10, size_bytes: 20, files: [{ path: 'a.parquet' }, { path: 'sub/b.parquet' }] },
    });
    expect(parseManifest(JSON.stringify(drafted.ok && drafted.value)).ok).toBe(true);
  });

  test('moves its paths when it is put elsewhere', () => {
    const drafted = draftManifest(facts, [file('a.parquet', { day: 'DATE' })]);
    expect(drafted.ok && withPrefix(drafted.value, 'snapshots/s1/').files[0]?.path).toBe('snapshots/s1/a.parquet');
  });

  test('refuses a sort column that no file has', () => {
    const drafted = draftManifest({ ...facts, sortColumns: ['nope'] }, [file('a.parquet', { day: 'DATE' })]);
    expect(drafted).toEqual({ ok: false, error: ['nope: no file has this column'] });
  });
});

describe('the schema of several files', () => {
  test.each([
    ['integers widen', 'INTEGER', 'BIGINT', 'BIGINT'],
    ['integers and doubles meet in DOUBLE', 'BIGINT', 'DOUBLE', 'DOUBLE'],
    ['a UUID is text', 'UUID', 'VARCHAR', 'VARCHAR'],
    ['an enumeration is text', "ENUM('a', 'b')", 'VARCHAR', 'VARCHAR'],
    ['a decimal is a double', 'DECIMAL(10,2)', 'DOUBLE', 'DOUBLE'],
    ['time stamps of every precision are one type', 'TIMESTAMP_NS', 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMP'],
    ['nested types are JSON', 'STRUCT(a INTEGER)[]', 'MAP(VARCHAR, INTEGER)', 'JSON'],
  ])('%s', (_sentence, first, second, expected) => {
    const schema = unionSchema([file('a.parquet', { x: first }), file('b.parquet', { x: second })]);
    expect(schema).toEqual({ ok: true, value: [{ name: 'x', type: expected }] });
  });

  test('a column that one file lacks is in it all the same', () => {
    const schema = unionSchema([file('a.parquet', { x: 'DATE' }), file('b.parquet', { y: 'DATE' })]);
    expect(schema.ok && schema.value.map(({ name }) => name)).toEqual(['x', 'y']);
  });

  test('every column that cannot be served is named with its file', () => {
    const schema = unionSchema([file('a.parquet', { 'bad name': 'DATE', raw: 'BLOB', x: 'DATE' }), file('b.parquet', { x: 'VARCHAR' })]);
    expect(!schema.ok && schema.error).toEqual([
      expect.stringContaining('a.parquet: column bad name:'),
      expect.stringContaining('a.parquet: column raw: type BLOB'),
      expect.stringContaining('b.parquet: column x: is VARCHAR here and DATE in another file'),
    ]);
  });
});
