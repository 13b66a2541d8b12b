/** A new cache volume for one replica, the old one kept: asked for with kubectl, under load, whatever happens to the operator meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gatewayPods, operatorPods, scaleGateways, serviceUrl, volumeOf } from './support/gateways.ts';
import { get, kubectl, kubectlOffloader } from './support/kubectl.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { pause, until } from './support/until.ts';

const three = trio('kept');
const { path } = three;
const replicas = ['offloader-gateway-0', 'offloader-gateway-1'] as const;

const annotate = async (target: string, value: string): Promise<string> =>
  kubectl('annotate', target, `offloader.dev/quarantine-volume${value}`, '--overwrite');
const requestOf = async (pod: string): Promise<{ readonly phase?: string; readonly message?: string } | null> => {
  const data = await kubectl('get', 'configmap/offloader-gateway-volumes', '--ignore-not-found', '-o', `jsonpath={.data['${pod}']}`);
  return data === '' ? null : (JSON.parse(data) as { request: { phase: string; message: string } | null }).request;
};
const reached = async (pod: string, phase: string): Promise<void> => {
  await until(
    `the volume of ${pod} to be ${phase}`,
    async () => requestOf(pod),
    (request) => request?.phase === phase,
    { withinMs: 240_000, everyMs: 300 },
  );
};
/** A record is written before its event. */
const told = async (pod: string, reason: string): Promise<void> => {
  await until(
    `the event ${reason} of ${pod}`,
    async () => reasonsFor(pod),
    (reasons) => reasons.includes(reason),
  );
};
const reasonsFor = async (pod: string): Promise<readonly string[]> =>
  (await kubectl('get', 'events', '--field-selector', `involvedObject.name=${pod}`, '-o', 'jsonpath={.items[*].reason}'))
    .split(' ')
    .filter((reason) => reason.startsWith('Volume'));

beforeAll(async () => {
  await three.serve();
});
afterAll(async () => {
  await three.remove();
});

/** The fewest replicas that were ready at any one moment of the work. */
const fewestReady = async (work: () => Promise<void>): Promise<number> => {
  let [isOver, fewest] = [false, replicas.length as number];
  const look = async (): Promise<void> => {
    while (!isOver) {
      const ready = (await gatewayPods()).filter((pod) => pod.ready && !pod.ending).length;
      fewest = Math.min(fewest, ready);
      await pause(100);
    }
  };
  const looking = look();
  await work().finally(() => (isOver = true));
  await looking;
  return fewest;
};

describe("Quarantine of a whole volume: the pod's PersistentVolumeClaim is replaced, the old PersistentVolume retained and labelled; one replica at a time, never the last one that serves.", () => {
  test('kubectl offloader quarantine-volume says which volume holds the old data when the replica serves from a new one, and no request failed', async () => {
    const [pod] = replicas;
    const old = await volumeOf(pod);
    const { failures, requests } = await during({ urls: [await serviceUrl()], path, token: three.token }, async () => {
      const said = await kubectlOffloader('quarantine-volume', pod);
      expect(said.split('\n').at(-1)).toBe(`${pod} serves from a new volume; the old data is in PersistentVolume ${old}.`);
    });
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
    const kept = await get(`pv/${old}`);
    expect(kept.spec['persistentVolumeReclaimPolicy']).toBe('Retain');
    expect(kept.metadata.labels).toMatchObject({ 'offloader.dev/quarantined-from': pod });
    // Another controller's word.
    await until(
      'it to be released',
      async () => (await get(`pv/${old}`)).status?.['phase'],
      (phase) => phase === 'Released',
    );
    expect(await volumeOf(pod)).not.toBe(old);
    for (const reason of ['VolumeQuarantined', 'VolumeReplaced']) await told(pod, reason);
    await three.ready();
  });

  test('asked of all replicas at once, by annotations on pod and claim, each is replaced once, one after another, though the operator dies in between', async () => {
    const before = await Promise.all(replicas.map(volumeOf));
    const uids = (await gatewayPods()).map(({ uid }) => uid);
    const { failures } = await during({ urls: [await serviceUrl()], path, token: three.token }, async () => {
      const fewest = await fewestReady(async () => {
        await annotate(`pod/${replicas[0]}`, '=both');
        await annotate(`pvc/cache-${replicas[1]}`, '=both');
        await reached(replicas[0], 'replacing');
        const [operator] = await operatorPods();
        await kubectl('delete', 'pod', operator?.name ?? '', '--force', '--grace-period=0');
        for (const pod of replicas) await reached(pod, 'replaced');
      });
      expect(fewest).toBe(1);
    });
    expect(failures).toEqual([]);
    const after = await Promise.all(replicas.map(volumeOf));
    expect(after.filter((volume) => before.includes(volume))).toEqual([]);
    // The token again: it was acted on, and neither another operator nor another pod makes it new.
    const now = (await gatewayPods()).map(({ uid }) => uid);
    expect(now.filter((uid) => uids.includes(uid))).toEqual([]);
    await annotate(`pod/${replicas[0]}`, '=both');
    await annotate(`pod/${replicas[1]}`, '=wait-for-this');
    await reached(replicas[1], 'replaced');
    expect((await gatewayPods())[0]?.uid).toBe(now[0]);
  });

  test('the last replica that serves keeps its volume, and is told why', async () => {
    await scaleGateways(1);
    const [pod] = replicas;
    const [old, [before]] = [await volumeOf(pod), await gatewayPods()];
    await annotate(`pod/${pod}`, '=alone');
    await reached(pod, 'waiting');
    expect((await requestOf(pod))?.message).toContain('only replica that serves');
    await told(pod, 'VolumeQuarantineWaiting');
    expect([await volumeOf(pod), (await gatewayPods())[0]?.uid]).toEqual([old, before?.uid]);
    await annotate(`pod/${pod}`, '-');
    await scaleGateways(2);
    expect(await volumeOf(pod)).toBe(old);
  });
});
