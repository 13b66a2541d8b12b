/** A replica of the gateway with its pod and its cache volume: what is known of each, joined by name. */
import { annotations } from '@offloader/contract';
import type { CacheVolume } from '@offloader/contract';
import type { Claim, KubeObject, Pod } from './kube-object.ts';
import type { PodState } from './pod-state.ts';

export type Replica = {
  /** The pod's name, which its successor will bear too. */
  readonly pod: string;
  /** null: there is none now. */
  readonly podUid: string | null;
  readonly podEnding: boolean;
  readonly claim: { readonly name: string; readonly uid: string; readonly volume: string | null; readonly ending: boolean } | null;
  /** The token of an annotation on pod or claim. */
  readonly asked: string | null;
  /** By its own report and by the kubelet. */
  readonly serves: boolean;
  /** By its own report or by the kubelet: what cannot be reached from here may still be reached by clients. */
  readonly mayServe: boolean;
  readonly volumeFailed: CacheVolume['reason'];
};

export type ReplicaFacts = {
  readonly gateway: string;
  readonly pods: readonly Pod[];
  readonly claims: readonly Claim[];
  readonly states: readonly PodState[];
};

/** The claim of a gateway pod's cache volume. */
export const claimOf = (pod: string): string => `cache-${pod}`;

/** Every replica that has a pod or a claim, in the order of their numbers. */
export const replicasOf = ({ gateway, pods, claims, states }: ReplicaFacts): readonly Replica[] => {
  const own = new RegExp(`^${gateway}-[0-9]+$`);
  const names = new Set(
    [...pods.map(nameOf), ...claims.map((claim) => nameOf(claim).replace(/^cache-/, ''))].filter((name) => own.test(name)),
  );
  return [...names]
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => {
      const pod = pods.find((one) => nameOf(one) === name);
      const claim = claims.find((one) => nameOf(one) === claimOf(name));
      return replicaOf(
        name,
        pod,
        claim,
        states.find((one) => one.uid === pod?.metadata.uid),
      );
    });
};

const replicaOf = (name: string, pod: Pod | undefined, claim: Claim | undefined, state: PodState | undefined): Replica => {
  const { podEnding, isReady } = seenOf(pod);
  const saysReady = state?.report?.ready ?? false;
  return {
    pod: name,
    podUid: pod?.metadata.uid ?? null,
    podEnding,
    claim: claim === undefined ? null : seenClaim(claim),
    asked: tokenOn(pod) ?? tokenOn(claim) ?? null,
    serves: !podEnding && isReady && saysReady,
    mayServe: !podEnding && (isReady || saysReady),
    volumeFailed: failureOf(state),
  };
};

const seenOf = (pod: Pod | undefined): { readonly podEnding: boolean; readonly isReady: boolean } => ({
  podEnding: pod?.metadata.deletionTimestamp !== undefined,
  isReady: pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
});

const seenClaim = ({ metadata, spec }: Claim): Replica['claim'] => ({
  name: metadata.name,
  uid: metadata.uid ?? '',
  volume: spec?.volumeName ?? null,
  ending: metadata.deletionTimestamp !== undefined,
});

const tokenOn = (object: KubeObject | undefined): string | undefined => object?.metadata.annotations?.[annotations.quarantineVolume];

const failureOf = (state: PodState | undefined): Replica['volumeFailed'] => {
  const volume = state?.report?.cache_volume;
  return volume?.status === 'failed' ? (volume.reason ?? 'unreadable') : null;
};

const nameOf = ({ metadata }: KubeObject): string => metadata.name;
