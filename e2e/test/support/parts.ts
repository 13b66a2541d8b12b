/** What the tests of operator and gateway are made of, and a bench may use too. Loaded by URL: tsc cannot rewrite a path into the sources of another project. */
type ApiClient = {
  request(call: { method: string; path: string; body?: unknown; contentType?: string }): Promise<any>;
};
export type Operator = { readonly httpPort: number; readonly seen: readonly unknown[]; stop(): Promise<void> };
/** What a World has and looks after as one of its gateways. */
export type Gateway = { readonly name: string; readonly port: number; appear(): Promise<void>; stop(): Promise<void> };
export type World = {
  open(): Promise<World>;
  readonly client: ApiClient;
  readonly namespace: string;
  readonly gateways: Gateway[];
  path(plural: string, name?: string): string;
  apply(kind: string, name: string, spec: object): Promise<unknown>;
  get(kind: string, name: string): Promise<any>;
  settled(kind: string, name: string, ready: 'True' | 'False'): Promise<any>;
  startOperator(overrides?: object): Promise<Operator>;
  events(): Promise<readonly any[]>;
  close(): Promise<void>;
};
export type PodObject = {
  create(): Promise<void>;
  read(): Promise<any>;
  showReady(isReady: boolean): Promise<void>;
  mount(): Promise<ReadonlyMap<string, Uint8Array>>;
};
export type Proxy = {
  readonly port: number;
  start(ip: string, port: number): Promise<Proxy>;
  cut(): void;
  restore(target?: number): void;
  stop(): Promise<void>;
};
export type Lake = { readonly url: string; publish(id: string, select: string): Promise<void>; remove(): Promise<void> };
export type ApiServer = { readonly kubeconfig: string; stop(): Promise<void> };

export const from = async <T>(path: string): Promise<T> => (await import(new URL(`../../../${path}`, import.meta.url).href)) as T;

export const { startApiServer } = await from<{ startApiServer: () => Promise<ApiServer | { readonly unavailable: string }> }>(
  'contract/test/support/api-server.ts',
);
export const { addresses, adminToken, release } = await from<{ addresses: readonly string[]; adminToken: string; release: string }>(
  'operator/test/support/place.ts',
);
export const { clientOf, installCrds, until } = await from<{
  installCrds: (client: ApiClient) => Promise<void>;
  clientOf: (kubeconfig: string) => ApiClient & { close(): void };
  until: (what: string, condition: () => Promise<boolean> | boolean, withinMs?: number) => Promise<void>;
}>('operator/test/support/kube-api.ts');
export const { PodObject } = await from<{ PodObject: new (options: object) => PodObject }>('operator/test/support/pod-object.ts');
export const { Proxy } = await from<{ Proxy: new (target: number) => Proxy }>('operator/test/support/proxy.ts');
export const { dataset, endpoint } =
  await from<Record<'dataset' | 'endpoint', (overrides?: object) => object>>('operator/test/support/samples.ts');
export const { createLake, visits } = await from<{ createLake: () => Promise<Lake>; visits: (n: number) => string }>(
  'gateway/test/support/lake.ts',
);
export type GatewayProcess = {
  readonly apiPort: number;
  readonly adminPort: number;
  write(resources: readonly unknown[]): Promise<void>;
  end(): Promise<void>;
};
export const { startProcess } = await from<{
  startProcess: (resources: readonly unknown[], environment?: Record<string, string>) => Promise<GatewayProcess>;
}>('gateway/test/support/process.ts');
type Manifest = { readonly spec: object };
/** Manifests as the gateway's own tests write them. */
export const manifests = await from<{
  visitsDataset: (url: string, spec?: object) => Manifest;
  endpoint: (name: string, spec?: object) => Manifest;
  apiKey: (name: string, spec?: object) => Manifest;
}>('gateway/test/support/gateway.ts');
export const { mountParts } = await from<{ mountParts: (folder: string, files: ReadonlyMap<string, Uint8Array>) => Promise<void> }>(
  'gateway/test/support/mounted.ts',
);
export const { mountTmpfs, remount, unmount } = await from<{
  mountTmpfs: (folder: string, bytes: number) => void;
  remount: (folder: string, option: 'ro' | 'rw') => void;
  unmount: (folder: string) => void;
}>('gateway/test/support/mounts.ts');
