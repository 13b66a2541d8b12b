/** An operator as users run it: a process of its own, with its log, whose way to the API server the test chooses. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { World } from './world.ts';
import { adminToken } from './world.ts';

export type OperatorProcess = {
  readonly child: ChildProcess;
  /** True once a line of that kind is in the log. */
  readonly said: (kind: string) => boolean;
  readonly log: () => string;
  /** Its page of metrics. */
  readonly metrics: () => Promise<string>;
  /** The exit code, or the signal that ended it, once all that it said is in the log. */
  readonly ended: Promise<number | string | null>;
  /** Ends it for good and takes its files away. */
  readonly clear: () => Promise<void>;
};

export type Lease = { readonly duration: string; readonly renewDeadline: string; readonly retry: string };

const main = new URL('../../src/main.ts', import.meta.url).pathname;

export const startOperatorProcess = (world: World, name: string, config: KubeConfig, lease: Lease): OperatorProcess => {
  const folder = mkdtempSync(join(tmpdir(), 'offloader-operator-'));
  writeFileSync(join(folder, 'kubeconfig'), config.exportConfig(), { mode: 0o600 });
  const env = {
    ...process.env,
    KUBECONFIG: join(folder, 'kubeconfig'),
    POD_NAMESPACE: world.namespace,
    POD_NAME: name,
    OFFLOADER_ADMIN_TOKEN: adminToken,
    OFFLOADER_ADMIN_PORT: String(world.gateways[0]!.port),
    OFFLOADER_HTTP_PORT: '0',
    OFFLOADER_LEASE_DURATION: lease.duration,
    OFFLOADER_LEASE_RENEW_DEADLINE: lease.renewDeadline,
    OFFLOADER_LEASE_RETRY: lease.retry,
    OFFLOADER_LOG_LEVEL: 'debug',
  };
  const child = spawn(process.execPath, ['--conditions=source', main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')));
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('close', (code: number | null, signal: string | null) => resolve(code ?? signal)),
  );
  return {
    child,
    said: (kind) => log.includes(`"message":"${kind}"`),
    log: () => log,
    metrics: async () => (await fetch(`http://127.0.0.1:${/"httpPort":([0-9]+)/.exec(log)?.[1] ?? '0'}/metrics`)).text(),
    ended,
    clear: async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
