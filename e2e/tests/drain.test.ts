/** A node that is emptied for maintenance: the budget lets one replica go at a time, and consumers notice nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { gatewayPods, serviceUrl } from './support/gateways.ts';
import { kubectl } from './support/kubectl.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { until } from './support/until.ts';

const three = trio('drained');
beforeAll(async () => three.serve());
afterAll(async () => three.remove());

const node = async (): Promise<string> => kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}');
const serving = async (): Promise<readonly string[]> =>
  (await gatewayPods()).filter(({ ready, ending }) => ready && !ending).map(({ uid }) => uid);
/** Tries for a quarter of a minute to take every gateway off the node. */
const drain = async (name: string): Promise<string> =>
  kubectl(
    'drain',
    name,
    '--pod-selector=app.kubernetes.io/component=gateway',
    '--ignore-daemonsets',
    '--delete-emptydir-data',
    '--timeout=15s',
  ).then(
    () => 'drained',
    (error: unknown) => String(error),
  );

test('kubectl drain takes one gateway and no more while its successor has no node; no request fails, and uncordoned it is there again', async () => {
  const [only, before] = [await node(), await serving()];
  const { failures, requests } = await during({ urls: [await serviceUrl()], path: three.path, token: three.token }, async () => {
    try {
      expect(await drain(only)).toContain("violate the pod's disruption budget");
      const left = await serving();
      expect(left).toHaveLength(1);
      expect(before).toContain(left[0]);
    } finally {
      await kubectl('uncordon', only);
    }
    await until('both gateways to serve again', serving, (uids) => uids.length === 2, { withinMs: 90_000, everyMs: 300 });
    await three.ready();
  });
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(100);
  expect((await serving()).filter((uid) => before.includes(uid))).toHaveLength(1);
});
