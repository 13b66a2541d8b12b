/** What helm does with the release under a running load: new gateway pods and back, a larger cache, gone and installed again. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addressOf, call, callEach, gatewayPods, operatorPods, reportOf, serviceUrl, volumeOf } from './support/gateways.ts';
import { get, helm, kubectl, kubectlOffloader, secretValue } from './support/kubectl.ts';
import {} from './support/resources.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { until } from './support/until.ts';

const three = trio('released');
const { targets, path } = three;
const statefulSet = 'statefulset/offloader-gateway';
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
  const { failures, requests } = await during({ urls: [await serviceUrl()], path, token: three.token }, work);
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(100);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-release-'));
  await three.serve();
});
afterAll(async () => {
  await three.remove();
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
    await three.ready();
  });
});

describe('helm test', () => {
  const asked = async (): Promise<string> => helm('test', 'offloader', '--logs');

  test('asks whether gateways answer, and makes a real query where an endpoint is named; what is wrong is in its log', async () => {
    expect(await asked()).toContain('gateways answer; name an endpoint');
    await upgrade('test.endpoint=released_daily?from=2026-05-30', 'test.tokenSecret=released-key-token');
    expect(await asked()).toContain('1 rows of snapshot s1');
    await upgrade('test.endpoint=released_hourly');
    await expect(asked()).rejects.toThrow('failed');
    expect(await kubectl('logs', 'offloader-test')).toContain('HTTP 404 not_found');
    await upgrade('test.endpoint=', 'test.tokenSecret=');
  });
});

describe('another admin token', () => {
  test('by an upgrade: every replica and the operator have it, the old one is refused, and no request fails', async () => {
    const [old, next] = [await secretValue('offloader-gateway-secrets', 'adminToken'), 'another-admin-token'];
    const refused = async (token: string): Promise<readonly number[]> =>
      Promise.all(
        (await gatewayPods()).map(async (pod) => {
          const response = await fetch(`http://${addressOf(pod)}:4001/diagnostics`, { headers: { authorization: `Bearer ${token}` } });
          return response.status;
        }),
      );
    await unnoticed(async () => {
      await upgrade(`gateway.adminToken=${next}`);
      await rolledOut();
    });
    expect([await refused(old), await refused(next)]).toEqual([
      [401, 401],
      [200, 200],
    ]);
    await three.ready();
    await until(
      'the operator to hear every replica',
      async () => get(targets[0]),
      ({ status }) => status?.gateways?.ready === 2 && (status.gateways.behind ?? []).length === 0,
    );
    await unnoticed(async () => {
      await helm('rollback', 'offloader');
      await rolledOut();
    });
    expect(await refused(next)).toEqual([401, 401]);
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
    // One that a replica has left which was scaled away may be there too.
    expect(left.split(' ')).toEqual(expect.arrayContaining([...claims]));
    await helm('install', 'offloader', 'helm/offloader', '--values', values);
    await rolledOut();
    await three.ready();
    expect(await secretValue('released-key-token', 'token')).toBe(three.token);
    expect((await callEach(path, three.token)).map(({ status, snapshot }) => [status, snapshot])).toEqual([
      [200, 's1'],
      [200, 's1'],
    ]);
    expect(await Promise.all((await gatewayPods()).map(async ({ name }) => volumeOf(name)))).toEqual(claims);
    expect(await loadedAt()).toEqual(loaded);
    expect((await call(await serviceUrl(), path, 'not-the-token')).status).toBe(401);
  });
});
