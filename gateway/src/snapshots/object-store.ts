/** What the snapshots room needs of any place that holds manifests and data files. */
import type { CompiledSource, Problem, Result, SourceCredentials } from '@offloader/contract';

export type ReadResult =
  { readonly kind: 'unchanged' } | { readonly kind: 'read'; readonly bytes: Uint8Array; readonly etag: string | null };
export type ListedObject = { readonly url: string; readonly updatedAt: string };
/** What was downloaded: `version` names these very bytes, null where the place knows no versions. */
export type Downloaded = { readonly bytes: number; readonly version: string | null };

export interface ObjectStore {
  /** One conditional read of a small object; `etag` is what an earlier read answered. */
  read(url: string, etag: string | null, signal: AbortSignal): Promise<Result<ReadResult, Problem>>;
  /** What is wrong with a file that can be told without asking another machine; null when nothing is, or it would take that. */
  probe(url: string, expectedBytes: number | null): Promise<Problem | null>;
  /**
   * Streams an object into a file that must not exist yet, going on where a broken connection left off. A size other than
   * expectedBytes is a size_mismatch, an object that is overwritten meanwhile a file_changed.
   */
  download(url: string, toFile: string, expectedBytes: number | null, signal: AbortSignal): Promise<Result<Downloaded, Problem>>;
  /** Whether an object still is what was downloaded, else a file_changed. */
  confirm(url: string, downloaded: Downloaded, signal: AbortSignal): Promise<Result<null, Problem>>;
  /** Every object whose name starts with the prefix, all pages. */
  list(prefix: string, signal: AbortSignal): Promise<Result<readonly ListedObject[], Problem>>;
}

/** The store for a dataset's source; which one is told by the URL's scheme at each call. */
export type OpenStore = (source: CompiledSource, credentials: SourceCredentials | null) => ObjectStore;
