/** What to write so that the cluster holds exactly the encoded bundle: changed parts, then the index, then surplus away. */
import { labels, mounted, objectNames } from '@offloader/contract';
import type { EncodedBundle } from '@offloader/contract';
import type { ConfigMap, OwnerReference, Secret } from './kube-object.ts';

export type OwnedKind = 'ConfigMap' | 'Secret';
export type Desired = {
  readonly kind: OwnedKind;
  readonly name: string;
  /** Text in a ConfigMap, base64 in a Secret. */
  readonly data: Readonly<Record<string, string>>;
  readonly binaryData: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: OwnerReference | null;
};
export type Seen = { readonly configMaps: readonly ConfigMap[]; readonly secrets: readonly Secret[] };
export type Action =
  | { readonly kind: 'apply'; readonly desired: Desired; readonly seen: ConfigMap | Secret | undefined; readonly bytesDiffer: boolean }
  | { readonly kind: 'delete'; readonly ownedKind: OwnedKind; readonly name: string };

export type BundleObjects = { readonly release: string; readonly encoded: EncodedBundle; readonly owner: OwnerReference | null };

/** Labels of everything that the operator writes for a release. */
export const ownLabels = (release: string): Readonly<Record<string, string>> => ({
  [labels.managedBy]: 'offloader-operator',
  [labels.instance]: release,
  [labels.release]: release,
});

/** The objects of an encoded bundle in the order of writing: the index last. */
export const bundleObjects = ({ release, encoded, owner }: BundleObjects): readonly Desired[] => {
  const names = objectNames(release);
  const base = { labels: ownLabels(release), owner, data: {}, binaryData: {} };
  return [
    { ...base, kind: 'Secret', name: names.keys, data: { [mounted.keys]: base64(encoded.keys) } },
    { ...base, kind: 'Secret', name: names.credentials, data: { [mounted.credentials]: base64(encoded.credentials) } },
    ...encoded.config.map((bytes, n) => ({
      ...base,
      kind: 'ConfigMap' as const,
      name: names.part(n),
      binaryData: { [mounted.part(n)]: base64(bytes) },
    })),
    { ...base, kind: 'ConfigMap', name: names.index, data: { [mounted.index]: JSON.stringify(encoded.index) } },
  ];
};

/** The writes that are missing, in order; none when the cluster already holds the same bytes. */
export const applyPlan = (desired: readonly Desired[], seen: Seen, release: string): readonly Action[] => {
  const applies = desired.flatMap((object): Action[] => {
    const found = find(object, seen);
    if (found === undefined) return [{ kind: 'apply', desired: object, seen: found, bytesDiffer: true }];
    const bytesDiffer = !holdsBytes(found, object);
    return bytesDiffer || !holdsMetadata(found, object) ? [{ kind: 'apply', desired: object, seen: found, bytesDiffer }] : [];
  });
  return [...applies, ...surplus(desired, seen, release)];
};

const find = (object: Desired, seen: Seen): ConfigMap | Secret | undefined => {
  const among: readonly (ConfigMap | Secret)[] = object.kind === 'ConfigMap' ? seen.configMaps : seen.secrets;
  return among.find((candidate) => candidate.metadata.name === object.name);
};

/** True when the object has every byte that it should; keys that others added are theirs. */
const holdsBytes = (found: ConfigMap & Secret, object: Desired): boolean =>
  contains(found.data, object.data) && contains(found.binaryData, object.binaryData);

const holdsMetadata = (found: ConfigMap & Secret, object: Desired): boolean =>
  contains(found.metadata.labels, object.labels) &&
  (object.owner === null || (found.metadata.ownerReferences?.some((owner) => owner.uid === object.owner?.uid) ?? false));

const contains = (found: Readonly<Record<string, string>> | undefined, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => found?.[key] === value);

const surplus = (desired: readonly Desired[], seen: Seen, release: string): readonly Action[] => {
  const wanted = new Set(desired.filter((object) => object.kind === 'ConfigMap').map((object) => object.name));
  const part = new RegExp(`^${objectNames(release).index}-[0-9]+$`);
  return seen.configMaps
    .map((object) => object.metadata.name)
    .filter((name) => part.test(name) && !wanted.has(name))
    .map((name) => ({ kind: 'delete', ownedKind: 'ConfigMap', name }));
};

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
