/** Cache volumes on an API server that has neither a StatefulSet controller nor a provisioner: what those would do, done by the test. */
import { labels } from '@offloader/contract';
import { readIfThere } from './kube-api.ts';
import type { World } from './world.ts';
import { release, until } from './world.ts';

export class CacheVolumes {
  readonly #world: World;
  #count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** A claim for a gateway pod, bound to a new volume that would be deleted with it. */
  async give(pod: string): Promise<string> {
    const { client, namespace } = this.#world;
    this.#count += 1;
    const volume = `${namespace}-volume-${this.#count}`;
    const claim = await client.request({
      method: 'POST',
      path: this.#world.path('persistentvolumeclaims'),
      body: {
        metadata: { name: `cache-${pod}`, labels: { [labels.instance]: release, [labels.component]: 'gateway' } },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeName: volume, storageClassName: '' },
      },
    });
    const { uid } = (claim as any).metadata;
    await client.request({
      method: 'POST',
      path: '/api/v1/persistentvolumes',
      body: {
        metadata: { name: volume },
        spec: {
          ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], persistentVolumeReclaimPolicy: 'Delete' },
          ...{ claimRef: { namespace, name: `cache-${pod}`, uid }, hostPath: { path: '/nowhere' } },
        },
      },
    });
    return volume;
  }

  async claimOf(pod: string): Promise<any> {
    return readIfThere(this.#world.client, this.#world.path('persistentvolumeclaims', `cache-${pod}`));
  }

  async volume(name: string): Promise<any> {
    return this.#world.client.request({ method: 'GET', path: `/api/v1/persistentvolumes/${name}` });
  }

  /** Waits until claim and pod are on their way out, lets the claim go, and makes both anew. */
  async succeed(n: number): Promise<string> {
    const gateway = this.#world.gateways[n]!;
    const { client } = this.#world;
    await until('the claim to be deleted', async () => (await this.claimOf(gateway.name))?.metadata.deletionTimestamp !== undefined);
    await until('the pod to be gone', async () => (await this.pod(gateway.name)) === undefined);
    await client.request({
      method: 'PATCH',
      path: this.#world.path('persistentvolumeclaims', `cache-${gateway.name}`),
      contentType: 'application/merge-patch+json',
      body: { metadata: { finalizers: null } },
    });
    const volume = await this.give(gateway.name);
    gateway.volume = { status: 'ok', reason: null, since: null };
    await gateway.appear();
    return volume;
  }

  async pod(name: string): Promise<any> {
    return readIfThere(this.#world.client, this.#world.path('pods', name));
  }

  /** A pod with finalizers does not go, though it be on its way out. */
  async hold(pod: string, finalizers: readonly string[]): Promise<void> {
    await this.#world.client.request({
      method: 'PATCH',
      path: this.#world.path('pods', pod),
      contentType: 'application/merge-patch+json',
      body: { metadata: { finalizers } },
    });
  }

  async annotate(plural: 'pods' | 'persistentvolumeclaims', name: string, token: string | null): Promise<void> {
    await this.#world.client.request({
      method: 'PATCH',
      path: this.#world.path(plural, name),
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations: { 'offloader.dev/quarantine-volume': token } } },
    });
  }
}
