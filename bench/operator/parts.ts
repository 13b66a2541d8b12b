/** What the operator's tests are made of: a real API server, gateways without DuckDB and gateways that really run. */
import { from } from '../from.ts';
import type { ApiClient, ApiRelay, ApiServer, FakeGateway, FakeGatewayOptions, GatewayPod, Lake, Manner, Store } from './part-types.ts';

type Unavailable = { readonly unavailable: string };
export const { startApiServer, startOwnApiServer } = await from<{
  readonly startApiServer: () => Promise<ApiServer | Unavailable>;
  readonly startOwnApiServer: (...flags: readonly string[]) => Promise<ApiServer | Unavailable>;
}>('contract/test/support/api-server.ts');
const { ApiRelay: Relay } = await from<{ readonly ApiRelay: new (target: ApiServer) => ApiRelay }>('operator/test/support/api-relay.ts');
export const newRelay = (target: ApiServer): ApiRelay => new Relay(target);

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
    add(
      place: { readonly client: ApiClient; readonly namespace: string; readonly gateways: GatewayPod[] },
      manner?: Manner,
    ): Promise<GatewayPod>;
  };
}>('e2e/test/support/gateway-pod.ts');
export const { adminToken } = await from<{ readonly adminToken: string }>('operator/test/support/place.ts');
export const { dataset: datasetSample, endpoint: endpointSample } =
  await from<Record<'dataset' | 'endpoint', (overrides?: object) => object>>('operator/test/support/samples.ts');
export const { createLake, visits } = await from<{
  readonly createLake: (dataset?: string) => Promise<Lake>;
  readonly visits: (n: number, rows?: number) => string;
}>('gateway/test/support/lake.ts');
export const { loadersOf } = await from<{ readonly loadersOf: (parent: number) => Promise<readonly number[]> }>(
  'gateway/test/support/loaders.ts',
);
export const { minio, minioKeys, startMinio } = await from<{
  readonly minio: string | undefined;
  readonly minioKeys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly startMinio: (folder: string) => Promise<Store>;
}>('gateway/test/support/stores.ts');
