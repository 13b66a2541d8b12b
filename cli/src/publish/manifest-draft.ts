/** Builds a snapshot's manifest from what was read of its files. Pure: the moment of publishing is handed in. */
import { columnPattern, err, ok } from '@offloader/contract';
import type { Column, ColumnType, Manifest, Result } from '@offloader/contract';
import { columnTypeOf, commonType } from './column-types.ts';
import type { InspectedFile } from './inspect-files.ts';

export type ManifestFacts = {
  readonly dataset: string;
  readonly snapshotId: string;
  readonly createdAt: string;
  readonly watermark: string;
  readonly producer: string;
  readonly runId: string;
  readonly schemaVersion: number;
  readonly quality: Manifest['data_quality_status'];
  readonly compatibility: Manifest['compatibility_policy'];
  readonly partitionColumns: readonly string[];
  readonly sortColumns: readonly string[];
  /** Types that the caller knows better than the files (CSV has none). */
  readonly types: Readonly<Record<string, ColumnType>>;
};

/** The manifest, its file paths relative to the data folder; or every column that cannot be published. */
export const draftManifest = (
  facts: ManifestFacts,
  files: readonly (InspectedFile & { readonly sha256?: string })[],
): Result<Manifest, readonly string[]> => {
  const schema = unionSchema(files, facts.types);
  if (!schema.ok) return schema;
  const known = new Set(schema.value.map((column) => column.name));
  const unknown = [...new Set([...facts.partitionColumns, ...facts.sortColumns, ...Object.keys(facts.types)])].filter(
    (name) => !known.has(name),
  );
  if (unknown.length > 0) return err(unknown.map((name) => `${name}: no file has this column`));
  return ok({
    dataset_id: facts.dataset,
    snapshot_id: facts.snapshotId,
    created_at: facts.createdAt,
    watermark: facts.watermark,
    schema: [...schema.value],
    files: files.map(({ path, format, rows, sizeBytes, sha256 }) => ({
      path,
      format,
      row_count: rows,
      size_bytes: sizeBytes,
      ...(sha256 === undefined ? {} : { sha256 }),
    })),
    partition_columns: [...facts.partitionColumns],
    sort_columns: [...facts.sortColumns],
    row_count: files.reduce((sum, file) => sum + file.rows, 0),
    size_bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    producer: facts.producer,
    upstream_run_id: facts.runId,
    schema_version: facts.schemaVersion,
    data_quality_status: facts.quality,
    compatibility_policy: facts.compatibility,
  });
};

/** The same manifest for a place from which its files lie under `prefix`. */
export const withPrefix = (manifest: Manifest, prefix: string): Manifest => ({
  ...manifest,
  files: manifest.files.map((file) => ({ ...file, path: `${prefix}${file.path}` })),
});

/** Columns of all files, united by name, each with a type that holds what every file has. */
export const unionSchema = (
  files: readonly InspectedFile[],
  types: Readonly<Record<string, ColumnType>> = {},
): Result<readonly Column[], readonly string[]> => {
  const united = new Map<string, ColumnType>();
  const problems: string[] = [];
  for (const file of files) {
    for (const column of file.columns) {
      const merged = mergeColumn(united.get(column.name), types[column.name], column);
      if (merged.ok) united.set(column.name, merged.value);
      else problems.push(`${file.path}: column ${column.name}: ${merged.error}`);
    }
  }
  return problems.length > 0 ? err(problems) : ok([...united].map(([name, type]) => ({ name, type })));
};

const mergeColumn = (
  before: ColumnType | undefined,
  told: ColumnType | undefined,
  column: { readonly name: string; readonly type: string },
): Result<ColumnType, string> => {
  if (!new RegExp(columnPattern).test(column.name)) return err('a column name is 1 to 63 letters, digits or _');
  const type = told ?? columnTypeOf(column.type);
  if (type === undefined) return err(`type ${column.type} cannot be served; cast it in the export`);
  const common = before === undefined ? type : commonType(before, type);
  return common === undefined ? err(`is ${type} here and ${before ?? ''} in another file`) : ok(common);
};
