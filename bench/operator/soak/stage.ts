/** Everything that a soak runs on, from an API server to clients, opened in order and closed in the other. */
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminToken, clientOf, installCrds, newRelay, startOwnApiServer } from '../parts.ts';
import { Clients } from './clients.ts';
import { Deeds, steadyName, type Tokens } from './deeds.ts';
import { Faults } from './faults.ts';
import { credentialsName, goodCredentials, openStore, Source } from './lakes.ts';
import { Objects } from './objects.ts';
import { Operators } from './operators.ts';
import { Promised } from './promised.ts';
import { seeded } from './random.ts';
import { Replicas } from './replicas.ts';

export type Stage = {
  readonly deeds: Deeds;
  readonly faults: Faults;
  readonly clients: Clients;
  readonly operators: Operators;
  readonly replicas: Replicas;
  readonly objects: Objects;
  readonly promised: Promised;
  /** What relay and store have written down is of no use here. */
  forgetRequests(): void;
};
export type StageOptions = {
  readonly minutes: number;
  readonly seed: number;
  readonly complain: (what: string) => void;
  readonly log: string;
};

export const steadyDatasets = 3;
const namespace = 'soak';
const steadyToken = 'token-of-a-soak';
/** Events pile up for as long as they are kept: within the warm-up, whatever the length of the run. */
const eventsKept = (minutes: number): string => `--event-ttl=${Math.max(1, Math.round(minutes / 8))}m`;

/** Opens it, does `work`, and closes it whatever comes. */
export const onStage = async (options: StageOptions, work: (stage: Stage) => Promise<void>): Promise<void> => {
  const closing: (() => Promise<unknown>)[] = [];
  try {
    await work(await openStage(options, closing));
  } finally {
    for (const close of closing.toReversed()) await close().catch((error: unknown) => options.complain(`closing: ${String(error)}`));
  }
};

const openStage = async ({ minutes, seed, complain, log }: StageOptions, closing: (() => Promise<unknown>)[]): Promise<Stage> => {
  const server = await startOwnApiServer(eventsKept(minutes));
  if ('unavailable' in server) throw new Error(server.unavailable);
  closing.push(() => server.stop());
  const relay = await newRelay(server).start();
  closing.push(() => relay.stop());
  const client = clientOf(server.kubeconfig);
  await installCrds(client);
  await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
  const objects = new Objects(client, namespace);
  await client.request({ method: 'POST', path: objects.core('serviceaccounts'), body: { metadata: { name: 'default' } } });
  await objects.putSecret(credentialsName, goodCredentials);

  const store = await openStore();
  closing.push(() => store.close());
  const sources: Source[] = [];
  for (let n = 0; n < steadyDatasets; n += 1) {
    const source = n === 0 ? await Source.inStore(steadyName(n), store) : await Source.inFolder(steadyName(n));
    closing.push(() => source.remove());
    sources.push(source);
  }

  const folder = await mkdtemp(join(tmpdir(), 'offloader-soak-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, relay.kubeConfig().exportConfig(), { mode: 0o600 });
  const logFile = await open(log, 'a');
  closing.push(() => logFile.close());

  const replicas = new Replicas({ client, namespace });
  const promised = new Promised();
  const tokens: Tokens = { steady: steadyToken, minted: new Map() };
  const deeds = new Deeds({ objects, replicas, promised, tokens, sources });
  closing.push(() => deeds.close());
  await deeds.open();
  const hash = createHash('sha256').update(steadyToken).digest('hex');
  await objects.apply('ApiKey', 'steady', { tenant: 'acme', endpoints: ['*'], hash });

  closing.push(() => replicas.stop());
  const firsts = [replicas.add()];
  await Promise.race([...firsts, portOf(replicas)]);
  const operators = new Operators({ kubeconfig, namespace, adminToken, adminPort: replicas.all[0]!.port, log: logFile.fd });
  closing.push(() => operators.stop());
  await operators.open();
  await Promise.all(firsts);
  await replicas.add();
  await deeds.settle();
  const clients = new Clients({ replicas, promised, tokens, endpoints: () => deeds.endpoints, complain }, seeded(seed + 2));
  const faults = new Faults({ operators, replicas, relay });
  return {
    deeds,
    faults,
    clients,
    operators,
    replicas,
    objects,
    promised,
    forgetRequests: () => {
      relay.requests.length = 0;
      store.asked.length = 0;
    },
  };
};

/** The first gateway has a port long before it is ready, for which it needs an operator. */
const portOf = async ({ all }: Replicas): Promise<void> => {
  while ((all[0]?.port ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 50));
};
