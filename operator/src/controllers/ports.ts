/** What the controllers need of the world: caches to read, a cluster to write to, pods to ask. */
import type { Kind, Report, Result } from '@offloader/contract';
import type { ConfigMap, CustomResource, Metadata, OwnerReference, Pod, Secret } from '../domain/kube-object.ts';
import type { Desired, OwnedKind } from '../domain/apply-plan.ts';
import type { EventNote } from '../domain/events.ts';

/** Objects as the watch last showed them. */
export interface Cache<T> {
  list(): readonly T[];
  get(name: string): T | undefined;
  /** Shows our own write before the watch does. */
  put(object: T): void;
}

export type Caches = {
  readonly resources: Readonly<Record<Kind, Cache<CustomResource>>>;
  readonly secrets: Cache<Secret>;
  readonly configMaps: Cache<ConfigMap>;
  readonly pods: Cache<Pod>;
};

export type SecretDraft = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly owner: OwnerReference;
  readonly data: Readonly<Record<string, string>>;
};

export type GatewaySet = {
  /** As an owner of what is written for it. */
  readonly owner: OwnerReference;
  /** The pods that there should be, by name. */
  readonly pods: readonly string[];
};

/** Writes; every one fails when this process does not lead. */
export interface Cluster {
  /** Why the API server will not have what was sent, in its own words; undefined when it was another fault, or a passing one. */
  refusalOf(error: unknown): string | undefined;
  /** Server-side apply; with a version, only over exactly that version. */
  apply(desired: Desired, over: string | undefined): Promise<ConfigMap | Secret>;
  remove(kind: OwnedKind, name: string): Promise<void>;
  /** Only when there is none of that name. */
  createSecret(draft: SecretDraft): Promise<Secret | 'exists'>;
  /** Only over exactly that version. */
  replaceSecret(draft: SecretDraft, over: string): Promise<Secret>;
  /** Only that one, as it was seen. */
  removeSecret(seen: Metadata): Promise<void>;
  readSecret(name: string): Promise<Secret | undefined>;
  /** The gateways' StatefulSet; null when there is none. */
  gatewaySet(): Promise<GatewaySet | null>;
  annotatePod(name: string, annotations: Readonly<Record<string, string>>): Promise<void>;
  /** 'gone': the object no longer exists, or is another one of the same name. */
  applyStatus(kind: Kind, target: Metadata, status: object): Promise<CustomResource | 'gone'>;
  /** Never fails: who cannot be told is no reason to stop working. */
  emit(note: EventNote): Promise<void>;
}

export type Keeping = {
  /** The claim that must be bound to it. */
  readonly claimUid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/** Writes to what holds the caches; every one fails when this process does not lead. */
export interface Volumes {
  /** Keeps a PersistentVolume when its claim goes, and marks it; or says why that cannot be. */
  retain(volume: string, keeping: Keeping): Promise<Result<null, string>>;
  /** Only the claim of that uid. */
  removeClaim(name: string, uid: string): Promise<void>;
  /** Only the pod of that uid, and only when its disruption budget allows it. */
  evict(pod: string, uid: string): Promise<void>;
}

export interface ReportReader {
  /** The pod's report, or in a few words why there is none. */
  read(ip: string): Promise<Result<Report, string>>;
}
