/** Whole-volume quarantine against a real API server; the StatefulSet's and the provisioner's part is played by the test. */
import { describe, expect, test } from '@jest/globals';
import { parseVolumeRecords } from '@offloader/contract';
import { clusterPermissions, permissions, volumePermissions } from '../src/index.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { CacheVolumes } from './support/cache-volumes.ts';
import { kubeConfigWith } from './support/rights.ts';
import { dataset } from './support/samples.ts';
import { type World, conditionOf, release, turnsOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const everything = { namespaced: [...permissions, ...volumePermissions], cluster: clusterPermissions };
const [pod0, pod1] = [`${release}-gateway-0`, `${release}-gateway-1`] as const;

there('a cache volume', () => {
  const api = server as ApiServer;
  let world: World;
  let volumes: CacheVolumes;

  inWorlds(api, 'volumes', async (opened) => {
    world = opened;
    volumes = new CacheVolumes(world);
    await world.apply('Dataset', 'visits', dataset());
  });

  const addReplica = async (): Promise<string> => {
    const { name } = await world.addGateway();
    return volumes.give(name);
  };
  const recordOf = async (pod: string) => {
    const found: any = await world.client
      .request({ method: 'GET', path: world.path('configmaps', `${release}-gateway-volumes`) })
      .catch(() => ({}));
    return parseVolumeRecords(found.data ?? {})[pod];
  };
  const reached = (pod: string, phase: string, what: RegExp = /./) =>
    until(`${pod} to be ${phase}`, async () => {
      const request = (await recordOf(pod))?.request;
      return request?.phase === phase && what.test(request.message);
    });
  const reasons = async () =>
    (await world.events())
      .map(({ reason }) => reason)
      .filter((reason) => reason.startsWith('Volume'))
      .toSorted();
  /** A record is written before its event. */
  const told = (...expected: readonly string[]) =>
    until(`the events ${expected.join(', ')}`, async () => (await reasons()).join() === expected.join());

  test('is replaced once for an annotation on its pod: the old volume kept and marked, claim and pod made anew', async () => {
    const old = await addReplica();
    await addReplica();
    const operator = await world.startOperator({}, await kubeConfigWith(world, everything));
    await world.settled('Dataset', 'visits', 'True');
    await volumes.annotate('pods', pod0, 'q1');
    const fresh = await volumes.succeed(0);
    await reached(pod0, 'replaced');
    const kept = await volumes.volume(old);
    expect(kept.spec.persistentVolumeReclaimPolicy).toBe('Retain');
    expect(kept.metadata.labels).toEqual({ 'offloader.dev/quarantined-from': pod0 });
    expect((await volumes.volume(fresh)).spec.persistentVolumeReclaimPolicy).toBe('Delete');
    expect(await recordOf(pod0)).toMatchObject({ handled: ['q1'], request: { cause: 'asked', volume: old } });
    await told('VolumeQuarantined', 'VolumeReplaced');
    // The same token again, now with another operator: nothing happens.
    await operator.stop();
    await volumes.annotate('pods', pod0, 'q1');
    const { uid } = (await volumes.pod(pod0)).metadata;
    const second = await world.startOperator();
    await until('turns', () => turnsOf(second, 'quarantine') > 1);
    expect([(await volumes.pod(pod0)).metadata.uid, (await volumes.claimOf(pod0)).metadata.deletionTimestamp]).toEqual([uid, undefined]);
  });

  test('is replaced for an annotation on its claim, one replica at a time, and by whichever operator leads', async () => {
    await addReplica();
    await addReplica();
    const first = await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    await volumes.annotate('persistentvolumeclaims', `cache-${pod0}`, 'q1');
    await reached(pod0, 'replacing');
    await volumes.annotate('persistentvolumeclaims', `cache-${pod1}`, 'q1');
    await reached(pod1, 'waiting', /one replica at a time/);
    // The leader goes in the middle of it.
    await first.stop();
    const second = await world.startOperator();
    await volumes.succeed(0);
    await reached(pod0, 'replaced');
    await volumes.succeed(1);
    await reached(pod1, 'replaced');
    // A record is written before it is counted.
    for (const line of ['volumes_replaced_total{cause="asked"} 2', 'volume_quarantines{phase="replacing"} 0'])
      await until(line, async () =>
        (await (await fetch(`http://127.0.0.1:${String(second.httpPort)}/metrics`)).text()).includes(`offloader_operator_${line}\n`),
      );
  });

  test('of another replica waits for one whose new pod never comes, until that one is taken out of the records', async () => {
    for (let n = 0; n < 3; n += 1) await addReplica();
    await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    await volumes.annotate('pods', pod0, 'q1');
    await until('the pod to be gone', async () => (await volumes.pod(pod0)) === undefined);
    await volumes.annotate('pods', pod1, 'q1');
    await reached(pod1, 'waiting', new RegExp(`${pod1} waits for ${pod0}: one replica at a time`));
    await world.client.request({
      method: 'PATCH',
      path: world.path('configmaps', `${release}-gateway-volumes`),
      contentType: 'application/json-patch+json',
      body: [{ op: 'remove', path: `/data/${pod0}` }],
    });
    await volumes.succeed(1);
    await reached(pod1, 'replaced');
  });

  test('of the last replica that serves stays, until another one serves', async () => {
    await addReplica();
    await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    await volumes.annotate('pods', pod0, 'q1');
    await reached(pod0, 'waiting', /only replica that serves/);
    expect((await volumes.claimOf(pod0)).metadata.deletionTimestamp).toBeUndefined();
    await addReplica();
    await volumes.succeed(0);
    await reached(pod0, 'replaced');
    await told('VolumeQuarantineWaiting', 'VolumeQuarantined', 'VolumeReplaced');
  });

  test('that a gateway reports as failed is replaced unasked, and not again within the interval', async () => {
    await addReplica();
    await addReplica();
    await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    const failed = { status: 'failed', reason: 'unwritable', since: '2026-06-01T00:00:00Z' } as const;
    const cacheHealthy = async () => conditionOf((await world.get('Dataset', 'visits')).status, 'CacheHealthy');
    expect((await cacheHealthy()).status).toBe('True');
    // Its pod goes when all have been told of it, and not before.
    await volumes.hold(pod1, ['test/held']);
    world.gateways[1]!.volume = failed;
    await until('the dataset to say so', async () => (await cacheHealthy()).reason === 'EnvironmentCacheVolumeUnwritable');
    await volumes.hold(pod1, []);
    await volumes.succeed(1);
    await reached(pod1, 'replaced');
    await until('the dataset to be well', async () => (await cacheHealthy()).status === 'True');
    world.gateways[1]!.volume = failed;
    await reached(pod1, 'waiting', /again/);
    expect((await volumes.claimOf(pod1)).metadata.deletionTimestamp).toBeUndefined();
  });

  test('stays when the operator may not keep the volume, and it says what to do', async () => {
    await addReplica();
    await addReplica();
    const config = await kubeConfigWith(world, { namespaced: permissions, cluster: [] });
    const operator = await world.startOperator({ volumeQuarantine: false }, config);
    await world.settled('Dataset', 'visits', 'True');
    await volumes.annotate('pods', pod0, 'q1');
    await reached(pod0, 'refused', /By hand.*kubectl patch pv/);
    await operator.stop();
    // The switch is on, but somebody left the ClusterRole out.
    await world.startOperator({}, config);
    await reached(pod0, 'refused', /ClusterRole/);
    expect((await volumes.claimOf(pod0)).metadata.deletionTimestamp).toBeUndefined();
    await told('VolumeQuarantineRefused', 'VolumeQuarantineRefused');
  });
});
