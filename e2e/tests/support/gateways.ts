/** Consumers' calls, through the Service or to one replica. */
import type { Report } from '@offloader/contract';
import { get, kubectl, secretValue, type KubeObject } from './kubectl.ts';
import { until } from './until.ts';

export type Answer = {
  readonly status: number;
  readonly pod: string | null;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly snapshot: string | undefined;
  readonly version: number | undefined;
  readonly family: string | undefined;
};
type Body = {
  readonly data?: readonly Readonly<Record<string, unknown>>[];
  readonly meta?: { readonly snapshot_id?: string; readonly version?: number };
  readonly error?: { readonly family?: string };
};

/** Of one answer; it bounds a hang, and measures nothing. */
const patienceMs = 30_000;

/** One request; a connection that breaks is status 0. */
export const call = async (base: string, path: string, token?: string): Promise<Answer> => {
  try {
    const response = await fetch(`${base}${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(patienceMs),
    });
    const body = (await response.json()) as Body;
    return {
      status: response.status,
      pod: response.headers.get('x-offloader-pod'),
      rows: body.data ?? [],
      snapshot: body.meta?.snapshot_id,
      version: body.meta?.version,
      family: body.error?.family,
    };
  } catch {
    return { status: 0, pod: null, rows: [], snapshot: undefined, version: undefined, family: undefined };
  }
};

/** The API Service's address. */
export const serviceUrl = async (): Promise<string> => {
  const { clusterIP } = (await get('service/offloader-gateway')).spec as { clusterIP: string };
  return `http://${clusterIP}:4000`;
};

type PodStatus = {
  readonly podIP?: string;
  readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
};
export type Pod = {
  readonly name: string;
  readonly uid: string;
  readonly restarts: number;
  readonly ready: boolean;
  readonly ending: boolean;
  readonly url: string;
};

const podsOf = async (component: string): Promise<readonly Pod[]> => {
  const selector = `app.kubernetes.io/instance=offloader,app.kubernetes.io/component=${component}`;
  const { items } = JSON.parse(await kubectl('get', 'pods', '-l', selector, '-o', 'json')) as { items: readonly KubeObject[] };
  return items.map(({ metadata, status }) => {
    const { podIP, containerStatuses } = status as PodStatus;
    return {
      name: metadata.name,
      uid: metadata.uid,
      restarts: containerStatuses?.[0]?.restartCount ?? 0,
      ready: containerStatuses?.[0]?.ready ?? false,
      ending: metadata.deletionTimestamp !== undefined,
      url: `http://${podIP ?? ''}:4000`,
    };
  });
};

export const gatewayPods = async (): Promise<readonly Pod[]> => podsOf('gateway');
export const operatorPods = async (): Promise<readonly Pod[]> => podsOf('operator');

/** A pod's address without port. */
export const addressOf = ({ url }: Pod): string => new URL(url).hostname;

/** The PersistentVolume that a replica's cache lies on. */
export const volumeOf = async (pod: string): Promise<string> => ((await get(`pvc/cache-${pod}`)).spec as { volumeName: string }).volumeName;

/** Sets the number of replicas and waits until that many are ready, and no others are there. */
export const scaleGateways = async (replicas: number): Promise<void> => {
  await kubectl('scale', 'statefulset/offloader-gateway', `--replicas=${String(replicas)}`);
  await until(
    `${String(replicas)} gateways to be ready`,
    gatewayPods,
    (pods) => pods.length === replicas && pods.every(({ ready }) => ready),
    { withinMs: 240_000, everyMs: 300 },
  );
};

/** Sets the number of operators and waits until that many are ready, and no others are there. */
export const scaleOperators = async (replicas: number): Promise<void> => {
  await kubectl('scale', 'deployment/offloader-operator', `--replicas=${String(replicas)}`);
  await until(
    `${String(replicas)} operators to be ready`,
    operatorPods,
    (pods) => pods.length === replicas && pods.every(({ ready }) => ready),
    { withinMs: 240_000, everyMs: 300 },
  );
};

/** What a replica says of itself; undefined when it says nothing. */
export const reportOf = async (pod: Pod): Promise<Report | undefined> => {
  // Each time: a release that is installed again has another.
  const adminToken = await secretValue('offloader-gateway-secrets', 'adminToken');
  const options = { headers: { authorization: `Bearer ${adminToken}` }, signal: AbortSignal.timeout(patienceMs) };
  const response = await fetch(`http://${addressOf(pod)}:4001/diagnostics`, options).catch(() => undefined);
  return response?.ok === true ? ((await response.json()) as Report) : undefined;
};

/** The snapshot that a replica has loaded ahead. */
export const stagedBy = async (pod: Pod, dataset: string): Promise<string | null> =>
  (await reportOf(pod))?.datasets.find((row) => row.dataset === dataset)?.staged ?? null;

/** The same request to every replica. */
export const callEach = async (path: string, token?: string): Promise<readonly Answer[]> =>
  Promise.all((await gatewayPods()).map(async ({ url }) => call(url, path, token)));
