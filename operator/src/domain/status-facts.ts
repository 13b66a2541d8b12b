/** What every status is built from. */
import type { CustomResource } from './kube-object.ts';
import type { Judged } from './judgement.ts';

export type StatusFacts = Judged & {
  readonly object: CustomResource;
  /** RFC 3339, for conditions that change now. */
  readonly now: string;
  readonly nowMs: number;
};

/** A status and when it will change by itself, if it will. */
export type Stated<S> = { readonly status: S; readonly againInMs: number | undefined };
