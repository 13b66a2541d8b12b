/** What is measured, one phase after the other, on an operator that has everything of the population to look after. */
import { apiVersion, type Kind } from '@offloader/contract';
import { percentile } from '../percentiles.ts';
import type { Figures } from './figures.ts';
import { type OperatorEnvironment, type OperatorProcess, startOperatorProcess } from './operator-process.ts';
import type { ApiClient } from './part-types.ts';
import { until } from './parts.ts';
import { addUnrelatedSecrets, countReady, datasetSpec, endpointSpec, isReady, keySpec, pathOf, type Size } from './population.ts';

export type Scene = {
  readonly client: ApiClient;
  readonly environment: Omit<OperatorEnvironment, 'name'>;
  readonly size: Size;
  readonly figures: Figures;
};

const mebibyte = 2 ** 20;
const leaseSeconds = 15;
const since = (startedMs: number): number => performance.now() - startedMs;
const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The largest resident set seen while `work` runs, and after it, in MiB. */
const peakOf = async (operator: OperatorProcess, work: () => Promise<unknown>): Promise<number> => {
  let peak = 0;
  const look = async (): Promise<void> => {
    peak = Math.max(peak, await operator.metric('process_resident_memory_bytes'));
  };
  const timer = setInterval(() => void look(), 1000);
  await work();
  clearInterval(timer);
  await look();
  return peak / mebibyte;
};
const tellPeak = ({ figures }: Scene, when: string, mib: number): void => figures.add(`resident memory, ${when}`, mib, 'MiB', 256);

/** From nothing until every object is Ready. */
export const coldStart = async (scene: Scene, name: string): Promise<OperatorProcess> => {
  const { client, environment, size } = scene;
  const startedMs = performance.now();
  const operator = await startOperatorProcess({ ...environment, name });
  // To list them all costs the API server what it then lacks for the operator: it is asked once the operator says so itself.
  const allReady = async (): Promise<boolean> => {
    await pause(1000);
    for (const [kind, count] of [
      ['ApiKey', size.keys],
      ['Endpoint', size.endpoints],
      ['Dataset', size.datasets],
    ] as const) {
      if ((await operator.metric(`offloader_operator_objects{kind="${kind}",ready="True"`)) !== count) return false;
    }
    return (await countReady(client, environment.namespace)) === size.datasets + size.endpoints + size.keys;
  };
  const peak = await peakOf(operator, async () => until('every object to be Ready', allReady, 600_000));
  scene.figures.add('cold start until all are Ready', since(startedMs) / 1000, 's', 60);
  tellPeak(scene, 'cold start', peak);
  return operator;
};

/** Nothing happens: what does it ask of the API server? */
export const rest = async (scene: Scene, operator: OperatorProcess, seconds: number): Promise<void> => {
  const requests = async (): Promise<number> => operator.metric('offloader_operator_api_requests_total');
  const before = await requests();
  const peak = await peakOf(operator, async () => pause(seconds * 1000));
  scene.figures.add('requests to the API server afterwards', ((await requests()) - before) / seconds, '/s', 50);
  tellPeak(scene, 'afterwards', peak);
};

/** One edit of each kind in turn; milliseconds from the apply until the object is Ready again on every replica. */
const editOnce = async ({ client, environment: { namespace }, size }: Scene, n: number): Promise<number> => {
  const target = (n * 7) % size.endpoints;
  const edited: readonly { readonly kind: Kind; readonly name: string; readonly spec: object }[] = [
    { kind: 'Dataset', name: `dataset-${target}`, spec: datasetSpec(target, `${61 + n}s`) },
    { kind: 'Endpoint', name: `visits-${target}`, spec: endpointSpec(target, size.datasets, 1001 + n) },
    { kind: 'ApiKey', name: `key-${target}`, spec: keySpec(target, size.endpoints, 1 + n) },
  ];
  const { kind, name, spec } = edited[n % 3]!;
  const startedMs = performance.now();
  await client.request({
    method: 'PATCH',
    path: pathOf(namespace, kind, name),
    query: { fieldManager: 'bench', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: { apiVersion, kind, metadata: { name }, spec },
  });
  const shown = async (): Promise<boolean> =>
    isReady((await client.request({ method: 'GET', path: pathOf(namespace, kind, name) })) as Parameters<typeof isReady>[0]);
  await until(`${kind} ${name} to be Ready`, shown, 60_000);
  return since(startedMs);
};

/** One edit after the other. */
export const edit = async (scene: Scene, operator: OperatorProcess, edits: number): Promise<void> => {
  const times: number[] = [];
  const peak = await peakOf(operator, async () => {
    for (let n = 0; n < edits; n += 1) times.push(await editOnce(scene, n));
  });
  const what = `one edit until Ready on both replicas (${edits})`;
  scene.figures.add(`${what}, p50`, percentile(times, 50), 'ms');
  scene.figures.add(`${what}, p95`, percentile(times, 95), 'ms');
  scene.figures.add(`${what}, p99`, percentile(times, 99), 'ms', 2000);
  tellPeak(scene, 'editing', peak);
};

/** The leader goes, by either signal, while another stands by; answers with the new one. */
export const failOver = async (
  { environment, figures }: Scene,
  { leader, signal, next }: { readonly leader: OperatorProcess; readonly signal: 'SIGTERM' | 'SIGKILL'; readonly next: string },
): Promise<OperatorProcess> => {
  const standby = await startOperatorProcess({ ...environment, name: next });
  const shows = async (metric: string): Promise<boolean> => (await standby.metric(metric)) > 0;
  await until('the other operator to stand by', async () => shows('offloader_operator_build_info'));
  await until('it to have seen the lease', async () => shows('offloader_operator_api_requests_total'));
  const endedMs = performance.now();
  const gone = leader.end(signal);
  await until('the other operator to lead', async () => shows('offloader_operator_leader'), 60_000);
  const what = signal === 'SIGTERM' ? 'a leader that stops' : 'a leader that is killed';
  figures.add(`${what} is replaced`, since(endedMs) / 1000, 's', signal === 'SIGTERM' ? 3 : leaseSeconds + 5);
  await until('its first turn', async () => (await standby.metric('offloader_operator_reconciles_total{controller="bundle"')) > 0, 60_000);
  figures.add(`${what}: first turn of the next one, everything listed`, since(endedMs) / 1000, 's');
  await gone;
  return standby;
};

/** What large Secrets of others, in the same namespace, cost an operator. */
export const besideSecrets = async (scene: Scene, leader: OperatorProcess, secrets: number, next: string): Promise<OperatorProcess> => {
  const { client, environment, figures } = scene;
  await editOnce(scene, 1);
  const without = await leader.metric('process_resident_memory_bytes');
  await addUnrelatedSecrets(client, environment.namespace, secrets, 100_000);
  const operator = await startOperatorProcess({ ...environment, name: next });
  await leader.end('SIGTERM');
  await until('the next operator to lead', async () => (await operator.metric('offloader_operator_leader')) === 1, 60_000);
  await editOnce(scene, 2);
  const beside = await operator.metric('process_resident_memory_bytes');
  const what = `${secrets.toLocaleString('en')} Secrets of 100 KB beside it: memory more`;
  figures.add(what, (beside - without) / mebibyte, 'MiB', 20);
  return operator;
};
