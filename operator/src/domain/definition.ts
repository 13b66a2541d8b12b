/** What the compiler reads of an object. Status writes make new objects all the time; the definition stays the same value. */
import { annotations, rememberingWith } from '@offloader/contract';
import type { CustomResource } from './kube-object.ts';

export type Definition = Omit<CustomResource, 'status'>;

/** `next` with the spec of `known` where both are the same edition: one copy in memory, and one value to remember answers by. */
export const sharingSpec = (known: CustomResource, next: CustomResource): CustomResource =>
  known.metadata.uid === next.metadata.uid && known.metadata.generation === next.metadata.generation ? { ...next, spec: known.spec } : next;

const refresh = ({ metadata }: CustomResource): string | undefined => metadata.annotations?.[annotations.refreshRequestedAt];

const define = ({ apiVersion, kind, metadata, spec }: CustomResource): Definition => ({
  ...(apiVersion === undefined ? {} : { apiVersion }),
  ...(kind === undefined ? {} : { kind }),
  metadata,
  spec,
});
const defined = rememberingWith(
  (_spec: object, object: CustomResource) => define(object),
  (a, b) => a.metadata.uid === b.metadata.uid && refresh(a) === refresh(b),
);

/** The same value for the same edition of an object: its spec, its name and a forced refresh count. */
export const definitionOf = (object: CustomResource): Definition =>
  typeof object.spec === 'object' && object.spec !== null ? defined(object.spec, object) : define(object);
