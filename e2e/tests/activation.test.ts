/** Coordinated activation on a real cluster: replicas load ahead, report it and switch together, and nothing that is lost holds them up. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addressOf, gatewayPods, operatorPods, scaleGateways, serviceUrl, stagedBy } from './support/gateways.ts';
import { get, waitReady } from './support/kubectl.ts';
import { lakeAddress, publish } from './support/lake.ts';
import { cutOff, isOwnCluster } from './support/network.ts';
import { watchSwitches } from './support/switches.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { until } from './support/until.ts';

const three = trio('switched');
const { targets, path } = three;
const [data] = targets;
const rounds = 4;
const figures: Record<string, unknown> = {};
let published = 1;

const publishNext = async (): Promise<string> => {
  published += 1;
  await publish('switched', `s${String(published)}`, [['acme', '2026-05-30', published]]);
  return `s${String(published)}`;
};
const print = (what: string, value: unknown): void => {
  figures[what] = value;
  process.stdout.write(`${what}: ${JSON.stringify(value)}\n`);
};

beforeAll(async () => {
  await three.serve(1);
});
afterAll(async () => {
  await writeFile(new URL('../artifacts/activation.json', import.meta.url), `${JSON.stringify(figures, null, 2)}\n`);
  await three.remove();
  await scaleGateways(2);
});

/** Publishes while clients ask every replica, and answers with how far apart the replicas switched. */
const switchAll = async (): Promise<number> => {
  const pods = await gatewayPods();
  const next = `s${String(published + 1)}`;
  const [{ apartMs, failures }] = await Promise.all([watchSwitches({ pods, path, token: three.token, snapshot: next }), publishNext()]);
  expect(failures).toEqual([]);
  return apartMs;
};

describe('Two replicas answer from different snapshots for at most 2 s.', () => {
  test.each([2, 3])('of %d replicas, in publications one after another', async (replicas) => {
    await scaleGateways(replicas);
    await waitReady(data);
    const apartMs: number[] = [];
    for (let round = 0; round < rounds; round += 1) apartMs.push(await switchAll());
    print(`milliseconds between the first and the last of ${String(replicas)} replicas to switch`, apartMs);
    expect(Math.max(...apartMs)).toBeLessThanOrEqual(2000);
    await waitReady(data);
  });
});

/** Cuts are made in the network of a cluster that is ours alone. */
const onOwnCluster = isOwnCluster ? describe : describe.skip;

onOwnCluster('in a network that can be cut', () => {
  describe('`activation: Coordinated` (default): replicas load a new snapshot ahead, report it, and switch together when the operator says that all have it, or after 60 s without the slow one, or on their own when no operator answers for 2 min.', () => {
    // The third case takes the operator away for two minutes: "The operator's absence changes nothing that is served."
    test('each replica reports it as loaded ahead before any answers from it', async () => {
      const pods = await gatewayPods();
      const next = `s${String(published + 1)}`;
      const seen = new Set<string>();
      let isOver = false;
      const look = async (): Promise<void> => {
        while (!isOver) for (const pod of pods) if ((await stagedBy(pod, 'switched')) === next) seen.add(pod.name);
      };
      const looking = look();
      await Promise.all([watchSwitches({ pods, path, token: three.token, snapshot: next }), publishNext()]);
      isOver = true;
      await looking;
      expect([...seen].toSorted()).toEqual(pods.map(({ name }) => name));
    });

    test('the others switch without a slow one after 60 s, and it follows as soon as it can', async () => {
      const pods = await gatewayPods();
      const [slow, ...others] = pods.toReversed();
      if (slow === undefined) throw new Error('there are no gateways');
      const { atMs, failures } = await cutOff({ services: [[addressOf(slow), lakeAddress]] }, async () => {
        const snapshot = await publishNext();
        return watchSwitches({ pods: others, path, token: three.token, snapshot, withinMs: 100_000 });
      });
      print('milliseconds until the others switch without a slow one', [...atMs.values()]);
      expect(failures).toEqual([]);
      expect(Math.min(...atMs.values())).toBeGreaterThan(55_000);
      expect(Math.max(...atMs.values())).toBeLessThan(90_000);
      await watchSwitches({ pods: [slow], path, token: three.token, snapshot: `s${String(published)}` });
      await waitReady(data);
    });
  });
});

onOwnCluster('a replica that is cut off from operator and source', () => {
  test("`gateways: {ready: n, total: m, revision, behind: [pod]}` from the pods' own /diagnostics, never assumed: Ready is True only when n = m for the current generation; a pod that cannot be reached is named within 15 s.", async () => {
    const [pods, [operator]] = [await gatewayPods(), await operatorPods()];
    const [lost, ...others] = pods.toReversed();
    if (lost === undefined || operator === undefined) throw new Error('there are no pods');
    const cut = { pods: [[addressOf(operator), addressOf(lost)]], services: [[addressOf(lost), lakeAddress]] } as const;
    const { failures } = await during({ urls: [await serviceUrl()], path, token: three.token }, async () => {
      await cutOff(cut, async () => {
        const from = performance.now();
        const { status } = await until(
          'status to name it',
          async () => get(data),
          ({ status: is }) => is?.gateways?.behind?.includes(lost.name) === true,
        );
        const namedMs = Math.round(performance.now() - from);
        print('milliseconds until a pod that cannot be reached is named', namedMs);
        expect(namedMs).toBeLessThan(15_000);
        expect(status?.gateways).toMatchObject({ ready: pods.length - 1, total: pods.length, behind: [lost.name] });
        expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False' });
        // It holds nobody up: that it is away is known, and nobody waits a minute for it.
        const snapshot = await publishNext();
        const { atMs } = await watchSwitches({ pods: others, path, token: three.token, snapshot });
        print('milliseconds until the others switch without a lost one', [...atMs.values()]);
        expect(Math.max(...atMs.values())).toBeLessThan(30_000);
      });
      await watchSwitches({ pods, path, token: three.token, snapshot: `s${String(published)}` });
      await waitReady(data);
    });
    expect(failures).toEqual([]);
  });
});
