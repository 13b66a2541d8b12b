/** Which write of the configuration carried each object's present form: what a pod must have applied to serve it. */
import { canonicalOf, digestOf, remembering, sha256Hex } from '@offloader/contract';
import type { Bundle, CompiledDataset, CompiledKey, Kind } from '@offloader/contract';

export type Place = {
  /** Says whether the compiled form is the same; compared, never shown. */
  readonly form: string;
  readonly sequence: number;
  readonly revision: string;
  /** Read back after a restart: the write that really carried it was this one or an earlier one. */
  readonly restored: boolean;
};
/** By `Kind/name` of the object. */
export type Placement = ReadonlyMap<string, Place>;

export const objectKey = (kind: Kind, name: string): string => `${kind}/${name}`;

/** Places what a configuration read back from the cluster holds. */
export const restorePlacement = (bundle: Bundle, sequence: number): Placement =>
  new Map([...place(bundle, sequence, new Map())].map(([key, found]) => [key, { ...found, restored: true }]));

/** Places every object of the bundle: an unchanged one stays where it was, a changed or new one goes in with this write. */
export const place = (bundle: Bundle, sequence: number, previous: Placement): Placement => {
  const placement = new Map<string, Place>();
  const put = (key: string, form: string): void => {
    const before = previous.get(key);
    placement.set(key, before?.form === form ? before : { form, sequence, revision: bundle.revision, restored: false });
  };
  for (const dataset of bundle.datasets) put(objectKey('Dataset', dataset.name), datasetForm(dataset));
  // The compiler has digested the endpoint already.
  for (const { object, digest, layout } of bundle.endpoints) put(objectKey('Endpoint', object), `${digest} ${layout}`);
  for (const key of bundle.keys) put(objectKey('ApiKey', key.id), keyForm(key));
  return placement;
};

const keyForm = remembering((key: CompiledKey) => sha256Hex(canonicalOf(key)));
const datasetForm = remembering((dataset: CompiledDataset) => digestOf(ownForm(dataset)));

/** Without what changes while the Dataset's own spec does not: releases, forced refreshes and what its endpoints add. */
const ownForm = (dataset: CompiledDataset): unknown => ({
  ...dataset,
  snapshot: { ...dataset.snapshot, release: null },
  refreshToken: null,
  modes: [],
  maxStalenessMs: null,
  filterColumns: [],
});
