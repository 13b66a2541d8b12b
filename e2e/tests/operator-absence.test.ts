/** The operator can go and come back: consumers notice nothing, no gateway restarts, and edits wait for it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { callEach, gatewayPods, operatorPods, scaleOperators, serviceUrl } from './support/gateways.ts';
import { get, helm, kubectl, patch, waitReady } from './support/kubectl.ts';
import { publish } from './support/lake.ts';
import { watchSwitches } from './support/switches.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { until } from './support/until.ts';

const three = trio('absence');
const { targets, path } = three;

const identities = async (): Promise<readonly string[]> =>
  (await gatewayPods()).map(({ name, uid, restarts }) => `${name} ${uid} ${String(restarts)}`);
const conditions = async (): Promise<readonly (string | undefined)[]> =>
  (await Promise.all(targets.map(get))).map(({ status }) => JSON.stringify(status?.conditions));
const everyAddress = async (): Promise<readonly string[]> => [await serviceUrl(), ...(await gatewayPods()).map(({ url }) => url)];

/** The work changes nothing: the same gateway pods, never restarted, and not one request that failed. */
const unnoticed = async (work: () => Promise<void>): Promise<void> => {
  const before = await identities();
  const { failures, requests } = await during({ urls: await everyAddress(), path, token: three.token }, work);
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(100);
  expect(await identities()).toEqual(before);
};
const newVersion = async (version: number): Promise<void> => {
  await patch(targets[1], { spec: { version } });
  await waitReady(targets[1]);
  expect((await callEach(path, three.token)).map((answer) => answer.version)).toEqual([version, version]);
};

beforeAll(async () => {
  await three.serve();
});
afterAll(async () => {
  await scaleOperators(1);
  await three.remove();
});

describe('Operator start, stop, upgrade and failover restart no gateway pod.', () => {
  test('a pod that is deleted: the next one goes on, and what was not edited keeps its status', async () => {
    const [before, [operator]] = [await conditions(), await operatorPods()];
    await unnoticed(async () => {
      await kubectl('delete', 'pod', operator?.name ?? '', '--wait=true');
      await until(
        'another operator to be ready',
        operatorPods,
        (pods) => pods.length === 1 && pods.every(({ uid, ready }) => uid !== operator?.uid && ready),
      );
      await newVersion(2);
    });
    expect([(await conditions())[0], (await conditions())[2]]).toEqual([before[0], before[2]]);
  });

  test('an upgrade that changes its pod and its settings', async () => {
    const [operator] = await operatorPods();
    await unnoticed(async () => {
      const changes = ['--set-string', 'operator.podAnnotations.upgraded=yes', '--set', 'operator.env.OFFLOADER_LOG_LEVEL=debug'];
      await helm('upgrade', 'offloader', 'helm/offloader', '--reuse-values', ...changes);
      await kubectl('rollout', 'status', 'deployment/offloader-operator', '--timeout=240s');
      await newVersion(3);
    });
    expect((await operatorPods()).map(({ uid }) => uid)).not.toContain(operator?.uid);
  });

  test('a leader that is killed while another stands by', async () => {
    await scaleOperators(2);
    await unnoticed(async () => {
      const leader = await kubectl('get', 'lease/offloader-operator', '-o', 'jsonpath={.spec.holderIdentity}');
      await kubectl('delete', 'pod', leader, '--force', '--grace-period=0');
      await newVersion(4);
      expect(await kubectl('get', 'lease/offloader-operator', '-o', 'jsonpath={.spec.holderIdentity}')).not.toBe(leader);
    });
    await scaleOperators(1);
  });
});

describe("The operator's absence changes nothing that is served.", () => {
  /** Longer than everything that is timed by the operator (2 min at most): an hour would show nothing else. */
  const longest = 180_000;

  test(
    'an edit waits, and a snapshot published meanwhile is served by each replica on its own after 2 min',
    async () => {
      await unnoticed(async () => {
        await scaleOperators(0);
        await patch(targets[1], { spec: { version: 5 } });
        await publish('absence', 's2', [['acme', '2026-05-31', 5]]);
        const pods = await gatewayPods();
        const { atMs, apartMs, failures } = await watchSwitches({ pods, path, token: three.token, snapshot: 's2', withinMs: longest });
        process.stdout.write(`without an operator the replicas switched after ${[...atMs.values()].join(', ')} ms, ${apartMs} ms apart\n`);
        expect(failures).toEqual([]);
        expect(Math.min(...atMs.values())).toBeGreaterThan(100_000);
        expect(Math.max(...atMs.values())).toBeLessThan(150_000);
        // Each counts from the operator's last word to it, and that is asked for every 2 s.
        expect(apartMs).toBeLessThan(4000);
        expect((await callEach(path, three.token)).map(({ version }) => version)).toEqual([4, 4]);
        await scaleOperators(1);
        await waitReady(targets[1]);
        expect((await callEach(path, three.token)).map(({ version }) => version)).toEqual([5, 5]);
      });
    },
    2 * longest,
  );
});
