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
  answer(path: string, token: string): Promise<{ readonly status: number; readonly body: { readonly meta?: Meta } }>;
  cutOff(): void;
  restore(): void;
  stop(): Promise<void>;
};
type Meta = { readonly version: number; readonly snapshot_id: string };
export type Lake = { readonly url: string; publish(id: string, select: string): Promise<void>; remove(): Promise<void> };
export type FakeGateway = { readonly port: number; start(): Promise<FakeGateway>; stop(): Promise<void> };
