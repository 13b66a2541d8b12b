/**
 * A real API server with the real operator, and gateways that only report, from the operator's own tests. Loaded by URL: tsc
 * cannot rewrite a relative import into the sources of another project.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKubelet } from './kubelet.ts';
import type { Kubelet } from './kubelet.ts';

type Gateway = {
  readonly name: string;
  readonly port: number;
  readonly sequence: number;
  snapshots: string[];
  frozen: boolean;
  showReady(isReady: boolean): Promise<void>;
};
/** Claims and volumes, and what a StatefulSet and a provisioner would do with them. */
export type CacheVolumes = { give(pod: string): Promise<string>; succeed(n: number): Promise<string>; pod(name: string): Promise<any> };
export type World = {
  readonly namespace: string;
  readonly client: { request(call: { method: string; path: string; body?: object; query?: object; contentType?: string }): Promise<any> };
  readonly gateways: readonly Gateway[];
  open(): Promise<World>;
  close(): Promise<void>;
  addGateway(): Promise<Gateway>;
  startOperator(overrides?: object): Promise<{ readonly httpPort: number }>;
  path(plural: string, name?: string): string;
  apply(kind: string, name: string, spec: object, annotations?: Readonly<Record<string, string>>): Promise<unknown>;
  get(kind: string, name: string): Promise<any>;
  settled(kind: string, name: string, ready: 'True' | 'False'): Promise<unknown>;
};
/** A kubelet, and pods on its node. */
export type Node = Kubelet & { take(pod: string): Promise<void> };
export type ApiServer = { readonly kubeconfig: string; stop(): Promise<void> };

const from = (path: string): Promise<any> => import(new URL(path, import.meta.url).href);
const worldModule = await from('../../operator/test/support/world.ts');
const samples = await from('../../operator/test/support/samples.ts');

export const startApiServer: () => Promise<ApiServer | { readonly unavailable: string }> = (
  await from('../../contract/test/support/api-server.ts')
).startApiServer;
export const { dataset, endpoint }: Record<'dataset' | 'endpoint', (overrides?: object) => object> = samples;
export const replicas: number = worldModule.replicas;

/** The CRDs, served. */
export const installCrds = async (kubeconfig: string): Promise<void> => {
  const client = worldModule.clientOf(kubeconfig);
  await worldModule.installCrds(client);
  client.close();
};

/** A node whose kubelet answers for pods that are put on it. */
export const openNode = async (world: World): Promise<Node> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-node-'));
  const kubelet = await startKubelet(await (await from('../../gateway/test/support/certificates.ts')).certify(folder, ['localhost']));
  const name = `node-of-${world.namespace}`;
  const address = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
  };
  await world.client.request({ method: 'POST', path: '/api/v1/nodes', body: { metadata: { name }, status: address } });
  return {
    ...kubelet,
    take: async (pod) => {
      const body = { metadata: { name: pod }, target: { apiVersion: 'v1', kind: 'Node', name } };
      await world.client.request({ method: 'POST', path: `${world.path('pods', pod)}/binding`, body });
    },
    stop: async () => {
      await kubelet.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

export const cacheVolumes = async (world: World): Promise<CacheVolumes> =>
  new (await from('../../operator/test/support/cache-volumes.ts')).CacheVolumes(world);

/** A namespace of its own, with gateways that hold two snapshots each. */
export const openWorld = async (kubeconfig: string, namespace: string): Promise<World> => {
  const world: World = await new worldModule.World(kubeconfig, namespace).open();
  for (let n = 0; n < replicas; n += 1) (await world.addGateway()).snapshots = ['s2', 's1'];
  return world;
};
