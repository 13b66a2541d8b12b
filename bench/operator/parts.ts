/** The operator's own test parts: a real API server, gateways without DuckDB. */
import { from } from '../from.ts';
import type { ApiClient, FakeGateway, FakeGatewayOptions } from './part-types.ts';

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
