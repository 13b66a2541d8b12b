/**
 * The operator at scale, against a real API server and gateways without DuckDB:
 *   cold start until every object is Ready, requests a second once it is, memory, one edit until it is Ready on every
 *   replica, a killed leader, and what Secrets of others cost. Prints a table; --out FILE writes it as well.
 *   node --conditions=source bench/operator/scale.ts [--small] [--out FILE]
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { apiVersion, type Kind } from '@offloader/contract';
import { percentile } from '../percentiles.ts';
import { type OperatorEnvironment, type OperatorProcess, startOperatorProcess } from './operator-process.ts';
import type { ApiClient, FakeGateway } from './part-types.ts';
import { clientOf, installCrds, newGateway, startApiServer, until } from './parts.ts';
import { addUnrelatedSecrets, countReady, datasetSpec, endpointSpec, isReady, keySpec, pathOf, populate, type Size } from './population.ts';

const { values: options } = parseArgs({ options: { small: { type: 'boolean', default: false }, out: { type: 'string' } } });
const size: Size = options.small ? { datasets: 50, endpoints: 50, keys: 250 } : { datasets: 1000, endpoints: 1000, keys: 5000 };
const secrets = options.small ? 100 : 10_000;
const edits = options.small ? 6 : 30;
const steadySeconds = options.small ? 10 : 60;
const namespace = 'bench';
const adminToken = 'bench-admin-token';
const mebibyte = 2 ** 20;

type Row = { readonly what: string; readonly measured: string; readonly bound: string };
const rows: Row[] = [];
const tell = (what: string, measured: string, bound: string): void => {
  rows.push({ what, measured, bound });
  process.stderr.write(`${what}: ${measured} (${bound})\n`);
};
const since = (startedMs: number): number => performance.now() - startedMs;
const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The largest resident set seen while `work` runs, and after it. */
const peakOf = async (operator: OperatorProcess, work: () => Promise<unknown>): Promise<number> => {
  let peak = 0;
  const look = async (): Promise<void> => {
    peak = Math.max(peak, await operator.metric('process_resident_memory_bytes'));
  };
  const timer = setInterval(() => void look(), 500);
  await work();
  clearInterval(timer);
  await look();
  return peak;
};

const allReady = async (client: ApiClient): Promise<void> => {
  const total = size.datasets + size.endpoints + size.keys;
  await until('every object to be Ready', async () => (await countReady(client, namespace)) === total, 300_000);
};

/** One edit of each kind in turn; milliseconds from the apply until the object is Ready again on every replica. */
const editOnce = async (client: ApiClient, n: number): Promise<number> => {
  const target = (n * 7) % size.endpoints;
  const edited: readonly { readonly kind: Kind; readonly name: string; readonly spec: object }[] = [
    { kind: 'Dataset', name: `dataset-${target}`, spec: datasetSpec(`${61 + n}s`) },
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

const measure = async (client: ApiClient, environment: Omit<OperatorEnvironment, 'name'>): Promise<void> => {
  const startedMs = performance.now();
  const first = await startOperatorProcess({ ...environment, name: 'operator-0' });
  const peak = await peakOf(first, async () => allReady(client));
  tell('cold start until all are Ready', `${(since(startedMs) / 1000).toFixed(1)} s`, 'under 60 s');
  const requests = async (): Promise<number> => first.metric('offloader_operator_api_requests_total');
  const before = await requests();
  const steady = await peakOf(first, async () => pause(steadySeconds * 1000));
  tell('requests to the API server afterwards', `${(((await requests()) - before) / steadySeconds).toFixed(2)} /s`, 'under 50 /s');
  const times: number[] = [];
  const editing = await peakOf(first, async () => {
    for (let n = 0; n < edits; n += 1) times.push(await editOnce(client, n));
  });
  const [p50, p95, p99] = [50, 95, 99].map((p) => percentile(times, p).toFixed(0));
  tell(`one edit until Ready on both replicas (${edits})`, `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms`, 'p99 under 2,000 ms');
  const inMib = (bytes: number): string => `${(bytes / mebibyte).toFixed(0)} MiB`;
  tell('resident memory: cold start, steady, editing', [peak, steady, editing].map(inMib).join(', '), 'under 256 MiB');

  const second = await startOperatorProcess({ ...environment, name: 'operator-1' });
  await until('the second operator to wait for the lease', async () => (await second.metric('offloader_operator_build_info')) === 1);
  const killedMs = performance.now();
  await first.end('SIGKILL');
  await until('the second operator to lead', async () => (await second.metric('offloader_operator_leader')) === 1, 60_000);
  tell('a killed leader is replaced', `${(since(killedMs) / 1000).toFixed(1)} s`, 'lease (15 s) + 5 s');
  await editOnce(client, 1);
  const rested = await second.metric('process_resident_memory_bytes');
  await addUnrelatedSecrets(client, namespace, secrets, 100_000);
  const third = await startOperatorProcess({ ...environment, name: 'operator-2' });
  await second.end('SIGTERM');
  await until('the third operator to lead', async () => (await third.metric('offloader_operator_leader')) === 1, 60_000);
  await editOnce(client, 2);
  const beside = await third.metric('process_resident_memory_bytes');
  tell(
    `${secrets.toLocaleString('en')} Secrets of 100 KB beside it`,
    `${((beside - rested) / mebibyte).toFixed(0)} MiB more`,
    'under 20 MiB',
  );
  await third.end('SIGTERM');
};

const server = await startApiServer();
if ('unavailable' in server) throw new Error(server.unavailable);
const gateways: FakeGateway[] = [];
try {
  const client = clientOf(server.kubeconfig);
  await installCrds(client);
  await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
  await client.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts`,
    body: { metadata: { name: 'default' } },
  });
  const base = { client, namespace, release: 'offloader', adminToken };
  for (const [n, ip] of ['127.0.0.2', '127.0.0.3'].entries()) {
    const port = gateways[0]?.port ?? 0;
    gateways.push(await newGateway({ ...base, name: `offloader-gateway-${n}`, ip, port }).start());
  }
  await populate(client, namespace, size);
  await measure(client, { kubeconfig: server.kubeconfig, namespace, adminToken, adminPort: gateways[0]!.port });
  client.close();
} finally {
  for (const gateway of gateways) await gateway.stop();
  await server.stop();
}
const about = `${size.datasets} Datasets, ${size.endpoints} Endpoints, ${size.keys} ApiKeys; two replicas; API server, etcd and the replicas on the same ${cpus().length} cores.`;
const table = [
  '| what | measured | bound |',
  '| --- | --- | --- |',
  ...rows.map((row) => `| ${row.what} | ${row.measured} | ${row.bound} |`),
];
const page = `# The operator at scale\n\nMade by \`make bench-operator\`. ${about}\n\n${table.join('\n')}\n`;
process.stdout.write(page);
if (options.out !== undefined) await writeFile(options.out, page);
