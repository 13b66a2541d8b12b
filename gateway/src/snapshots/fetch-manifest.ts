/** Asks a source what it offers now, or for one snapshot by its id. */
import { type CompiledDataset, err, type Manifest, ok, parseManifest, type Problem, type Result } from '@offloader/contract';
import { databricksManifest } from './databricks.ts';
import type { ObjectStore } from './object-store.ts';

export type Offered = {
  readonly manifest: Manifest;
  readonly manifestUrl: string;
  /** Whether the manifest promises counts and sizes: a Databricks marker does not. */
  readonly promised: boolean;
  readonly etag: string | null;
};
export type FetchFailure = { readonly status: 'rejected' | 'failed'; readonly problems: readonly Problem[]; readonly reached: boolean };
export type Fetched =
  { readonly kind: 'unchanged' } | { readonly kind: 'nothing' } | { readonly kind: 'offered'; readonly offered: Offered };

/** Codes after which nothing is known to answer at the other end. */
const unreached: readonly Problem['code'][] = [
  'source_unreachable',
  'source_credentials_missing',
  'source_credentials_rejected',
  'source_bucket_missing',
  'source_failed',
];

/** A source problem as the end of an attempt: a manifest that is not there is the producer's (rejected), the rest failed. */
export const sourceFailure = (problem: Problem): FetchFailure => ({
  status: problem.code === 'missing_file' || problem.code === 'root_not_allowed' ? 'rejected' : 'failed',
  problems: [problem],
  reached: !unreached.includes(problem.code),
});

const readManifest = async (
  url: string,
  etag: string | null,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<Fetched, FetchFailure>> => {
  const answer = await store.read(url, etag, signal);
  if (!answer.ok) return err(sourceFailure(answer.error));
  if (answer.value.kind === 'unchanged') return ok({ kind: 'unchanged' });
  const manifest = parseManifest(Buffer.from(answer.value.bytes).toString('utf8'));
  if (!manifest.ok) return err({ status: 'rejected', problems: manifest.error, reached: true });
  return ok({ kind: 'offered', offered: { manifest: manifest.value, manifestUrl: url, promised: true, etag: answer.value.etag } });
};

/** What the source offers now; `etag` makes the request conditional. */
export const fetchCurrent = async (
  dataset: CompiledDataset,
  etag: string | null,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<Fetched, FetchFailure>> =>
  dataset.source.kind === 'databricks'
    ? databricksManifest(dataset, etag, store, signal)
    : readManifest(dataset.source.url, etag, store, signal);

/** One snapshot by id: what is current when it has that id, else snapshots/<id>/manifest.json beside the manifest. */
export const fetchById = async (
  dataset: CompiledDataset,
  id: string,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<Fetched, FetchFailure>> => {
  const current = await fetchCurrent(dataset, null, store, signal);
  const isIt = current.ok && current.value.kind === 'offered' && current.value.offered.manifest.snapshot_id === id;
  if (isIt || dataset.source.kind === 'databricks') return current;
  if (!current.ok && !current.error.reached) return current;
  const folder = dataset.source.url.slice(0, dataset.source.url.lastIndexOf('/') + 1);
  const older = await readManifest(`${folder}snapshots/${id}/manifest.json`, null, store, signal);
  return older.ok && older.value.kind === 'offered' && older.value.offered.manifest.snapshot_id === id ? older : current;
};
