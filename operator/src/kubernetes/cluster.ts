/** The operator's reads and writes of single objects. Every patch says its content type, field manager and force. */
import { apiVersion, fieldManager, objectNames } from '@offloader/contract';
import type { ConfigMap, CustomResource, KubeObject, Secret } from '../domain/kube-object.ts';
import type { Observe } from '../domain/observation.ts';
import type { Cluster, GatewaySet, SecretDraft } from '../controllers/ports.ts';
import { isStatus, refusalOf } from './api-error.ts';
import type { ApiClient } from './client.ts';
import { emitEvent } from './events.ts';
import { trimmed } from './list-watch.ts';
import { apiVersionOf, pathOf, resourceTypes } from './resource-type.ts';
import { serverSideApply } from './server-side-apply.ts';

export type ClusterOptions = {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly release: string;
  readonly pod: string;
  readonly observe: Observe;
};

/** The Cluster port over the API server. */
export const createCluster = ({ client, namespace, release, pod, observe }: ClusterOptions): Cluster => ({
  refusalOf,
  apply: async (desired, over) => {
    const type = resourceTypes[desired.kind];
    const body = {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: {
        name: desired.name,
        namespace,
        labels: desired.labels,
        ...(over === undefined ? {} : { resourceVersion: over }),
        ...(desired.owner === null ? {} : { ownerReferences: [desired.owner] }),
      },
      ...(desired.kind === 'Secret' ? { type: 'Opaque' } : {}),
      data: desired.data,
      ...(desired.kind === 'ConfigMap' ? { binaryData: desired.binaryData } : {}),
    };
    return trimmed((await serverSideApply(client, pathOf(type, namespace, desired.name), body)) as ConfigMap | Secret);
  },
  remove: async (kind, name) => {
    await ignoring(404, client.request({ method: 'DELETE', path: pathOf(resourceTypes[kind], namespace, name) }));
  },
  createSecret: async (draft) => {
    const body = secretOf(draft, namespace, undefined);
    const made = await ignoring(
      409,
      client.request({ method: 'POST', path: pathOf(resourceTypes.Secret, namespace), query: { fieldManager }, body }),
    );
    return made === undefined ? 'exists' : trimmed(made as Secret);
  },
  replaceSecret: async (draft, over) => {
    const body = secretOf(draft, namespace, over);
    const path = pathOf(resourceTypes.Secret, namespace, draft.name);
    return trimmed((await client.request({ method: 'PUT', path, query: { fieldManager }, body })) as Secret);
  },
  removeSecret: async ({ name, uid, resourceVersion }) => {
    const path = pathOf(resourceTypes.Secret, namespace, name);
    // One that has changed is looked at anew when the watch shows it.
    const body = { preconditions: { uid, resourceVersion } };
    await ignoring(404, ignoring(409, client.request({ method: 'DELETE', path, body })));
  },
  readSecret: async (name) =>
    (await ignoring(404, client.request({ method: 'GET', path: pathOf(resourceTypes.Secret, namespace, name) }))) as Secret | undefined,
  gatewaySet: () => gatewaySet(client, namespace, release),
  annotatePod: async (name, annotations) => {
    const path = pathOf(resourceTypes.Pod, namespace, name);
    const body = { metadata: { annotations } };
    await ignoring(
      404,
      client.request({ method: 'PATCH', path, query: { fieldManager }, contentType: 'application/merge-patch+json', body }),
    );
  },
  applyStatus: async (kind, target, status) => {
    // With the uid, the status of a deleted object can never land on a new one of the same name.
    const metadata = { name: target.name, namespace, ...(target.uid === undefined ? {} : { uid: target.uid }) };
    const path = pathOf(resourceTypes[kind], namespace, target.name, 'status');
    try {
      return trimmed((await serverSideApply(client, path, { apiVersion, kind, metadata, status })) as CustomResource);
    } catch (error) {
      if (isStatus(error, 404) || isStatus(error, 409)) return 'gone';
      throw error;
    }
  },
  emit: async (note) => {
    try {
      await emitEvent(client, namespace, pod, note);
    } catch (error) {
      observe({ kind: 'event_lost', object: `${note.subject.kind}/${note.subject.metadata.name}`, reason: note.reason, error });
    }
  },
});

const ignoring = async (status: number, request: Promise<unknown>): Promise<unknown> => {
  try {
    return await request;
  } catch (error) {
    if (isStatus(error, status)) return undefined;
    throw error;
  }
};

const secretOf = (draft: SecretDraft, namespace: string, resourceVersion: string | undefined) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: {
    name: draft.name,
    namespace,
    labels: draft.labels,
    annotations: draft.annotations,
    ownerReferences: [draft.owner],
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  },
  data: draft.data,
});

type StatefulSet = KubeObject & { readonly spec?: { readonly replicas?: number; readonly ordinals?: { readonly start?: number } } };

const gatewaySet = async (client: ApiClient, namespace: string, release: string): Promise<GatewaySet | null> => {
  const type = resourceTypes.StatefulSet;
  const { gateway } = objectNames(release);
  const found = (await ignoring(404, client.request({ method: 'GET', path: pathOf(type, namespace, gateway) }))) as StatefulSet | undefined;
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return null;
  const { replicas = 1, ordinals } = found.spec ?? {};
  return {
    owner: { apiVersion: apiVersionOf(type), kind: type.kind, name: gateway, uid: found.metadata.uid ?? '' },
    pods: Array.from({ length: replicas }, (_, n) => `${gateway}-${String((ordinals?.start ?? 0) + n)}`),
  };
};
