/** The watches of a leader: the three kinds, what the operator itself wrote, the gateway pods and their volumes. Handlers only enqueue. */
import { annotations, labels } from '@offloader/contract';
import type { Kind } from '@offloader/contract';
import { sharingSpec } from './domain/definition.ts';
import type { Claim, ConfigMap, CustomResource, KubeObject, Pod, Secret } from './domain/kube-object.ts';
import type { Observe } from './domain/observation.ts';
import type { ApiClient } from './kubernetes/client.ts';
import { listWatch } from './kubernetes/list-watch.ts';
import { resourceTypes } from './kubernetes/resource-type.ts';
import type { ResourceType } from './kubernetes/resource-type.ts';
import type { Clock } from './runtime/clock.ts';
import { Watcher } from './runtime/watcher.ts';

export type WatchesDeps = {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly release: string;
  readonly clock: Clock;
  readonly observe: Observe;
  /** Something that the compiler reads has changed. */
  readonly bundleChanged: () => void;
  /** A Secret of ours, minted or compiled, has changed. */
  readonly secretChanged: () => void;
  readonly statusChanged: (kind: Kind, name: string) => void;
  readonly podChanged: (name: string) => void;
  readonly claimChanged: (name: string) => void;
};

export type Watches = {
  readonly resources: Readonly<Record<Kind, Watcher<CustomResource>>>;
  readonly secrets: Watcher<Secret>;
  readonly configMaps: Watcher<ConfigMap>;
  readonly pods: Watcher<Pod>;
  readonly claims: Watcher<Claim>;
  readonly all: readonly Watcher<KubeObject>[];
  /** What must be known before anything is written. Claims are not among it: who may not read them can still be configured. */
  readonly needed: readonly Watcher<KubeObject>[];
};

/** A full list this often finds what a watch may have lost. */
const relistMs = 10 * 60_000;
export const watchRetry = { baseMs: 500, maxMs: 15_000 };

/** The watchers, not yet running. */
export const createWatches = (deps: WatchesDeps): Watches => {
  const { client, namespace, release, clock, observe } = deps;
  const watcher = <T extends KubeObject>(
    type: ResourceType,
    labelSelector: string | undefined,
    changed: Watching<T>,
    share?: Share<T>,
  ): Watcher<T> =>
    new Watcher<T>({
      name: type.plural,
      source: listWatch<T>({ client, type, namespace, ...(labelSelector === undefined ? {} : { labelSelector }) }),
      clock,
      random: Math.random,
      retry: watchRetry,
      relistMs,
      changed,
      ...(share === undefined ? {} : { share }),
      observe,
    });
  const resource = (kind: Kind): Watcher<CustomResource> =>
    watcher<CustomResource>(
      resourceTypes[kind],
      undefined,
      (name, before, after) => {
        if (specChanged(before, after)) deps.bundleChanged();
        else deps.statusChanged(kind, name);
      },
      sharingSpec,
    );
  const own = `${labels.release}=${release}`;
  const gateways = `${labels.instance}=${release},${labels.component}=gateway`;
  const resources = { Dataset: resource('Dataset'), Endpoint: resource('Endpoint'), ApiKey: resource('ApiKey') };
  const secrets = watcher<Secret>(resourceTypes.Secret, own, deps.secretChanged);
  const configMaps = watcher<ConfigMap>(resourceTypes.ConfigMap, own, deps.bundleChanged);
  const pods = watcher<Pod>(resourceTypes.Pod, gateways, deps.podChanged);
  // A StatefulSet gives the claims that it makes the labels by which it selects its pods.
  const claims = watcher<Claim>(resourceTypes.PersistentVolumeClaim, gateways, deps.claimChanged);
  const { Dataset, Endpoint, ApiKey } = resources;
  const needed = [Dataset, Endpoint, ApiKey, secrets, configMaps, pods] as readonly Watcher<KubeObject>[];
  return { resources, secrets, configMaps, pods, claims, needed, all: [...needed, claims] };
};

type Share<T> = (known: T, next: T) => T;
type Watching<T> = (name: string, before: T | undefined, after: T | undefined) => void;

/** True unless only the status (or something else that the compiler does not read) differs. */
const specChanged = (before: CustomResource | undefined, after: CustomResource | undefined): boolean => {
  if (before === undefined || after === undefined) return true;
  const [was, is] = [before.metadata, after.metadata];
  return (
    was.uid !== is.uid ||
    was.generation !== is.generation ||
    was.deletionTimestamp !== is.deletionTimestamp ||
    was.annotations?.[annotations.refreshRequestedAt] !== is.annotations?.[annotations.refreshRequestedAt]
  );
};
