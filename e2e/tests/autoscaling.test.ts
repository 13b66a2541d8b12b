/** gateway.autoscaling, where something measures: replicas come and go with the load, and consumers notice nothing. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { call, gatewayPods, serviceUrl, type Pod } from './support/gateways.ts';
import { get, helm, kubectl } from './support/kubectl.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { until } from './support/until.ts';

const three = trio('scaled');
const [data] = three.targets;
const autoscaler = 'horizontalpodautoscaler/offloader-gateway';

const upgrade = async (values: Readonly<Record<string, unknown>>): Promise<void> => {
  const set = Object.entries(values).flatMap(([name, value]) => ['--set', `gateway.autoscaling.${name}=${String(value)}`]);
  await helm('upgrade', 'offloader', 'helm/offloader', '--reuse-values', ...set);
};
beforeAll(async () => three.serve());
afterAll(async () => {
  await upgrade({ enabled: false });
  await three.remove();
});

/** Long waits: the metrics server looks every ten seconds, the autoscaler wants two looks, and a replica loads before it is ready. */
const patience = { withinMs: 300_000, everyMs: 500 } as const;
// All of them together; it bounds a hang.
jest.setTimeout(900_000);
const settled = async (replicas: number): Promise<readonly Pod[]> => {
  const pods = await until(
    `${String(replicas)} replicas, all of them ready`,
    gatewayPods,
    (are) => are.length === replicas && are.every(({ ready, ending }) => ready && !ending),
    patience,
  );
  await until(
    `status to count ${String(replicas)}`,
    async () => (await get(data)).status?.gateways,
    (are) => are?.ready === replicas && are.total === replicas,
    patience,
  );
  await three.ready();
  return pods;
};
const uids = (pods: readonly Pod[]): readonly string[] => pods.map(({ uid }) => uid);
const budget = async (): Promise<readonly unknown[]> => {
  const { metadata, spec } = await get('poddisruptionbudget/offloader-gateway');
  return [metadata.uid, metadata.generation, spec];
};

test('load brings a third replica, which serves; an upgrade leaves it alone, and it goes with the load; no request fails', async () => {
  const [before, allowed, service] = [await gatewayPods(), await budget(), await serviceUrl()];
  const traffic = { path: three.path, token: three.token };
  const { failures, requests } = await during({ ...traffic, urls: [service], pauseMs: 200 }, async () => {
    await upgrade({ enabled: true, minReplicas: 2, maxReplicas: 3, targetCPUUtilizationPercentage: 60 });
    await until(
      'the autoscaler to know what the replicas use',
      async () => (await get(autoscaler)).status,
      (status) => status?.conditions?.some(({ type, status: is }) => type === 'ScalingActive' && is === 'True') === true,
      patience,
    );
    // Two callers for each replica: enough to be busy, and no more than two cores bear.
    const load = await during({ ...traffic, urls: before.flatMap(({ url }) => [url, url]), pauseMs: 0 }, async () => {
      const now = await settled(3);
      const added = now.filter(({ uid }) => !uids(before).includes(uid));
      expect(added.map(({ name }) => name)).toEqual(['offloader-gateway-2']);
      expect(await call(added[0]?.url ?? '', three.path, three.token)).toMatchObject({
        status: 200,
        pod: 'offloader-gateway-2',
        snapshot: 's1',
      });
      await upgrade({ maxReplicas: 3 });
      expect(uids(await settled(3))).toEqual(uids(now));
    });
    expect(load.failures).toEqual([]);
    expect(uids(await settled(2))).toEqual(uids(before));
  });
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(50);
  expect(await budget()).toEqual(allowed);
});

test('turned off, the number of replicas is that of the values again', async () => {
  const before = await gatewayPods();
  await upgrade({ enabled: false });
  expect(await kubectl('get', 'horizontalpodautoscalers', '--output=name')).toBe('');
  expect(uids(await settled(2))).toEqual(uids(before));
});
