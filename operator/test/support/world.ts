/** One namespace on a real API server: objects in, operators and gateways around it, and what there is to see of them. */
import { expect } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { apiVersion, fieldManager, kinds } from '@offloader/contract';
import type { Kind } from '@offloader/contract';
import type { Observation } from '../../src/domain/observation.ts';
import type { ApiClient } from '../../src/kubernetes/client.ts';
import { startOperator } from '../../src/operator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { RunningOperator } from '../../src/operator.ts';
import type { OperatorSettings } from '../../src/settings.ts';
import { FakeGateway } from './fake-gateway.ts';
import { clientOf, installCrds, until } from './kube-api.ts';
import { addresses, adminToken, release } from './place.ts';

export type Operator = RunningOperator & { readonly seen: Observation[]; readonly lost: { value: boolean } };

export class World {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly gateways: FakeGateway[] = [];
  readonly operators: Operator[] = [];
  readonly #kubeconfig: string;

  constructor(kubeconfig: string, namespace: string) {
    this.#kubeconfig = kubeconfig;
    this.namespace = namespace;
    this.client = clientOf(kubeconfig);
  }

  async open(): Promise<this> {
    await this.client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: this.namespace } } });
    // Pods of a namespace name its default service account; nothing makes it here.
    await this.client.request({ method: 'POST', path: this.path('serviceaccounts'), body: { metadata: { name: 'default' } } });
    return this;
  }

  async close(): Promise<void> {
    await Promise.all(this.operators.map((operator) => operator.stop()));
    await Promise.all(this.gateways.map((gateway) => gateway.stop()));
    this.client.close();
  }

  async addGateway(): Promise<FakeGateway> {
    const n = this.gateways.length;
    const { client, namespace } = this;
    const port = this.gateways[0]?.port ?? 0;
    const gateway = new FakeGateway({
      client,
      namespace,
      release,
      name: `${release}-gateway-${String(n)}`,
      ip: addresses[n]!,
      port,
      adminToken,
    });
    this.gateways.push(gateway);
    return gateway.start();
  }

  /** The test's own rights, to be narrowed or sent another way. */
  kubeConfig(): KubeConfig {
    const config = new KubeConfig();
    config.loadFromFile(this.#kubeconfig);
    return config;
  }

  async startOperator(overrides: Partial<OperatorSettings> = {}, config = this.kubeConfig(), clock = systemClock): Promise<Operator> {
    const seen: Observation[] = [];
    const lost = { value: false };
    const running = await startOperator({
      settings: {
        namespace: this.namespace,
        release,
        auth: 'required',
        adminToken,
        adminPort: this.gateways[0]?.port ?? 1,
        httpPort: 0,
        identity: `operator-${String(this.operators.length)}`,
        // A lease is lost only where a test is about that, and not to a machine that stands still for a while.
        leaseDurationMs: 60_000,
        leaseRenewDeadlineMs: 50_000,
        leaseRetryMs: 300,
        volumeQuarantine: true,
        volumeQuarantineAutomatic: true,
        volumeQuarantineSettleMs: 0,
        volumeQuarantineIntervalMs: 6 * 60 * 60_000,
        logLevel: 'info',
        ...overrides,
      },
      kubeConfig: config,
      clock,
      observe: (observation) => seen.push(observation),
      lost: () => {
        lost.value = true;
      },
    });
    const operator = { ...running, seen, lost };
    this.operators.push(operator);
    return operator;
  }

  path(plural: string, name?: string): string {
    return `/api/v1/namespaces/${this.namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  }

  ownPath(kind: Kind, name?: string): string {
    return `/apis/${apiVersion}/namespaces/${this.namespace}/${kinds[kind].plural}${name === undefined ? '' : `/${name}`}`;
  }

  /** As kubectl apply --server-side does. */
  async apply(kind: Kind, name: string, spec: object, annotations: Record<string, string> = {}): Promise<any> {
    const body = { apiVersion, kind, metadata: { name, annotations }, spec };
    const query = { fieldManager: 'test', force: 'true' };
    return this.client.request({
      method: 'PATCH',
      path: this.ownPath(kind, name),
      query,
      contentType: 'application/apply-patch+yaml',
      body,
    });
  }

  async get(kind: Kind, name: string): Promise<any> {
    return this.client.request({ method: 'GET', path: this.ownPath(kind, name) });
  }

  async remove(path: string): Promise<void> {
    await this.client.request({ method: 'DELETE', path });
  }

  /** Waits until the object's Ready condition is as wanted for its present generation, and answers with its status. */
  async settled(kind: Kind, name: string, ready: 'True' | 'False', reason?: string, withinMs?: number): Promise<any> {
    let last: any;
    const matches = async (): Promise<boolean> => {
      last = await this.get(kind, name);
      const condition = conditionOf(last.status, 'Ready');
      return (
        last.status?.observedGeneration === last.metadata.generation &&
        condition?.status === ready &&
        (reason === undefined || condition?.reason === reason)
      );
    };
    await until(`${kind} ${name} to be Ready=${ready} ${reason ?? ''}`, matches, withinMs).catch((error: unknown) => {
      throw new Error(`${String(error)}; status is ${JSON.stringify(last?.status)}`);
    });
    expectKstatus(last);
    return last.status;
  }

  /** resourceVersion of everything that an operator may write. */
  async versions(): Promise<Record<string, string>> {
    const paths = [
      this.path('configmaps'),
      this.path('secrets'),
      this.path('pods'),
      ...(['Dataset', 'Endpoint', 'ApiKey'] as const).map((kind) => this.ownPath(kind)),
    ];
    const lists = (await Promise.all(paths.map((path) => this.client.request({ method: 'GET', path })))) as any[];
    return Object.fromEntries(
      lists.flatMap((list) =>
        list.items.map((item: any) => [`${String(list.kind)}/${String(item.metadata.name)}`, item.metadata.resourceVersion]),
      ),
    );
  }

  /** Waits until who is asked how often it has looked has looked again, and has found nothing to write. */
  async quiet(looks: () => number): Promise<void> {
    await until('nothing to be left to write', async () => {
      const [before, looked] = [await this.versions(), looks()];
      await until('another look', () => looks() > looked + 2);
      return JSON.stringify(await this.versions()) === JSON.stringify(before);
    });
  }

  async events(): Promise<readonly any[]> {
    return ((await this.client.request({ method: 'GET', path: this.path('events') })) as any).items;
  }
}

/** What every status promises: Ready always, the other two only while True and with the same story, never ahead of the object. */
export const expectKstatus = ({ metadata, status }: any): void => {
  const of = (type: string): any => conditionOf(status, type);
  const [ready, reconciling, stalled] = [of('Ready'), of('Reconciling'), of('Stalled')];
  expect(status.observedGeneration).toBeLessThanOrEqual(metadata.generation);
  expect(ready.observedGeneration).toBe(status.observedGeneration);
  expect([reconciling?.status ?? 'True', stalled?.status ?? 'True']).toEqual(['True', 'True']);
  if (ready.status === 'True') expect([reconciling, stalled]).toEqual([undefined, undefined]);
  else expect((reconciling ?? stalled).reason).toBe(ready.reason);
  expect(reconciling !== undefined && stalled !== undefined).toBe(false);
  if (ready.status === 'True') expect([status.gateways.ready, status.gateways.behind]).toEqual([status.gateways.total, []]);
};

/** Turns of a controller that have ended well. */
export const turnsOf = ({ seen }: Pick<Operator, 'seen'>, controller: string): number =>
  seen.filter((one) => one.kind === 'reconciled' && one.controller === controller && one.error === undefined).length;

export const conditionOf = (status: any, type: string): any => status?.conditions?.find((condition: any) => condition.type === type);
export { adminToken, clientOf, fieldManager, installCrds, release, until };
export { replicas } from './place.ts';
