/**
 * The operator at scale, against a real API server and gateways without DuckDB:
 *   cold start until every object is Ready, requests a second once it is, memory, one edit until it is Ready on every
 *   replica, a leader that stops and one that is killed, and what Secrets of others cost; then, over gateways that really run,
 *   edits, revocations and snapshots until all of them answer by them.
 * Prints a table, writes it with --out FILE, and exits 1 when a bound is missed.
 *   node --conditions=source bench/operator/scale.ts [--small] [--out FILE]
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { coordinate } from './coordinated.ts';
import { Figures } from './figures.ts';
import type { FakeGateway } from './part-types.ts';
import { clientOf, installCrds, newGateway, startApiServer } from './parts.ts';
import { besideSecrets, coldStart, edit, failOver, rest, type Scene } from './phases.ts';
import { populate, type Size } from './population.ts';

const { values: options } = parseArgs({ options: { small: { type: 'boolean', default: false }, out: { type: 'string' } } });
const size: Size = options.small ? { datasets: 50, endpoints: 50, keys: 250 } : { datasets: 1000, endpoints: 1000, keys: 5000 };
const secrets = options.small ? 100 : 10_000;
const edits = options.small ? 6 : 30;
const restSeconds = options.small ? 10 : 60;
const namespace = 'bench';
const adminToken = 'bench-admin-token';

const measure = async (scene: Scene): Promise<void> => {
  const first = await coldStart(scene, 'operator-0');
  await rest(scene, first, restSeconds);
  await edit(scene, first, edits);
  const second = await failOver(scene, { leader: first, signal: 'SIGTERM', next: 'operator-1' });
  const third = await failOver(scene, { leader: second, signal: 'SIGKILL', next: 'operator-2' });
  const fourth = await besideSecrets(scene, third, secrets, 'operator-3');
  await fourth.end('SIGTERM');
};

const server = await startApiServer();
if ('unavailable' in server) throw new Error(server.unavailable);
const figures = new Figures();
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
  const environment = { kubeconfig: server.kubeconfig, namespace, adminToken, adminPort: gateways[0]!.port };
  await measure({ client, environment, size, figures });
  await coordinate({ client, kubeconfig: server.kubeconfig, figures, rounds: options.small ? 2 : 10 });
  client.close();
} finally {
  for (const gateway of gateways) await gateway.stop();
  await server.stop();
}
const about = `${size.datasets} Datasets, ${size.endpoints} Endpoints, ${size.keys} ApiKeys; two replicas; API server, etcd and the replicas on the same ${cpus().length} cores.`;
const page = `# The operator at scale\n\nMade by \`make bench-operator\`. ${about}\n\n${figures.table}\n`;
process.stdout.write(page);
if (options.out !== undefined) await writeFile(options.out, page);
if (figures.missed.length > 0) {
  process.stderr.write(`missed: ${figures.missed.join('; ')}\n`);
  process.exitCode = 1;
}
