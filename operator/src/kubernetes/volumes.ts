/** Keeping a PersistentVolume, and taking its claim and its pod away. Each names the uid that it means: a successor is never touched. */
import { err, fieldManager, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import type { Volumes } from '../controllers/ports.ts';
import { isStatus } from './api-error.ts';
import type { ApiClient } from './client.ts';
import { pathOf, resourceTypes } from './resource-type.ts';

export type VolumesOptions = { readonly client: ApiClient; readonly namespace: string };

type PersistentVolume = {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec: { readonly claimRef?: { readonly uid?: string } };
};

/** The Volumes port over the API server. */
export const createVolumes = ({ client, namespace }: VolumesOptions): Volumes => ({
  retain: async (volume, { claimUid, labels, annotations }) => {
    const path = `/api/v1/persistentvolumes/${encodeURIComponent(volume)}`;
    try {
      const found = (await client.request({ method: 'GET', path })) as PersistentVolume;
      if (found.spec.claimRef?.uid !== claimUid) return err(`PersistentVolume ${volume} is not bound to this replica's claim.`);
      const metadata = { resourceVersion: found.metadata.resourceVersion, labels, annotations };
      const body = { metadata, spec: { persistentVolumeReclaimPolicy: 'Retain' } };
      await client.request({ method: 'PATCH', path, query: { fieldManager }, contentType: 'application/merge-patch+json', body });
      return ok(null);
    } catch (error) {
      return refusalOf(error, volume);
    }
  },
  removeClaim: (name, uid) =>
    remove(client, 'DELETE', pathOf(resourceTypes.PersistentVolumeClaim, namespace, name), { preconditions: { uid } }),
  evict: (name, uid) => {
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid } },
    };
    return remove(client, 'POST', pathOf(resourceTypes.Pod, namespace, name, 'eviction'), body);
  },
});

/** Gone already, or another one of the same name, is as good. */
const remove = async (client: ApiClient, method: 'DELETE' | 'POST', path: string, body: object): Promise<void> => {
  try {
    await client.request({ method, path, body });
  } catch (error) {
    if (!isStatus(error, 404) && !isStatus(error, 409)) throw error;
  }
};

const refusalOf = (error: unknown, volume: string): Result<null, string> => {
  if (isStatus(error, 403))
    return err(
      `The operator may not patch PersistentVolume ${volume}: give it the chart's ClusterRole, or set operator.volumeQuarantine.enabled to false.`,
    );
  if (isStatus(error, 404)) return err(`PersistentVolume ${volume} is not there any more.`);
  throw error;
};
