import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '@offloader/contract';
import { compiledDataset, compiledEndpoint, pod } from '../../test/support/facts.ts';
import type { CustomResource } from '../domain/kube-object.ts';
import type { PodState } from '../domain/pod-state.ts';
import { restorePlacement } from '../domain/placement.ts';
import type { BundleState } from './bundle.ts';
import type { Cache, Cluster } from './ports.ts';
import { StatusController } from './status.ts';

class MemoryCache implements Cache<CustomResource> {
  readonly #objects = new Map<string, CustomResource>();
  list = () => [...this.#objects.values()];
  get = (name: string) => this.#objects.get(name);
  put = (object: CustomResource) => void this.#objects.set(object.metadata.name, object);
}

const key = 'Endpoint/daily';
const build = (pods: PodState[] = [pod('g-0', 3)]) => {
  const resources = { Dataset: new MemoryCache(), Endpoint: new MemoryCache(), ApiKey: new MemoryCache() };
  const endpoint = (generation: number, uid = 'u1'): CustomResource => ({ metadata: { name: 'daily', uid, generation } });
  resources.Endpoint.put(endpoint(1));
  const written: object[] = [];
  const emitted: string[] = [];
  const cluster: Pick<Cluster, 'applyStatus' | 'emit'> = {
    applyStatus: async (_kind, target, status) => {
      written.push(status);
      return { ...(resources.Endpoint.get(target.name) ?? endpoint(0)), status };
    },
    emit: async ({ reason }) => void emitted.push(reason),
  };
  const bundle = { revision: 'r', auth: 'required' as const, datasets: [compiledDataset()], endpoints: [compiledEndpoint()], keys: [] };
  const verdict: Verdict = { kind: 'Endpoint', name: 'daily', problems: [], serving: 'current' };
  const state: BundleState = {
    bundle,
    index: { format: 1, revision: 'r', sequence: 3, auth: 'required', parts: [] },
    placement: restorePlacement(bundle, 3),
    judgements: new Map([[key, { verdict, uid: 'u1', generation: 1 }]]),
    tokens: new Map(),
    writtenHere: true,
  };
  const controller = new StatusController({
    resources,
    cluster: cluster as Cluster,
    observe: () => undefined,
    nowMs: () => Date.parse('2026-06-01T00:00:00Z'),
    bundle: () => state,
    pods: () => pods,
  });
  return { controller, resources, endpoint, written, emitted, pods };
};

describe('writing a status', () => {
  test('once, and not again while nothing differs', async () => {
    const { controller, written } = build();
    await controller.reconcile(key);
    await controller.reconcile(key);
    expect(written).toHaveLength(1);
    expect(written[0]).toMatchObject({ observedGeneration: 1, gateways: { ready: 1, total: 1 } });
  });

  test('an edition that the compiler has not seen is said nothing about, though the one before is live', async () => {
    const { controller, resources, endpoint, written } = build();
    resources.Endpoint.put(endpoint(2));
    await controller.reconcile(key);
    expect(written).toEqual([]);
  });

  test('an object made anew under an old name does not inherit the verdict of the old one', async () => {
    const { controller, resources, endpoint, written } = build();
    resources.Endpoint.put(endpoint(1, 'u2'));
    await controller.reconcile(key);
    expect(written).toEqual([]);
  });

  test('an object that is being deleted, or is gone, is left alone', async () => {
    const { controller, resources, written } = build();
    resources.Endpoint.put({ metadata: { name: 'daily', uid: 'u1', generation: 1, deletionTimestamp: 'now' } });
    await controller.reconcile(key);
    await controller.reconcile('Endpoint/gone');
    expect(written).toEqual([]);
  });
});
