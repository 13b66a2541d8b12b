/** The operator can go and come back: consumers notice nothing, no gateway restarts, and edits wait for it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nonconforming } from './support/conformance.ts';
import { callEach, gatewayPods, operatorPods, serviceUrl } from './support/gateways.ts';
import { apply, get, kubectl, patch, remove, secretValue, waitReady } from './support/kubectl.ts';
import { ensureLake, lakeSecretObject, publish } from './support/lake.ts';
import { dataset, endpoint, mintedKey, pathOf } from './support/resources.ts';
import { during } from './support/traffic.ts';
import { until } from './support/until.ts';

const targets = ['dataset.offloader.dev/absence', 'endpoint.offloader.dev/absence-daily', 'apikey.offloader.dev/absence-key'] as const;
const path = pathOf('absence-daily');
let token = '';

const identities = async (): Promise<readonly string[]> =>
  (await gatewayPods()).map(({ name, uid, restarts }) => `${name} ${uid} ${String(restarts)}`);
const revisions = async (): Promise<readonly (string | undefined)[]> =>
  (await Promise.all(targets.map(get))).map(({ status }) => JSON.stringify(status?.conditions));

beforeAll(async () => {
  await ensureLake();
  await publish('absence', 's1', [['acme', '2026-05-30', 4]]);
  await apply(lakeSecretObject, dataset('absence'), endpoint('absence-daily', 'absence'), mintedKey('absence-key', ['absence_daily']));
  for (const target of targets) await waitReady(target);
  token = await secretValue('absence-key-token', 'token');
});
afterAll(async () => {
  await kubectl('scale', 'deployment/offloader-operator', '--replicas=1');
  await remove(...targets);
});

describe('without its operator', () => {
  test('a cluster whose operator pod is deleted goes on serving: same pods, no request failed, statuses as they were', async () => {
    const [before, conditions, [operator]] = [await identities(), await revisions(), await operatorPods()];
    const urls = [await serviceUrl(), ...(await gatewayPods()).map(({ url }) => url)];
    const { failures, requests } = await during({ urls, path, token }, async () => {
      await kubectl('delete', 'pod', operator?.name ?? '', '--wait=true');
      await until(
        'another operator to be ready',
        operatorPods,
        (pods) => pods.length === 1 && pods.every(({ uid, ready }) => uid !== operator?.uid && ready),
      );
      await patch(targets[1], { spec: { version: 2 } });
      await waitReady(targets[1]);
    });
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
    expect(await identities()).toEqual(before);
    expect((await callEach(path, token)).map(({ version }) => version)).toEqual([2, 2]);
    // The Dataset and the key were not edited: nothing about them may have moved.
    expect([(await revisions())[0], (await revisions())[2]]).toEqual([conditions[0], conditions[2]]);
  });

  test('an edit waits until an operator is back', async () => {
    const before = await identities();
    await kubectl('scale', 'deployment/offloader-operator', '--replicas=0');
    await until('the operator to be gone', operatorPods, (pods) => pods.length === 0);
    await patch(targets[1], { spec: { version: 3 } });
    expect((await callEach(path, token)).map(({ version }) => version)).toEqual([2, 2]);
    await kubectl('scale', 'deployment/offloader-operator', '--replicas=1');
    await waitReady(targets[1]);
    expect((await callEach(path, token)).map(({ version }) => version)).toEqual([3, 3]);
    expect(await identities()).toEqual(before);
    expect(await nonconforming(...targets)).toEqual([]);
  });
});
