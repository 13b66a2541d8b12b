/** What asking a source can come to. */
import type { Manifest, Problem } from '@offloader/contract';

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

/** Nobody but the producer of the manifest can mend these. */
const ofProducer: readonly Problem['code'][] = ['missing_file', 'root_not_allowed', 'invalid_value'];

/** A source problem as the end of an attempt: a manifest that is not there, or is none, is the producer's (rejected), the rest failed. */
export const sourceFailure = (problem: Problem): FetchFailure => ({
  status: ofProducer.includes(problem.code) ? 'rejected' : 'failed',
  problems: [problem],
  reached: !unreached.includes(problem.code),
});
