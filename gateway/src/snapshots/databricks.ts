/** Asks a Databricks table's folder for its newest commit. */
import { type CompiledDataset, err, ok, type Problem, type Result } from '@offloader/contract';
import { markerManifest, newestMarker } from '../domain/databricks.ts';
import { type Fetched, type FetchFailure, sourceFailure } from './fetched.ts';
import type { ObjectStore } from './object-store.ts';

/** Nothing that Databricks wrote was refused: the next attempt may find it in order. */
const failure = (problem: Problem): FetchFailure => ({ ...sourceFailure(problem), status: 'failed' });

/** The etag is the marker's own URL: markers are never rewritten. */
export const databricksManifest = async (
  dataset: CompiledDataset,
  etag: string | null,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<Fetched, FetchFailure>> => {
  const { url } = dataset.source;
  const folder = url.endsWith('/') ? url : `${url}/`;
  const listed = await store.list(`${folder}_committed_`, signal);
  if (!listed.ok) return err(failure(listed.error));
  const marker = newestMarker(listed.value, folder);
  if (marker === undefined) return ok({ kind: 'nothing' });
  if (marker.url === etag) return ok({ kind: 'unchanged' });
  const text = await store.read(marker.url, null, signal);
  if (!text.ok) return err(failure(text.error));
  const bytes = text.value.kind === 'read' ? text.value.bytes : new Uint8Array();
  const manifest = markerManifest(marker, Buffer.from(bytes).toString('utf8'), dataset, folder);
  if (!manifest.ok) return err({ status: 'failed', problems: [manifest.error], reached: true });
  if (manifest.value === null) return ok({ kind: 'nothing' });
  return ok({
    kind: 'offered',
    offered: { manifest: manifest.value, manifestUrl: marker.url, promised: false, etag: marker.url },
  });
};
