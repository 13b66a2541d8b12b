/** Databricks commit markers: which object is the newest commit, and the manifest that it stands for. Pure. */
import { type CompiledDataset, err, type Manifest, ok, type Problem, type Result } from '@offloader/contract';

export type Marker = { readonly url: string; readonly updatedAt: string };

const nameOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/** The newest data commit by update time, ties by name; vacuum markers never count. */
export const newestMarker = (objects: readonly Marker[]): Marker | undefined =>
  objects
    .filter(({ url }) => nameOf(url).startsWith('_committed_') && !nameOf(url).startsWith('_committed_vacuum'))
    .toSorted((a, b) => (a.updatedAt === b.updatedAt ? (nameOf(a.url) < nameOf(b.url) ? 1 : -1) : a.updatedAt < b.updatedAt ? 1 : -1))[0];

const problem = (message: string): Problem => ({ code: 'invalid_type', path: 'added', message });

const addedOf = (text: string): Result<readonly string[], Problem> => {
  try {
    const parsed: unknown = JSON.parse(text);
    const added = parsed !== null && typeof parsed === 'object' ? (parsed as Record<string, unknown>)['added'] : undefined;
    return Array.isArray(added)
      ? ok(added.filter((one): one is string => typeof one === 'string'))
      : err(problem('the commit marker has no list `added`'));
  } catch {
    return err({ code: 'invalid_json', path: '', message: 'the commit marker is not JSON' });
  }
};

/** A marker's text as a manifest; null: nothing has been committed. Counts and sizes are not promised and stand as 0. */
export const markerManifest = (marker: Marker, text: string, dataset: CompiledDataset): Result<Manifest | null, Problem> => {
  const added = addedOf(text);
  if (!added.ok) return added;
  if (added.value.length === 0) return ok(null);
  const tid = nameOf(marker.url).slice('_committed_'.length);
  return ok({
    dataset_id: dataset.name,
    snapshot_id: `tid_${tid}`,
    created_at: marker.updatedAt,
    watermark: marker.updatedAt,
    schema: dataset.schema,
    files: added.value.map((path) => ({ path, format: 'parquet', row_count: 0, size_bytes: 0 })),
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
