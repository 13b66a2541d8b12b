// A real kube-apiserver and etcd for tests, from what the machine has: the cluster of KUBECONFIG, binaries on PATH or in
// KUBEBUILDER_ASSETS, else built from Go modules by e2e/cluster/build. Several can run side by side.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export type ApiServer = {
  /** Path of a kubeconfig whose user may do everything. */
  readonly kubeconfig: string;
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
  stop(): Promise<void>;
};
export type Unavailable = { readonly unavailable: string };

const build = new URL('../../../e2e/cluster/build', import.meta.url).pathname;

const freePort = async (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** The folder with kube-apiserver and etcd, or why there is none. Building takes minutes the first time. */
const findBinaries = (): string | Unavailable => {
  const folders = [process.env['KUBEBUILDER_ASSETS'] ?? '', ...(process.env['PATH'] ?? '').split(delimiter)].filter(
    (folder) => folder !== '',
  );
  const found = folders.find((folder) => existsSync(join(folder, 'kube-apiserver')) && existsSync(join(folder, 'etcd')));
  if (found !== undefined) return found;
  try {
    return (
      execFileSync(build, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
        .trim()
        .split('\n')
        .at(-1) ?? ''
    );
  } catch (error) {
    return {
      unavailable: `no kube-apiserver: not in KUBEBUILDER_ASSETS or on PATH, and building it failed: ${String(error).slice(0, 300)}`,
    };
  }
};

const isReady = async (url: string, ca: Buffer, token: string): Promise<boolean> =>
  new Promise((resolve) => {
    const call = request(`${url}/readyz`, { ca, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once('error', () => resolve(false));
    call.end();
  });

const until = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`gave up waiting for ${what}`);
};

const ended = async (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null ? undefined : new Promise((resolve) => child.once('exit', () => resolve()));

const kubeconfigOf = (url: string, caFile: string, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server: url, 'certificate-authority': caFile } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
    'current-context': 'local',
  });

/** A second server on the same etcd, or the same port again, is what restart tests ask for by `etcdPort` and `port`. */
const launch = async (binaries: string): Promise<ApiServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'offloader-api-'));
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const token = randomBytes(24).toString('hex');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const children = [
    spawn(
      join(binaries, 'etcd'),
      [
        `--data-dir=${join(folder, 'etcd')}`,
        '--unsafe-no-fsync',
        `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
        `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        '--log-level=error',
      ],
      { stdio: 'ignore' },
    ),
    spawn(
      join(binaries, 'kube-apiserver'),
      [
        `--etcd-servers=http://127.0.0.1:${etcdPort}`,
        `--secure-port=${port}`,
        '--bind-address=127.0.0.1',
        `--cert-dir=${join(folder, 'certs')}`,
        `--token-auth-file=${join(folder, 'tokens.csv')}`,
        '--authorization-mode=RBAC',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${join(folder, 'sa.key')}`,
        `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
        '--service-cluster-ip-range=198.19.0.0/16',
      ],
      { stdio: 'ignore' },
    ),
  ];
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      child.kill('SIGKILL');
      await ended(child);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `https://127.0.0.1:${port}`;
  const caFile = join(folder, 'certs', 'apiserver.crt');
  try {
    await until('kube-apiserver', async () => existsSync(caFile) && (await isReady(url, readFileSync(caFile), token)));
  } catch (error) {
    await stop();
    throw error;
  }
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(url, caFile, token), { mode: 0o600 });
  return { kubeconfig, url, token, caFile, stop };
};

/** Starts one (under 5 s once built). In CI (CI=true) a machine that cannot have one is an error, elsewhere a reason to skip by name. */
export const startApiServer = async (): Promise<ApiServer | Unavailable> => {
  const binaries = findBinaries();
  if (typeof binaries === 'string') return launch(binaries);
  if (process.env['CI'] === 'true') throw new Error(binaries.unavailable);
  return binaries;
};
