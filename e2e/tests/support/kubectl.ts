/** kubectl as a platform team uses it, against the cluster that e2e/run prepared. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = new URL('../../../', import.meta.url).pathname;

/** What e2e/run hands over; a missing one means that the suite was started by hand. */
export const given = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: start this suite with e2e/run`);
  return value;
};

export const namespace = given('E2E_NAMESPACE');

export type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
};
export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly gateways?: { readonly ready: number; readonly total: number; readonly behind?: readonly string[] };
    readonly [field: string]: unknown;
  };
};

/** Runs kubectl in the release's namespace and answers what it prints; its refusals are thrown with what it said. */
export const kubectl = async (...args: readonly string[]): Promise<string> => {
  const { stdout } = await run(given('E2E_KUBECTL'), ['--namespace', namespace, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
};

const withInput = async (args: readonly string[], input: string): Promise<string> => {
  const promise = run(given('E2E_KUBECTL'), ['--namespace', namespace, ...args]);
  promise.child.stdin?.end(input);
  return (await promise).stdout.trim();
};

/** `kubectl apply` of objects. */
export const apply = async (...objects: readonly object[]): Promise<string> => applyIn(namespace, ...objects);

/** The same in another namespace. */
export const applyIn = async (into: string, ...objects: readonly object[]): Promise<string> =>
  withInput(['apply', '--namespace', into, '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));

/** helm, in the release's namespace unless another is named; the chart lies under the root of the repository. */
export const helm = async (...args: readonly string[]): Promise<string> => {
  const inNamespace = args.includes('--namespace') ? [] : ['--namespace', namespace];
  return (await run(given('E2E_HELM'), [...args, ...inNamespace], { cwd: root })).stdout.trim();
};

/** The plugin `kubectl offloader`. */
export const kubectlOffloader = async (...args: readonly string[]): Promise<string> => {
  const plugin = join(root, 'cli/src/kubectl.ts');
  return (await run(process.execPath, ['--conditions=source', plugin, ...args, '--namespace', namespace])).stdout.trim();
};

/** One object, as the API server has it. */
export const get = async (target: string): Promise<KubeObject> => JSON.parse(await kubectl('get', target, '-o', 'json')) as KubeObject;

/** `kubectl wait` until every replica serves the object's present generation. */
export const waitReady = async (target: string, seconds = 180): Promise<void> => {
  try {
    await kubectl('wait', '--for=condition=Ready', target, `--timeout=${String(seconds)}s`);
  } catch (error) {
    const { status } = await get(target);
    throw new Error(`${target} did not become Ready: ${JSON.stringify(status)}`, { cause: error });
  }
};

/** `kubectl patch` of a custom resource. */
export const patch = async (target: string, change: object): Promise<string> =>
  kubectl('patch', target, '--type=merge', '--patch', JSON.stringify(change));

/** Deletes what a suite made; what is not there is fine. */
export const remove = async (...targets: readonly string[]): Promise<void> => {
  await Promise.all(targets.map((target) => kubectl('delete', target, '--ignore-not-found', '--wait=true', '--timeout=120s')));
};

/** The value of a key of a Secret. */
export const secretValue = async (name: string, key: string): Promise<string> =>
  Buffer.from((await get(`secret/${name}`)).data?.[key] ?? '', 'base64').toString('utf8');
