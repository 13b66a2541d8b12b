/**
 * Two and three gateways that really run, each a process with its configuration mounted as a kubelet would, and an operator that
 * tells them when to switch: how soon an edit and a revocation are served by all, and how far apart they take up a new snapshot,
 * with a slow replica, a lost one and no operator too.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiVersion, type Kind } from '@offloader/contract';
import { percentile } from '../percentiles.ts';
import type { Figures } from './figures.ts';
import { startOperatorProcess } from './operator-process.ts';
import type { ApiClient, GatewayPod, Lake } from './part-types.ts';
import { adminToken, createLake, datasetSample, endpointSample, GatewayPods, loadersOf, until, visits } from './parts.ts';
import { pathOf } from './population.ts';

export type Coordination = {
  readonly client: ApiClient;
  readonly kubeconfig: string;
  readonly figures: Figures;
  readonly rounds: number;
};

const namespace = 'bench-coordinated';
const token = 'bench-token';
const path = '/v1/endpoints/daily';
const key = { tenant: 'acme', endpoints: ['daily'], hash: createHash('sha256').update(token).digest('hex') };
const lookMs = 5;
type Answer = Awaited<ReturnType<GatewayPod['answer']>>;

/** Everything that is measured here, in a namespace of its own that is left empty of processes. */
export const coordinate = async (coordination: Coordination): Promise<void> => {
  const lake = await createLake();
  const scene = new Scene(coordination, lake);
  try {
    await scene.open();
    await scene.deliver();
    await scene.switchTogether();
    await scene.add();
    await scene.switchTogether();
    await scene.waitForSlow();
    await scene.nameLost();
    await scene.switchAlone();
  } finally {
    await scene.close();
    await lake.remove();
  }
};

class Scene {
  readonly #pods: GatewayPod[] = [];
  readonly #to: Coordination;
  readonly #lake: Lake;
  #operator: Awaited<ReturnType<typeof startOperatorProcess>> | undefined;
  #published = 0;

  constructor(to: Coordination, lake: Lake) {
    this.#to = to;
    this.#lake = lake;
  }

  async open(): Promise<void> {
    const { client, kubeconfig } = this.#to;
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
    const account = { method: 'POST', path: `/api/v1/namespaces/${namespace}/serviceaccounts`, body: { metadata: { name: 'default' } } } as const; // prettier-ignore
    await client.request(account);
    await this.#publish();
    await this.#apply('Dataset', 'visits', datasetSample({ source: { manifest: { url: this.#lake.url }, interval: '1s' } }));
    await this.#apply('Endpoint', 'daily', endpointSample());
    await this.#apply('ApiKey', 'acme', key);
    for (let n = 0; n < 2; n += 1) await GatewayPods.add({ client, namespace, gateways: this.#pods });
    const environment = { kubeconfig, namespace, adminToken, adminPort: this.#pods[0]!.port, name: 'operator-coordinated' };
    this.#operator = await startOperatorProcess(environment);
    await this.#served(1);
  }

  async add(): Promise<void> {
    const { client } = this.#to;
    await GatewayPods.add({ client, namespace, gateways: this.#pods });
    await this.#served(this.#published);
  }

  async close(): Promise<void> {
    await this.#operator?.end('SIGKILL');
    for (const pod of this.#pods) await pod.stop();
  }

  /** An edit, and a revocation, until every replica answers by it. */
  async deliver(): Promise<void> {
    const { figures, rounds } = this.#to;
    const edits: number[] = [];
    const revocations: number[] = [];
    for (let version = 2; version < 2 + rounds; version += 1) {
      edits.push(last(await this.#timed(this.#apply('Endpoint', 'daily', endpointSample({ version })), hasVersion(version))));
      revocations.push(last(await this.#timed(this.#apply('ApiKey', 'acme', { ...key, state: 'Revoked' }), isRefused)));
      await this.#timed(this.#apply('ApiKey', 'acme', key), hasVersion(version));
    }
    const what = (name: string): string => `${name} until both replicas answer by it (${rounds}), p99`;
    figures.add(what('one edit of an Endpoint'), percentile(edits, 99), 'ms', 2000);
    figures.add(what('a key revoked'), percentile(revocations, 99), 'ms', 2000);
  }

  /** Publications one after another: how far apart the first and the last replica are. */
  async switchTogether(): Promise<void> {
    const { figures, rounds } = this.#to;
    const apart: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const times = await this.#timed(this.#publish(), hasSnapshot(this.#published));
      apart.push(last(times) - Math.min(...times));
    }
    figures.add(`first and last of ${this.#pods.length} replicas to switch (${rounds} snapshots), most`, Math.max(...apart), 'ms', 2000);
  }

  /** The loader of one replica is stopped while it loads. */
  async waitForSlow(): Promise<void> {
    const slow = this.#pods.at(-1)!;
    const stopped = this.#stopLoaderOf(slow);
    const published = this.#publish();
    const loader = await stopped;
    const times = await this.#timed(published, hasSnapshot(this.#published), this.#pods.slice(0, -1));
    this.#to.figures.add('the others switch without a slow replica', last(times) / 1000, 's', 90);
    process.kill(loader, 'SIGCONT');
    await this.#served(this.#published);
  }

  /** A replica that cannot be reached is named in status, and holds nobody up. */
  async nameLost(): Promise<void> {
    const { figures } = this.#to;
    const lost = this.#pods.at(-1)!;
    const startedMs = performance.now();
    lost.cutOff();
    await until(`${lost.name} to be named`, async () => (await this.#behind()).includes(lost.name));
    figures.add('a replica that cannot be reached is named', (performance.now() - startedMs) / 1000, 's', 15);
    const times = await this.#timed(this.#publish(), hasSnapshot(this.#published), this.#pods.slice(0, -1));
    figures.add('the others switch without a lost replica', last(times) / 1000, 's', 30);
    lost.restore();
    await this.#served(this.#published);
    await until('every replica to be heard again', async () => (await this.#behind()).length === 0);
  }

  /** Nobody says when. */
  async switchAlone(): Promise<void> {
    await this.#operator?.end('SIGKILL');
    const times = await this.#timed(this.#publish(), hasSnapshot(this.#published));
    this.#to.figures.add('without an operator they switch on their own', last(times) / 1000, 's', 150);
    this.#to.figures.add('without an operator: first and last of them', last(times) - Math.min(...times), 'ms', 2000);
  }

  async #apply(kind: Kind, name: string, spec: object): Promise<void> {
    await this.#to.client.request({
      method: 'PATCH',
      path: pathOf(namespace, kind, name),
      query: { fieldManager: 'bench', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion, kind, metadata: { name }, spec },
    });
  }

  /** The replicas that the dataset's status names as behind. */
  async #behind(): Promise<readonly string[]> {
    const { status } = (await this.#to.client.request({ method: 'GET', path: pathOf(namespace, 'Dataset', 'visits') })) as Named;
    return status?.gateways?.behind ?? [];
  }

  async #publish(): Promise<void> {
    this.#published += 1;
    await this.#lake.publish(`s${this.#published}`, visits(this.#published));
  }

  /** Milliseconds from now until each of the pods answers as wanted, once `act` is under way. */
  async #timed(act: Promise<void>, wanted: (answer: Answer) => boolean, pods: readonly GatewayPod[] = this.#pods): Promise<number[]> {
    const startedMs = performance.now();
    const watched = pods.map(async (pod) => {
      await until(`${pod.name} to answer as wanted`, async () => wanted(await pod.answer(path, token)), 200_000);
      return performance.now() - startedMs;
    });
    await act;
    return Promise.all(watched);
  }

  async #served(n: number): Promise<void> {
    await this.#timed(Promise.resolve(), hasSnapshot(n));
  }

  async #stopLoaderOf({ pid }: GatewayPod): Promise<number> {
    for (;;) {
      const [loader] = await loadersOf(pid);
      if (loader === undefined) await sleep(lookMs);
      else {
        process.kill(loader, 'SIGSTOP');
        return loader;
      }
    }
  }
}

type Named = { readonly status?: { readonly gateways?: { readonly behind?: readonly string[] } } };
const last = (times: readonly number[]): number => Math.max(...times);
const hasVersion =
  (version: number) =>
  ({ body }: Answer): boolean =>
    body.meta?.version === version;
const hasSnapshot =
  (n: number) =>
  ({ body }: Answer): boolean =>
    body.meta?.snapshot_id === `s${n}`;
const isRefused = ({ status }: Answer): boolean => status === 401;
