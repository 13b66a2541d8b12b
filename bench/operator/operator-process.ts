/** The operator as users run it: a process of its own, seen from its metrics. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

export type OperatorProcess = {
  readonly child: ChildProcess;
  /** One value of /metrics: the sum over the labels of a name, or over those that begin as in `name{label="…"`. */
  metric(name: string): Promise<number>;
  /** Ends it and waits. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
};

const freePort = async (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** What the image carries, made by npm run bundle. */
const main = new URL('../../operator/dist/main.js', import.meta.url).pathname;
/** As in Dockerfile.operator; Node takes half of the chart's memory limit (512Mi) for its heap. */
const flags = ['--enable-source-maps', '--max-semi-space-size=4', '--heap-growing-percent=30', '--max-old-space-size=256'];

const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

export type OperatorEnvironment = {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly adminToken: string;
  readonly adminPort: number;
  readonly name: string;
};

/** Starts it with the flags of its image. */
export const startOperatorProcess = async (environment: OperatorEnvironment): Promise<OperatorProcess> => {
  const port = await freePort();
  const child = spawn(process.execPath, [...flags, main], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...allocator,
      KUBECONFIG: environment.kubeconfig,
      OFFLOADER_NAMESPACE: environment.namespace,
      OFFLOADER_ADMIN_TOKEN: environment.adminToken,
      OFFLOADER_ADMIN_PORT: String(environment.adminPort),
      OFFLOADER_HTTP_PORT: String(port),
      OFFLOADER_LOG_LEVEL: 'warn',
      POD_NAME: environment.name,
    },
  });
  const takeAlong = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', takeAlong);
  child.once('exit', () => process.off('exit', takeAlong));
  return {
    child,
    metric: async (name) => {
      const page = await fetch(`http://127.0.0.1:${port}/metrics`).then(
        async (response) => response.text(),
        () => '',
      );
      return page
        .split('\n')
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(name.includes('{') ? name : `${name}{`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    },
  };
};
