/** Asks a source what it offers now, or for one snapshot by its id. */
import {
  checkCompatibility,
  checkManifest,
  type CompiledDataset,
  err,
  ok,
  parseManifest,
  type Problem,
  type Result,
  soundFields,
} from '@offloader/contract';
import { databricksManifest } from './databricks.ts';
import { type Fetched, type FetchFailure, sourceFailure } from './fetched.ts';
import type { ObjectStore } from './object-store.ts';
import { alsoProbed } from './stage-files.ts';

/** One pass tells everything: what is sound of a faulty manifest is held against its dataset and the files that can be seen from here. */
const everyProblem = async (text: string, faults: readonly Problem[], dataset: CompiledDataset, url: string, store: ObjectStore) => {
  const manifest = soundFields(text);
  const problems = [...faults, ...checkManifest(manifest, dataset, url), ...checkCompatibility(manifest, dataset)];
  return alsoProbed(problems, { manifest, manifestUrl: url, promised: true }, store);
};

const readManifest = async (
  dataset: CompiledDataset,
  url: string,
  etag: string | null,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<Fetched, FetchFailure>> => {
  const answer = await store.read(url, etag, signal);
  if (!answer.ok) return err(sourceFailure(answer.error));
  if (answer.value.kind === 'unchanged') return ok({ kind: 'unchanged' });
  const text = Buffer.from(answer.value.bytes).toString('utf8');
  const manifest = parseManifest(text);
  if (!manifest.ok)
    return err({ status: 'rejected', problems: await everyProblem(text, manifest.error, dataset, url, store), reached: true });
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
    : readManifest(dataset, dataset.source.url, etag, store, signal);

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
  const older = await readManifest(dataset, `${folder}snapshots/${id}/manifest.json`, null, store, signal);
  return older.ok && older.value.kind === 'offered' && older.value.offered.manifest.snapshot_id === id ? older : current;
};
