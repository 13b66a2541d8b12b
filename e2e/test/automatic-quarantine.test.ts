/**
 * A cache volume that really fails, from the gateway that finds out to the operator that replaces it: gateways as processes, read
 * at their pods' addresses, a real API server in between. The StatefulSet's and the provisioner's part is played by the test.
 */
import { describe, expect, test } from '@jest/globals';
import { GatewayPod } from './support/gateway-pod.ts';
import { addresses, createLake, dataset, endpoint, startApiServer, until, visits } from './support/parts.ts';
import type { ApiServer, Lake, Operator, World } from './support/parts.ts';
import { CacheVolumes, conditionOf, inWorlds, requiring } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server || addresses.length < 2 ? describe.skip : describe;
const { test: testOnMounts } = requiring('mounts');
const path = '/v1/endpoints/daily';

there('a gateway that reports that its cache volume has failed', () => {
  let world: World;
  let lake: Lake;
  let volumes: CacheVolumes;

  inWorlds(
    server as ApiServer,
    'failing',
    async (opened) => {
      world = opened;
      volumes = new CacheVolumes(world);
      lake = await createLake();
      await lake.publish('s1', visits(1));
      const source = { manifest: { url: lake.url }, interval: '1s' };
      await world.apply('Dataset', 'visits', dataset({ source, tenantColumn: undefined }));
      await world.apply('Endpoint', 'daily', endpoint({ tenant: undefined }));
    },
    async (opened) => {
      await opened.close();
      await lake.remove();
    },
  );

  const addPod = async (volume: 'folder' | 'mount' = 'folder'): Promise<GatewayPod> => {
    const pod = await GatewayPod.add(world, { volume });
    await volumes.give(pod.name);
    return pod;
  };
  const start = async (overrides: object = {}): Promise<Operator> => {
    const operator = await world.startOperator({ auth: 'none', ...overrides });
    await world.settled('Dataset', 'visits', 'True');
    await world.settled('Endpoint', 'daily', 'True');
    return operator;
  };
  const recordOf = async ({ name }: GatewayPod): Promise<any> => {
    const stored = await world.client
      .request({ method: 'GET', path: world.path('configmaps', 'offloader-gateway-volumes') })
      .catch(() => ({}));
    return JSON.parse(stored.data?.[name] ?? '{}');
  };
  const reached = async (pod: GatewayPod, phase: string, message: string): Promise<void> =>
    until(`${pod.name} to be ${phase}: ${message}`, async () => {
      const { request } = await recordOf(pod);
      return request?.phase === phase && request.message.includes(message);
    });
  /** The dataset tells of it in a turn of its own. */
  const cacheHealthy = async (status: string, reason: string): Promise<void> =>
    until(`the dataset to say ${status} ${reason}`, async () => {
      const found = conditionOf((await world.get('Dataset', 'visits')).status, 'CacheHealthy');
      return found?.status === status && found.reason === reason;
    });
  /** A record is written before its event. A replica that is slow to say that it serves makes others wait: that is told as well, and passes. */
  const told = async ({ name }: GatewayPod, ...expected: readonly string[]): Promise<void> => {
    let reasons: readonly string[] = [];
    await until(`the events ${expected.join(' ')}`, async () => {
      const events = (await world.events()).filter(({ involvedObject }) => involvedObject.name === name);
      reasons = events.filter(({ message }) => !message.includes('is the only replica that serves')).map(({ reason }) => reason);
      return reasons.length >= expected.length;
    });
    expect(reasons.toSorted()).toEqual(expected.toSorted());
  };
  /** A record is written before it is counted. */
  const counted = async ({ httpPort }: Operator, line: string): Promise<void> =>
    until(`the metric ${line}`, async () => {
      const page = await (await fetch(`http://127.0.0.1:${String(httpPort)}/metrics`)).text();
      return page.split('\n').includes(line);
    });
  /** Its claim and its pod, as long as nobody replaces them. */
  const identityOf = async ({ name }: GatewayPod): Promise<readonly unknown[]> => {
    const [claim, pod] = [await volumes.claimOf(name), await volumes.pod(name)];
    return [claim.metadata.uid, claim.metadata.deletionTimestamp, pod.metadata.uid, pod.metadata.deletionTimestamp];
  };

  test('keeps it with the switch off; with the switch on it gets another one by itself, once within the interval, and the old one is kept', async () => {
    const [steady, failing] = [await addPod(), await addPod()];
    const off = await start({ volumeQuarantineAutomatic: false });
    const old = (await volumes.claimOf(failing.name)).spec.volumeName;
    const [first, others] = [await identityOf(failing), await identityOf(steady)];
    expect(await failing.metrics()).toContain('offloader_cache_volume_ok 1\n');
    await cacheHealthy('True', 'Healthy');

    await failing.loopVolume();
    await reached(failing, 'refused', `replace it with: kubectl offloader quarantine-volume ${failing.name}`);
    expect((await failing.diagnostics()).cache_volume).toMatchObject({ status: 'failed', reason: 'unreadable' });
    expect(await failing.metrics()).toContain('offloader_cache_volume_ok 0\n');
    await cacheHealthy('False', 'EnvironmentCacheVolumeUnreadable');
    await counted(off, 'offloader_operator_volume_quarantines{phase="refused"} 1');
    expect(await identityOf(failing)).toEqual(first);
    expect(await failing.ask(path)).toBe(200);
    await off.stop();

    const on = await start();
    await volumes.succeed(1);
    await reached(failing, 'replaced', `${failing.name} serves from a new volume; the old data is in PersistentVolume ${old}`);
    const kept = await volumes.volume(old);
    expect(kept.spec.persistentVolumeReclaimPolicy).toBe('Retain');
    expect(kept.metadata.labels).toEqual({ 'offloader.dev/quarantined-from': failing.name });
    await counted(on, 'offloader_operator_volumes_replaced_total{cause="failed"} 1');
    await cacheHealthy('True', 'Healthy');
    expect(await failing.ask(path)).toBe(200);

    // The new one fails as well: that is the node's trouble.
    const second = await identityOf(failing);
    await failing.loopVolume();
    await reached(failing, 'waiting', 'again; it was replaced at');
    await told(failing, 'VolumeQuarantineRefused', 'VolumeQuarantined', 'VolumeReplaced', 'VolumeQuarantineWaiting');
    expect(await identityOf(failing)).toEqual(second);
    await on.stop();
    await start({ volumeQuarantineIntervalMs: 1 });
    await volumes.succeed(1);
    await reached(failing, 'replaced', failing.name);
    expect(await identityOf(steady)).toEqual(others);
  });

  testOnMounts('keeps it while no other replica serves; of two that fail at once one is replaced after the other', async () => {
    const alone = await addPod('mount');
    const operator = await start();
    const before = await identityOf(alone);
    await alone.lockVolume();
    await reached(alone, 'waiting', 'is the only replica that serves');
    expect((await alone.diagnostics()).cache_volume).toMatchObject({ status: 'failed', reason: 'unwritable' });
    expect(await identityOf(alone)).toEqual(before);
    await until('the event', async () => (await world.events()).some(({ reason }) => reason === 'VolumeQuarantineWaiting'));

    const other = await addPod('mount');
    await reached(alone, 'replacing', `${alone.name} are replaced, since the gateway reports that its volume is unwritable`);
    const whole = await identityOf(other);
    await other.lockVolume();
    await reached(other, 'waiting', `${other.name} waits for ${alone.name}: one replica at a time`);
    expect(await identityOf(other)).toEqual(whole);
    await volumes.succeed(0);
    await reached(alone, 'replaced', alone.name);
    await volumes.succeed(1);
    await reached(other, 'replaced', other.name);
    await counted(operator, 'offloader_operator_volumes_replaced_total{cause="failed"} 2');
    for (const pod of [alone, other]) expect(await pod.ask(path)).toBe(200);
  });
});
