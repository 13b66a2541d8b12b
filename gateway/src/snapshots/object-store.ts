/** What the snapshots room needs of any place that holds manifests and data files. */
import type { CompiledSource, Problem, Result, SourceCredentials } from '@offloader/contract';

export type ReadResult =
  { readonly kind: 'unchanged' } | { readonly kind: 'read'; readonly bytes: Uint8Array; readonly etag: string | null };
export type ListedObject = { readonly url: string; readonly updatedAt: string };

export interface ObjectStore {
  /** One conditional read of a small object; `etag` is what an earlier read answered. */
  read(url: string, etag: string | null, signal: AbortSignal): Promise<Result<ReadResult, Problem>>;
  /** Streams an object into a file that must not exist yet; a size other than expectedBytes is a size_mismatch. */
  download(url: string, toFile: string, expectedBytes: number | null, signal: AbortSignal): Promise<Result<null, Problem>>;
  /** Every object whose name starts with the prefix, all pages. */
  list(prefix: string, signal: AbortSignal): Promise<Result<readonly ListedObject[], Problem>>;
}

/** The store for a dataset's source; which one is told by the URL's scheme at each call. */
export type OpenStore = (source: CompiledSource, credentials: SourceCredentials | null) => ObjectStore;
