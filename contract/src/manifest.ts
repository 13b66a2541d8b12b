/** The snapshot manifest that producers write: parsing it with every finding at once. */
import type { Column, ColumnType } from './bundle.ts';
import { columnPattern, identifierPattern, snapshotIdPattern } from './names.ts';
import type { Problem } from './problem.ts';
import { err, ok, type Result } from './result.ts';
import { isRealTimestamp } from './rules/param-values.ts';
import { problem } from './rules/problems.ts';

export type ManifestFile = {
  readonly path: string;
  readonly format: 'csv' | 'parquet';
  readonly row_count: number;
  readonly size_bytes: number;
  /** Of the file's bytes, in hex: with it a file that was damaged on its way or at rest is never served. */
  readonly sha256?: string;
};
export type Manifest = {
  readonly dataset_id: string;
  readonly snapshot_id: string;
  readonly created_at: string;
  readonly watermark: string;
  readonly schema: readonly Column[];
  readonly files: readonly ManifestFile[];
  readonly partition_columns: readonly string[];
  readonly sort_columns: readonly string[];
  readonly row_count: number;
  readonly size_bytes: number;
  readonly producer: string;
  readonly upstream_run_id: string;
  readonly schema_version: number;
  readonly data_quality_status: 'passed' | 'warning' | 'failed';
  readonly compatibility_policy: 'additive_only' | 'exact';
};

type Fields = Readonly<Record<string, unknown>>;
type Rule = (manifest: Fields) => readonly Problem[];
const isAbsent = (value: unknown): boolean => value === undefined || value === null;
const isFields = (value: unknown): value is Fields => value !== null && typeof value === 'object' && !Array.isArray(value);
const missing = (path: string): Problem => problem('missing', path, 'is required', 'add it');

const columnTypes: readonly string[] = [
  'DATE',
  'TIMESTAMP',
  'VARCHAR',
  'INTEGER',
  'BIGINT',
  'DOUBLE',
  'BOOLEAN',
  'JSON',
] satisfies readonly ColumnType[];

const required = [
  'dataset_id', 'snapshot_id', 'created_at', 'watermark', 'schema', 'files', 'partition_columns', 'sort_columns', 'row_count', 'size_bytes',
  'producer', 'upstream_run_id', 'schema_version', 'data_quality_status', 'compatibility_policy',
] as const satisfies readonly (keyof Manifest)[]; // prettier-ignore

const everyFieldIsThere: Rule = (manifest) => required.filter((name) => isAbsent(manifest[name])).map(missing);

/** A rule on one field, asked only when the field is there: its absence is told once, as `missing`. */
const field =
  (name: keyof Manifest, check: (value: unknown, manifest: Fields) => readonly Problem[]): Rule =>
  (manifest) =>
    isAbsent(manifest[name]) ? [] : check(manifest[name], manifest);

const matches = (value: unknown, pattern: string): boolean => typeof value === 'string' && new RegExp(pattern, 'u').test(value);

const timestamp = (name: 'created_at' | 'watermark'): Rule =>
  field(name, (value) =>
    typeof value === 'string' &&
    /(Z|[+-]\d{2}:?\d{2})$/.test(value) &&
    /^\d{4}-\d{2}-\d{2}T/.test(value) &&
    isRealTimestamp(value.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'))
      ? []
      : [problem('invalid_timestamp', name, 'must be an ISO 8601 date-time with an offset or Z, such as 2026-05-30T00:00:00Z')],
  );

const nonNegative = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const count = (name: 'row_count' | 'size_bytes'): Rule =>
  field(name, (value) => (nonNegative(value) ? [] : [problem('invalid_value', name, 'must be an integer of 0 or more')]));

const text = (name: 'producer' | 'upstream_run_id'): Rule =>
  field(name, (value) => (typeof value === 'string' && value !== '' ? [] : [problem('invalid_value', name, 'must be a non-empty string')]));

const oneOf = (
  name: 'data_quality_status' | 'compatibility_policy',
  members: readonly string[],
  code: 'invalid_value' | 'invalid_compatibility_policy',
): Rule => field(name, (value) => (members.includes(value as string) ? [] : [problem(code, name, `must be one of ${members.join(', ')}`)]));

/** Column names that differ by case only are one column to the engine. */
const folded = (name: unknown): unknown => (typeof name === 'string' ? name.toLowerCase() : name);

const schemaColumn = (column: unknown, at: number, all: readonly unknown[]): readonly Problem[] => {
  if (!isFields(column)) return [problem('invalid_type', `schema[${at}]`, 'must be an object with name and type')];
  const { name, type } = column;
  const before = all.slice(0, at).some((one) => isFields(one) && folded(one['name']) === folded(name));
  return [
    ...(isAbsent(name)
      ? [missing(`schema[${at}].name`)]
      : matches(name, columnPattern)
        ? []
        : [problem('unsafe_identifier', `schema[${at}].name`, `must match ${columnPattern}`)]),
    ...(isAbsent(type)
      ? [missing(`schema[${at}].type`)]
      : columnTypes.includes(type as string)
        ? []
        : [problem('unsupported_type', `schema[${at}].type`, `must be one of ${columnTypes.join(', ')}`)]),
    ...(!isAbsent(name) && before
      ? [problem('duplicate_column', `schema[${at}].name`, 'is the name of a column before it', 'remove one of them')]
      : []),
  ];
};

const schema: Rule = field('schema', (value) => {
  if (!Array.isArray(value)) return [problem('invalid_type', 'schema', 'must be a list of {name, type}')];
  return value.length === 0 ? [missing('schema')] : value.flatMap((column, at) => schemaColumn(column, at, value));
});

const file = (entry: unknown, at: number): readonly Problem[] => {
  if (!isFields(entry)) return [problem('invalid_type', `files[${at}]`, 'must be an object with path, format, row_count and size_bytes')];
  const { path, format, row_count: rows, size_bytes: bytes } = entry;
  return [
    ...(isAbsent(path) || path === '' ? [missing(`files[${at}].path`)] : typeof path === 'string' ? [] : [problem('invalid_type', `files[${at}].path`, 'must be a string')]),
    ...(isAbsent(format)
      ? [missing(`files[${at}].format`)]
      : format === 'csv' || format === 'parquet'
        ? []
        : [problem('unsupported_type', `files[${at}].format`, 'must be csv or parquet')]),
    ...([['row_count', rows], ['size_bytes', bytes]] as const).flatMap(([name, value]) =>
      isAbsent(value) ? [missing(`files[${at}].${name}`)] : nonNegative(value) ? [] : [problem('invalid_value', `files[${at}].${name}`, 'must be an integer of 0 or more')],
    ),
  ]; // prettier-ignore
};

const files: Rule = field('files', (value) => {
  if (!Array.isArray(value)) return [problem('invalid_type', 'files', 'must be a list of files')];
  return value.length === 0 ? [missing('files')] : value.flatMap(file);
});

const isColumnList = (value: unknown): value is readonly Fields[] => Array.isArray(value) && value.length > 0 && value.every(isFields);

const columnList = (name: 'partition_columns' | 'sort_columns'): Rule =>
  field(name, (value, { schema: columns }) => {
    if (!Array.isArray(value)) return [problem('invalid_type', name, 'must be a list of column names')];
    // A schema that is none is told once, not again for every name.
    if (!isColumnList(columns)) return [];
    const declared = columns.map((column) => column['name']);
    return value.flatMap((column, at) =>
      declared.includes(column) ? [] : [problem('unknown_column', `${name}[${at}]`, 'is not a column of schema')],
    );
  });

/** In the order in which the fields are documented. */
const rules: readonly Rule[] = [
  everyFieldIsThere,
  field('dataset_id', (value) =>
    matches(value, identifierPattern) ? [] : [problem('unsafe_identifier', 'dataset_id', `must match ${identifierPattern}`)],
  ),
  field('snapshot_id', (value) =>
    matches(value, snapshotIdPattern)
      ? []
      : [problem('invalid_snapshot_id', 'snapshot_id', `must be a string that matches ${snapshotIdPattern}`)],
  ),
  timestamp('created_at'),
  timestamp('watermark'),
  schema,
  files,
  columnList('partition_columns'),
  columnList('sort_columns'),
  count('row_count'),
  count('size_bytes'),
  text('producer'),
  text('upstream_run_id'),
  field('schema_version', (value) =>
    nonNegative(value) && (value as number) >= 1 ? [] : [problem('invalid_value', 'schema_version', 'must be an integer of 1 or more')],
  ),
  oneOf('data_quality_status', ['passed', 'warning', 'failed'], 'invalid_value'),
  oneOf('compatibility_policy', ['additive_only', 'exact'], 'invalid_compatibility_policy'),
];

const parseJson = (source: string): Result<unknown, readonly Problem[]> => {
  try {
    return ok(JSON.parse(source));
  } catch {
    return err([problem('invalid_json', '', 'is not JSON', 'write the manifest as one JSON object')]);
  }
};

/** A manifest's text as a Manifest, or every finding; extra fields are passed over. Nothing outside the text is looked at. */
export const parseManifest = (source: string): Result<Manifest, readonly Problem[]> => {
  const json = parseJson(source);
  if (!json.ok) return json;
  const raw = json.value;
  if (!isFields(raw)) return err([problem('invalid_type', '', 'is not a JSON object', 'write the manifest as one JSON object')]);
  const problems = rules.flatMap((rule) => rule(raw));
  return problems.length > 0 ? err(problems) : ok(raw as Manifest);
};

export type SoundFile = Pick<ManifestFile, 'path'> & Partial<ManifestFile>;
/** Those fields of a manifest that are as they should be; of `files` the same, each entry in its place, null where no path can be told. */
export type SoundFields = Partial<Omit<Manifest, 'files'>> & { readonly files: readonly (SoundFile | null)[] };

/** The fields that no finding names; `prefix` is what paths have before a field's name. */
const without = (raw: Fields, problems: readonly Problem[], prefix = ''): Fields => {
  const faulty = new Set(problems.map(({ path }) => path.slice(prefix.length).split('[')[0]));
  return Object.fromEntries(Object.entries(raw).filter(([name, value]) => !isAbsent(value) && !faulty.has(name)));
};

const soundFile = (entry: unknown, at: number): SoundFile | null => {
  const fields = isFields(entry) ? without(entry, file(entry, at), `files[${at}].`) : {};
  return typeof fields['path'] === 'string' ? (fields as SoundFile) : null;
};

/** What can still be judged of a manifest with findings, so that its producer is told everything at once. */
export const soundFields = (source: string): SoundFields => {
  const json = parseJson(source);
  const raw = json.ok && isFields(json.value) ? json.value : {};
  const problems = rules.flatMap((rule) => rule(raw));
  const entries: readonly unknown[] = Array.isArray(raw['files']) ? raw['files'] : [];
  return { ...(without(raw, problems) as Partial<Manifest>), files: entries.map(soundFile) };
};
