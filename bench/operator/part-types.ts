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
export type FakeGateway = { readonly port: number; start(): Promise<FakeGateway>; stop(): Promise<void> };
