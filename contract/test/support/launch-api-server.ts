/** Starts etcd and kube-apiserver from a folder of binaries, with certificates, keys and data of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from './api-server.ts';

/** A port can be taken between asking for it and using it; a machine that fails three times has another trouble. */
const attempts = 3;

const freePort = async (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const isReady = async (url: string, ca: Buffer, token: string): Promise<boolean> =>
  new Promise((resolve) => {
    const call = request(`${url}/readyz`, { ca, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once('error', () => resolve(false));
    call.end();
  });

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
const ended = async (child: ChildProcess): Promise<void> =>
  hasEnded(child) ? undefined : new Promise((resolve) => child.once('exit', () => resolve()));

/** True once the condition holds; false when a child ends first, or after three minutes. */
const holds = async (children: readonly ChildProcess[], condition: () => Promise<boolean>): Promise<boolean> => {
  for (let tries = 0; tries < 1800; tries += 1) {
    if (children.some(hasEnded)) return false;
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
};

const kubeconfigOf = (url: string, caFile: string, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server: url, 'certificate-authority': caFile } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
    'current-context': 'local',
  });

const etcdOptions = (folder: string, port: number, peerPort: number): readonly string[] => [
  `--data-dir=${join(folder, 'etcd')}`,
  '--unsafe-no-fsync',
  `--listen-client-urls=http://127.0.0.1:${port}`,
  `--advertise-client-urls=http://127.0.0.1:${port}`,
  `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
  '--log-level=error',
];

const apiServerOptions = (folder: string, port: number, etcdPort: number, flags: readonly string[]): readonly string[] => [
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
  ...flags,
];

export type LaunchedApiServer = ApiServer & { readonly etcdUrl: string; readonly binaries: string };

const tryLaunch = async (binaries: string, flags: readonly string[]): Promise<LaunchedApiServer | undefined> => {
  const folder = mkdtempSync(join(tmpdir(), 'offloader-api-'));
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const token = randomBytes(24).toString('hex');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const children = [
    spawn(join(binaries, 'etcd'), etcdOptions(folder, etcdPort, peerPort), { stdio: 'ignore' }),
    spawn(join(binaries, 'kube-apiserver'), apiServerOptions(folder, port, etcdPort, flags), { stdio: 'ignore' }),
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
  if (!(await holds(children, async () => existsSync(caFile) && (await isReady(url, readFileSync(caFile), token))))) {
    await stop();
    return undefined;
  }
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(url, caFile, token), { mode: 0o600 });
  return { kubeconfig, url, token, caFile, etcdUrl: `http://127.0.0.1:${etcdPort}`, binaries, stop };
};

/** One that answers on /readyz, in about three seconds. */
export const launchApiServer = async (binaries: string, flags: readonly string[] = []): Promise<LaunchedApiServer> => {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const server = await tryLaunch(binaries, flags);
    if (server !== undefined) return server;
  }
  throw new Error(`kube-apiserver and etcd in ${binaries} did not become ready`);
};
