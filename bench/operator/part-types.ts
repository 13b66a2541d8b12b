/** What the bench uses of the operator's test parts. */
export type ApiClient = {
  request(request: {
    readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly contentType?: string;
  }): Promise<unknown>;
  close(): void;
};
export type ApiServer = {
  readonly kubeconfig: string;
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
  stop(): Promise<void>;
};
/** A way to the API server that can be cut. */
export type ApiRelay = {
  readonly requests: { length: number };
  expires: (request: { readonly isWatch: boolean }) => boolean;
  start(): Promise<ApiRelay>;
  goAway(): void;
  comeBack(): void;
  kubeConfig(): { exportConfig(): string };
  stop(): Promise<void>;
};
export type FakeGatewayOptions = {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly release: string;
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly adminToken: string;
};
/** A gateway that really runs, as a pod. */
export type GatewayPod = {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly apiUrl: string;
  readonly adminUrl: string;
  readonly cacheDir: string;
  answer(path: string, token: string): Promise<{ readonly status: number; readonly body: { readonly meta?: Meta } }>;
  cutOff(): void;
  restore(): void;
  /** A new Pod, process and volume, once the Pod before has been taken away. */
  appear(): Promise<void>;
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  diagnostics(): Promise<unknown>;
  stop(): Promise<void>;
};
type Meta = { readonly version: number; readonly snapshot_id: string };
/** How a gateway is run as a pod. */
export type Manner = {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly lookMs?: number;
};
export type Lake = {
  readonly folder: string;
  readonly url: string;
  publish(id: string, select: string, options?: { readonly change?: (manifest: Record<string, unknown>) => void }): Promise<void>;
  fileOf(id: string): string;
  remove(): Promise<void>;
};
export type Store = {
  readonly url: string;
  readonly asked: { length: number };
  put(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  end(): Promise<void>;
};
export type FakeGateway = { readonly port: number; start(): Promise<FakeGateway>; stop(): Promise<void> };
