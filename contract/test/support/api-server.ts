// A real API server for tests, from what the machine has: the cluster of KUBECONFIG when it runs on this machine, kube-apiserver
// and etcd on PATH or in KUBEBUILDER_ASSETS, else both built from Go modules by e2e/cluster/build. Ports are free ones, so that
// several can run side by side. Ways to use it:
//   const server = await startApiServer();                    at the top of a test file
//   const there = 'unavailable' in server ? describe.skip : describe;
//   afterAll(() => server.stop());                            etcd and its data go too; the cluster of KUBECONFIG stays
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LaunchedApiServer, launchApiServer } from './launch-api-server.ts';
import { localCluster } from './local-cluster.ts';

export type ApiServer = {
  /** Path of a kubeconfig whose user may do everything. */
  readonly kubeconfig: string;
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
  stop(): Promise<void>;
};
export type Unavailable = { readonly unavailable: string };

const build = fileURLToPath(new URL('../../../e2e/cluster/build', import.meta.url));

/** The folder with kube-apiserver and etcd, or why there is none. Building takes minutes the first time. */
const findBinaries = (): string | Unavailable => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), process.env['KUBEBUILDER_ASSETS'] ?? ''].filter(
    (folder) => folder !== '',
  );
  const found = folders.find((folder) => existsSync(join(folder, 'kube-apiserver')) && existsSync(join(folder, 'etcd')));
  if (found !== undefined) return found;
  try {
    const printed = execFileSync(build, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return printed.trim().split('\n').at(-1) ?? '';
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    const why = stderr === undefined || stderr === '' ? String(error) : stderr.trim();
    return { unavailable: `no kube-apiserver on PATH or in KUBEBUILDER_ASSETS, and building it failed: ${why.slice(-300)}` };
  }
};

/** One of the test's own, with flags of its own, whose etcd can be reached. */
export const startOwnApiServer = async (...flags: readonly string[]): Promise<LaunchedApiServer | Unavailable> => {
  const binaries = findBinaries();
  if (typeof binaries === 'string') return launchApiServer(binaries, flags);
  if (process.env['CI'] === 'true') throw new Error(binaries.unavailable);
  process.stderr.write(`skipping the tests that need an API server: ${binaries.unavailable}\n`);
  return binaries;
};

/** Starts one (under 5 s once built). With CI=true a machine that cannot have one is an error, elsewhere a reason to skip by name. */
export const startApiServer = async (): Promise<ApiServer | Unavailable> => localCluster(process.env['KUBECONFIG']) ?? startOwnApiServer();
