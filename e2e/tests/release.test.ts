/** What helm does with the release under a running load: new gateway pods and back, a larger cache, gone and installed again. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { call, callEach, gatewayPods, operatorPods, reportOf, serviceUrl, volumeOf } from './support/gateways.ts';
import { apply, get, helm, kubectl, kubectlOffloader, remove, secretValue, waitReady } from './support/kubectl.ts';
import { ensureLake, lakeSecretObject, publish } from './support/lake.ts';
import { dataset, endpoint, mintedKey, pathOf } from './support/resources.ts';
import { during } from './support/traffic.ts';
import { until } from './support/until.ts';

const targets = ['dataset.offloader.dev/released', 'endpoint.offloader.dev/released-daily', 'apikey.offloader.dev/released-key'] as const;
const path = pathOf('released-daily');
const statefulSet = 'statefulset/offloader-gateway';
let token = '';
let folder = '';

const uids = async (): Promise<readonly string[]> => (await gatewayPods()).map(({ uid }) => uid);
/** When each replica loaded what it serves: a replica that started from its volume has not loaded it again. */
const loadedAt = async (): Promise<readonly (string | null | undefined)[]> =>
  Promise.all(
    (await gatewayPods()).map(
      async (pod) => (await reportOf(pod))?.datasets.find((row) => row.dataset === 'released')?.active_snapshot?.loaded_at,
    ),
  );
const rolledOut = async (): Promise<void> => {
  for (const workload of [statefulSet, 'deployment/offloader-operator']) await kubectl('rollout', 'status', workload, '--timeout=240s');
};
const upgrade = async (...values: readonly string[]): Promise<void> => {
  await helm('upgrade', 'offloader', 'helm/offloader', '--reuse-values', ...values.flatMap((value) => ['--set', value]));
};
/** The work, with a consumer at the Service: none of its requests may fail. */
const unnoticed = async (work: () => Promise<void>): Promise<void> => {
  const { failures, requests } = await during({ urls: [await serviceUrl()], path, token }, work);
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(100);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-release-'));
  await ensureLake();
  await publish('released', 's1', [['acme', '2026-05-30', 4]]);
  await apply(lakeSecretObject, dataset('released'), endpoint('released-daily', 'released'), mintedKey('released-key', ['released_daily']));
  for (const target of targets) await waitReady(target);
  token = await secretValue('released-key-token', 'token');
});
afterAll(async () => {
  await remove(...targets);
  await rm(folder, { recursive: true });
});

describe('helm upgrade and helm rollback', () => {
  test('give every replica a new pod, one after another, that starts from its volume; no request fails', async () => {
    const [before, loaded] = [await uids(), await loadedAt()];
    await unnoticed(async () => {
      await upgrade('gateway.env.OFFLOADER_LOG_LEVEL=debug');
      await rolledOut();
    });
    const upgraded = await uids();
    expect(upgraded.filter((uid) => before.includes(uid))).toEqual([]);
    await unnoticed(async () => {
      await helm('rollback', 'offloader');
      await rolledOut();
    });
    expect((await uids()).filter((uid) => [...before, ...upgraded].includes(uid))).toEqual([]);
    expect(await loadedAt()).toEqual(loaded);
    for (const target of targets) await waitReady(target);
  });
});

describe('a larger cache', () => {
  test('is what new volumes get, and the pods that run stay; quarantine-volume then gives a replica one where claims do not grow', async () => {
    const [pod] = await gatewayPods();
    const before = await uids();
    const old = await volumeOf(pod?.name ?? '');
    // By an upgrade alone it is not, and whoever tries is told how.
    await expect(upgrade('gateway.cache.size=2Gi')).rejects.toThrow('docs/kubernetes.md, "A larger cache"');
    await unnoticed(async () => {
      await kubectl('delete', statefulSet, '--cascade=orphan');
      await upgrade('gateway.cache.size=2Gi');
      await rolledOut();
      expect(await uids()).toEqual(before);
      await kubectlOffloader('quarantine-volume', pod?.name ?? '');
    });
    const volume = await volumeOf(pod?.name ?? '');
    expect(volume).not.toBe(old);
    expect((await get(`pv/${volume}`)).spec).toMatchObject({ capacity: { storage: '2Gi' } });
    expect((await uids()).slice(1)).toEqual(before.slice(1));
    await kubectl('delete', statefulSet, '--cascade=orphan');
    await helm('rollback', 'offloader');
    await rolledOut();
  });
});

describe('helm uninstall', () => {
  test('leaves resources, tokens and volumes; installed again, each replica serves what it had, and the tokens are as they were', async () => {
    const values = join(folder, 'values.yaml');
    await writeFile(values, await helm('get', 'values', 'offloader', '--output', 'yaml'));
    const [loaded, claims] = [await loadedAt(), await Promise.all((await gatewayPods()).map(async ({ name }) => volumeOf(name)))];
    await helm('uninstall', 'offloader', '--wait');
    await until(
      'all pods to be gone',
      async () => [...(await gatewayPods()), ...(await operatorPods())],
      (pods) => pods.length === 0,
    );
    for (const target of targets) expect((await get(target)).metadata.name).toMatch(/^released/);
    const left = await kubectl('get', 'pvc', '-l', 'app.kubernetes.io/instance=offloader', '-o', 'jsonpath={.items[*].spec.volumeName}');
    expect(left.split(' ').toSorted()).toEqual(claims.toSorted());
    await helm('install', 'offloader', 'helm/offloader', '--values', values);
    await rolledOut();
    for (const target of targets) await waitReady(target);
    expect(await secretValue('released-key-token', 'token')).toBe(token);
    expect((await callEach(path, token)).map(({ status, snapshot }) => [status, snapshot])).toEqual([
      [200, 's1'],
      [200, 's1'],
    ]);
    expect(await Promise.all((await gatewayPods()).map(async ({ name }) => volumeOf(name)))).toEqual(claims);
    expect(await loadedAt()).toEqual(loaded);
    expect((await call(await serviceUrl(), path, 'not-the-token')).status).toBe(401);
  });
});
