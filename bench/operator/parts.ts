/** What the operator's tests are made of: a real API server, gateways without DuckDB and gateways that really run. */
import { from } from '../from.ts';
import type { ApiClient, FakeGateway, FakeGatewayOptions, GatewayPod, Lake } from './part-types.ts';

export const { startApiServer } = await from<{
  readonly startApiServer: () => Promise<
    { readonly kubeconfig: string; readonly url: string; stop(): Promise<void> } | { readonly unavailable: string }
  >;
}>('contract/test/support/api-server.ts');

export const { clientOf, installCrds, until } = await from<{
  readonly clientOf: (kubeconfig: string) => ApiClient;
  readonly installCrds: (client: ApiClient) => Promise<void>;
  readonly until: (what: string, condition: () => Promise<boolean> | boolean, withinMs?: number) => Promise<void>;
}>('operator/test/support/kube-api.ts');

const { FakeGateway: Gateway } = await from<{ readonly FakeGateway: new (options: FakeGatewayOptions) => FakeGateway }>(
  'operator/test/support/fake-gateway.ts',
);
export const newGateway = (options: FakeGatewayOptions): FakeGateway => new Gateway(options);

export const { GatewayPod: GatewayPods } = await from<{
  readonly GatewayPod: {
    /** Also puts it among `gateways`. */
    add(place: { readonly client: ApiClient; readonly namespace: string; readonly gateways: GatewayPod[] }): Promise<GatewayPod>;
  };
}>('e2e/test/support/gateway-pod.ts');
export const { adminToken } = await from<{ readonly adminToken: string }>('operator/test/support/place.ts');
export const { dataset: datasetSample, endpoint: endpointSample } =
  await from<Record<'dataset' | 'endpoint', (overrides?: object) => object>>('operator/test/support/samples.ts');
export const { createLake, visits } = await from<{ readonly createLake: () => Promise<Lake>; readonly visits: (n: number) => string }>(
  'gateway/test/support/lake.ts',
);
export const { loadersOf } = await from<{ readonly loadersOf: (parent: number) => Promise<readonly number[]> }>(
  'gateway/test/support/loaders.ts',
);
