/** The operator as users run it: a process of its own, seen from its metrics. */
import { type Child, startNode } from '../child.ts';
import { freePort } from '../free-port.ts';
import { metric } from '../metric.ts';

export type OperatorProcess = Child & {
  /** Of its probes and metrics. */
  readonly port: number;
  metric(name: string): Promise<number>;
};

/** What the image carries, made by npm run bundle. */
const main = new URL('../../operator/dist/main.js', import.meta.url).pathname;
/** As in Dockerfile.operator; Node takes half of the chart's memory limit (512Mi) for its heap. */
const flags = ['--enable-source-maps', '--max-semi-space-size=8', '--heap-growing-percent=30', '--max-old-space-size=256'];

const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

export type OperatorEnvironment = {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly adminToken: string;
  readonly adminPort: number;
  readonly name: string;
  /** Where its log goes; unless said, nowhere. */
  readonly log?: number;
};

/** Starts it with the flags of its image. */
export const startOperatorProcess = async (environment: OperatorEnvironment): Promise<OperatorProcess> => {
  const port = await freePort();
  const variables = {
    ...process.env,
    ...allocator,
    KUBECONFIG: environment.kubeconfig,
    OFFLOADER_NAMESPACE: environment.namespace,
    OFFLOADER_ADMIN_TOKEN: environment.adminToken,
    OFFLOADER_ADMIN_PORT: String(environment.adminPort),
    OFFLOADER_HTTP_PORT: String(port),
    OFFLOADER_LOG_LEVEL: 'warn',
    POD_NAME: environment.name,
  };
  const child = startNode([...flags, main], variables, ['ignore', environment.log ?? 'ignore', 'inherit']);
  return { ...child, port, metric: async (name) => metric(port, name) };
};
