/** Databricks commit markers: which object is the newest commit, and the manifest that it stands for. Pure. */
import { type CompiledDataset, err, type Manifest, ok, type Problem, type Result, snapshotIdPattern } from '@offloader/contract';

export type Marker = { readonly url: string; readonly updatedAt: string };

const markerStart = '_committed_';
const vacuumStart = '_committed_vacuum';

/** What follows a table's folder (which ends with `/`); a marker lies in the folder itself. */
const nameOf = (marker: Marker, folder: string): string => marker.url.slice(folder.length);
const isCommit = (name: string): boolean => name.startsWith(markerStart) && !name.startsWith(vacuumStart) && !name.includes('/');

/** By update time, then by name. */
const isNewer = (a: Marker, b: Marker): boolean => {
  const difference = Date.parse(a.updatedAt) - Date.parse(b.updatedAt);
  return difference > 0 || (difference === 0 && a.url > b.url);
};

/** The newest data commit by update time, ties by name; vacuum markers never count. */
export const newestMarker = (objects: readonly Marker[], folder: string): Marker | undefined =>
  objects
    .filter((marker) => isCommit(nameOf(marker, folder)))
    .reduce<Marker | undefined>((newest, marker) => (newest === undefined || isNewer(marker, newest) ? marker : newest), undefined);

const notAdded: Problem = { code: 'invalid_type', path: 'added', message: 'the commit marker has no list `added` of file names' };
const notJson: Problem = { code: 'invalid_json', path: '', message: 'the commit marker is not JSON' };
const unnamed: Problem = { code: 'invalid_snapshot_id', path: '', message: 'the name of the commit marker gives no snapshot id' };

/** A list with anything but names is none: to pass over an entry would be to serve a part of the table. */
const addedOf = (text: string): Result<readonly string[], Problem> => {
  try {
    const { added } = (JSON.parse(text) ?? {}) as { added?: unknown };
    return Array.isArray(added) && added.every((name) => typeof name === 'string' && name !== '') ? ok(added) : err(notAdded);
  } catch {
    return err(notJson);
  }
};

/** A marker's text as a manifest; null: nothing has been committed. Counts and sizes are not promised and stand as 0. */
export const markerManifest = (
  marker: Marker,
  text: string,
  dataset: CompiledDataset,
  folder: string,
): Result<Manifest | null, Problem> => {
  const added = addedOf(text);
  if (!added.ok) return added;
  if (added.value.length === 0) return ok(null);
  const tid = nameOf(marker, folder).slice(markerStart.length);
  const id = `tid_${tid}`;
  if (!new RegExp(snapshotIdPattern, 'u').test(id)) return err(unnamed);
  return ok({
    dataset_id: dataset.name,
    snapshot_id: id,
    created_at: marker.updatedAt,
    watermark: marker.updatedAt,
    schema: dataset.schema,
    // Names, never URLs: whatever stands in `added` lies in the table's folder.
    files: added.value.map((name) => ({ path: `${folder}${name}`, format: 'parquet', row_count: 0, size_bytes: 0 })),
    partition_columns: [],
    sort_columns: [],
    row_count: 0,
    size_bytes: 0,
    producer: 'databricks',
    upstream_run_id: tid,
    schema_version: 1,
    data_quality_status: 'passed',
    compatibility_policy: 'additive_only',
  });
};
