/** networkPolicy.enabled, where something enforces it: only the flows that are listed work, and turning it on or off costs nobody a request. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addressOf, callEach, gatewayPods, operatorPods, serviceUrl, type Pod } from './support/gateways.ts';
import { helm, kubectl, kubectlOffloader, patch } from './support/kubectl.ts';
import { lakeAddress, publish } from './support/lake.ts';
import { isOwnCluster } from './support/network.ts';
import { abandon, type Address, connectsFrom, connectsFromPod, openPorts, type Outpost, outposts, via } from './support/outposts.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { until } from './support/until.ts';

const three = trio('guarded');
/** As the example in docs/kubernetes.md has them. */
const namespaces = { consumers: 'dashboards', monitoring: 'monitoring' } as const;
let folder = '';

let consumer: Outpost;
let prometheus: Outpost;
/** In a namespace of which another pod is listed. */
let stranger: Outpost;
let api: Address;

const first = (pods: readonly Pod[]): Pod => {
  const [pod] = pods;
  if (pod === undefined) throw new Error('the release has no such pod');
  return pod;
};
const gateway = async (): Promise<Pod> => first(await gatewayPods());
const operator = async (): Promise<Pod> => first((await operatorPods()).filter(({ ending }) => !ending));

/** What is tried at once, from everywhere to everywhere: by WHO to WHAT, whether a connection came about. */
const flows = async (): Promise<Readonly<Record<string, boolean>>> => {
  const [replica, reconciler] = [await gateway(), await operator()];
  const inside = {
    api,
    replica: `${addressOf(replica)}:4000`,
    admin: `${addressOf(replica)}:4001`,
    metrics: `${addressOf(reconciler)}:8080`,
  };
  const outside = {
    lake: `${lakeAddress}:9000`,
    ...Object.fromEntries(openPorts.map((port) => [String(port), `${stranger.ip}:${String(port)}`])),
  };
  const from = async (
    who: string,
    to: Readonly<Record<string, Address>>,
    connects: (to: readonly Address[]) => Promise<readonly boolean[]>,
  ) => {
    const came = await connects(Object.values(to));
    return Object.keys(to).map((what, n) => [`${who} to ${what}`, came[n] ?? false] as const);
  };
  const tried = await Promise.all([
    ...Object.entries({ consumer, prometheus, stranger }).map(async ([who, outpost]) =>
      from(who, inside, async (to) => connectsFrom(outpost, to)),
    ),
    from('gateway', outside, async (to) => connectsFromPod(replica.name, to)),
    from('operator', { ...outside, admin: inside.admin }, async (to) => connectsFromPod(reconciler.name, to)),
  ]);
  return Object.fromEntries(tried.flat());
};
const listed = [
  ...['consumer to api', 'consumer to replica'],
  ...['prometheus to admin', 'prometheus to metrics'],
  ...['gateway to 53', 'gateway to 443', 'gateway to lake'],
  ...['operator to 53', 'operator to 443', 'operator to 6443', 'operator to admin'],
];
const working = (tried: Readonly<Record<string, boolean>>): readonly string[] =>
  Object.entries(tried).flatMap(([flow, works]) => (works ? [flow] : []));
/** Rules follow a policy after a moment. */
const only = async (...expected: readonly string[]): Promise<void> => {
  await until(
    'exactly these flows to work',
    async () => working(await flows()).toSorted(),
    (are) => are.join() === expected.toSorted().join(),
  );
};
/** Whatever is tried, also what no policy lists. */
const all = async (): Promise<void> => {
  await only(...Object.keys(await flows()));
};

/** With the values that the page gives as its example. */
const switchOn = async (): Promise<void> => {
  const page = await readFile(new URL('../../docs/kubernetes.md', import.meta.url), 'utf8');
  const [, example] = /```yaml\n(networkPolicy:\n[^`]*)```/.exec(page) ?? [];
  const values = join(folder, 'values.yaml');
  await writeFile(values, example ?? '');
  await helm('upgrade', 'offloader', 'helm/offloader', '--reuse-values', '--values', values);
};
const switchOff = async (): Promise<void> => {
  await helm('upgrade', 'offloader', 'helm/offloader', '--reuse-values', '--set', 'networkPolicy.enabled=false');
};
/** With a consumer who connects anew for every call. */
const unnoticed = async (work: () => Promise<void>): Promise<void> => {
  const { failures, requests } = await during({ urls: [via(consumer, api)], path: three.path, token: three.token }, work);
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(20);
};

/** On another cluster there may be nothing that enforces policies. */
const onOwnCluster = isOwnCluster ? describe : describe.skip;

onOwnCluster('a network policy', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-policy-'));
    await three.serve();
    [consumer, prometheus, stranger] = (await outposts(
      { name: 'consumer', namespace: namespaces.consumers },
      { name: 'prometheus', namespace: namespaces.monitoring, labels: { 'app.kubernetes.io/name': 'prometheus' } },
      { name: 'stranger', namespace: namespaces.monitoring },
    )) as [Outpost, Outpost, Outpost];
    api = new URL(await serviceUrl()).host;
  });
  afterAll(async () => {
    await switchOff();
    await three.remove();
    await abandon(Object.values(namespaces));
    await rm(folder, { recursive: true });
  });

  test('leaves the flows that are listed and no other when it is turned on, and a consumer who is listed loses no request', async () => {
    await all();
    await unnoticed(async () => {
      await switchOn();
      await only(...listed);
    });
  });

  test('lets Prometheus read the metrics of gateways and operator', async () => {
    const read = async (pod: Pod, port: number): Promise<string> =>
      (await fetch(`${via(prometheus, `${addressOf(pod)}:${String(port)}`)}/metrics`)).text();
    expect(await read(await gateway(), 4001)).toContain('# TYPE offloader_');
    expect(await read(await operator(), 8080)).toContain('# TYPE offloader_operator_');
  });

  test('lets helm test ask the Service, and kubectl offloader the gateways', async () => {
    expect(await helm('test', 'offloader', '--logs')).toContain('gateways answer');
    expect(await kubectlOffloader('triage')).toBe('OK: nothing found');
  });

  test('lets an operator and a gateway start, edits become Ready and snapshots be loaded', async () => {
    await unnoticed(async () => {
      await kubectl('rollout', 'restart', 'deployment/offloader-operator');
      await kubectl('delete', 'pod', (await gateway()).name);
      await kubectl('rollout', 'status', 'deployment/offloader-operator', '--timeout=240s');
      await kubectl('rollout', 'status', 'statefulset/offloader-gateway', '--timeout=240s');
      await patch(three.targets[1], { spec: { owner: 'security-team' } });
      await three.ready();
      await publish('guarded', 's2', [['acme', '2026-05-30', 9]]);
      await until(
        'every replica to serve the new snapshot',
        async () => callEach(three.path, three.token),
        (answers) => answers.length === 2 && answers.every(({ snapshot }) => snapshot === 's2'),
      );
    });
  });

  test('holds for pods that came while it was on, and lets everything through again when it is turned off, without a failed request', async () => {
    await unnoticed(async () => {
      await only(...listed);
      await switchOff();
      await all();
    });
  });
});
