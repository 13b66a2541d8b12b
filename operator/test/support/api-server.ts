/** A real API server for tests. Loaded by URL: tsc cannot rewrite a relative import into the sources of another project. */
export type ApiServer = {
  readonly kubeconfig: string;
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
  stop(): Promise<void>;
};
export type Unavailable = { readonly unavailable: string };

const url = new URL('../../../contract/test/support/api-server.ts', import.meta.url).href;

export type OwnApiServer = ApiServer & {
  readonly etcdUrl: string;
  /** The folder that it was started from; kubectl is there too. */
  readonly binaries: string;
};

export const { startApiServer, startOwnApiServer } = (await import(url)) as {
  readonly startApiServer: () => Promise<ApiServer | Unavailable>;
  readonly startOwnApiServer: (...flags: readonly string[]) => Promise<OwnApiServer | Unavailable>;
};
