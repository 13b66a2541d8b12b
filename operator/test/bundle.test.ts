import { describe, expect, test } from '@jest/globals';
import { mounted, objectNames } from '@offloader/contract';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { readIfThere } from './support/kube-api.ts';
import { quickest, timed } from './support/quickest.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, conditionOf, release, replicas, turnsOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const names = objectNames(release);

/** Promised in seconds; usual are tenths of one. */
const namedWithinMs = 15_000;
const undoneWithinMs = 10_000;

there('the bundle in the cluster', () => {
  const api = server as ApiServer;
  let world: World;

  inWorlds(api, 'bundle', async (opened) => {
    world = opened;
    for (let n = 0; n < replicas; n += 1) await world.addGateway();
  });

  const applyAll = async (): Promise<void> => {
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.apply('ApiKey', 'acme', apiKey());
  };
  const settleAll = async (): Promise<void> => {
    await world.settled('Dataset', 'visits', 'True');
    await world.settled('Endpoint', 'daily', 'True');
    await world.settled('ApiKey', 'acme', 'True');
  };

  test('the three kinds become parts that every gateway decodes, and are Ready when all of them have', async () => {
    await world.startOperator();
    await applyAll();
    await settleAll();
    const loaded = world.gateways[0]!.loaded as any;
    expect(loaded.bundle.endpoints.map((one: any) => one.name)).toEqual(['daily']);
    expect(loaded.bundle.keys.map((one: any) => one.id)).toEqual(['acme']);
    const status = await world.settled('Dataset', 'visits', 'True');
    expect(status).toMatchObject({
      gateways: { ready: replicas, total: replicas, behind: [] },
      activeSnapshot: { id: 's1', watermark: '2026-05-30T00:00:00Z', rows: 7 },
    });
    expect(status.conditions.map((one: any) => `${one.type}=${one.status}`)).toEqual([
      'Ready=True',
      'SourceReachable=True',
      'ManifestValid=True',
      'Fresh=True',
      'CacheHealthy=True',
    ]);
    expect((await world.get('Endpoint', 'daily')).status.path).toBe('/v1/endpoints/daily');
    expect([...world.gateways[0]!.userAgents]).toEqual([expect.stringMatching(/^offloader-operator\//)]);
  });

  test('a gateway that has not taken it over is named, and Ready waits for it', async () => {
    await world.startOperator();
    await applyAll();
    await settleAll();
    const last = world.gateways.at(-1)!;
    last.frozen = true;
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await until('the others to have it', async () => (await world.get('ApiKey', 'acme')).status.gateways.ready === replicas - 1);
    const status = await world.settled('ApiKey', 'acme', 'False', 'RollingOut');
    expect(status.gateways).toMatchObject({ total: replicas, behind: [last.name] });
    expect(conditionOf(status, 'Reconciling')?.status).toBe('True');
    last.frozen = false;
    const revoked = await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    expect(revoked).toMatchObject({ state: 'Revoked', gateways: { ready: replicas } });
    expect(conditionOf(revoked, 'Reconciling')).toBeUndefined();
    expect(last.loaded?.bundle.keys[0]?.state).toBe('Revoked');
  });

  test('a gateway that cannot be reached is named within 15 s', async () => {
    await world.startOperator();
    await applyAll();
    await settleAll();
    const last = world.gateways.at(-1)!;
    const named = async (): Promise<void> => {
      const status = await world.settled('Endpoint', 'daily', 'False', 'GatewayUnreachable');
      expect(status.gateways.behind).toEqual([last.name]);
    };
    const tookMs = await quickest(namedWithinMs, async () => {
      last.unreachable = true;
      const ms = await timed(named);
      last.unreachable = false;
      await world.settled('Endpoint', 'daily', 'True');
      return ms;
    });
    expect(tookMs).toBeLessThan(namedWithinMs);
  });

  test('a bad object is stalled alone with the field that is wrong; its last good version serves and others converge', async () => {
    await world.startOperator();
    await applyAll();
    await settleAll();
    await world.apply('Endpoint', 'daily', endpoint({ datasetRef: { name: 'nowhere' }, version: 2 }));
    await world.apply('Endpoint', 'other', endpoint({ name: 'other' }));
    const status = await world.settled('Endpoint', 'daily', 'False', 'UnknownDataset');
    expect(conditionOf(status, 'Stalled')).toMatchObject({ status: 'True', message: expect.stringContaining('spec.datasetRef') });
    await world.settled('Endpoint', 'other', 'True');
    const served = world.gateways[0]!.loaded!.bundle.endpoints;
    expect(served.map((one) => [one.name, one.version])).toEqual([
      ['daily', 1],
      ['other', 1],
    ]);
    const told = async () => (await world.events()).filter((event) => event.reason === 'UnknownDataset').length;
    await until('the event', async () => (await told()) > 0);
    await world.quiet(() => turnsOf(world.operators[0]!, 'rollout'));
    expect(await told()).toBe(1);
  });

  test('a resync, a status write by nobody, and a restart of the operator write nothing', async () => {
    const first = await world.startOperator();
    await applyAll();
    await settleAll();
    await world.quiet(() => turnsOf(first, 'rollout'));
    const before = await world.versions();
    await first.stop();
    const second = await world.startOperator();
    await until('the restart to have looked at everything', () => turnsOf(second, 'bundle') > 0);
    await until('the pods to be asked again', () => turnsOf(second, 'rollout') > 3);
    expect(second.seen.find((one) => one.kind === 'restored')).toBeDefined();
    expect(await world.versions()).toEqual(before);
    expect(second.seen.filter((one) => ['bundle_written', 'status_written', 'nudged'].includes(one.kind))).toEqual([]);
  });

  test('what somebody changes or deletes in the parts is undone within 10 s, under the same sequence; an event names who did it', async () => {
    await world.startOperator();
    await applyAll();
    await settleAll();
    const index = async (): Promise<any> =>
      JSON.parse(((await world.client.request({ method: 'GET', path: world.path('configmaps', names.index) })) as any).data[mounted.index]);
    const before = await index();
    const body = { data: { [mounted.index]: '{"broken":true}' } };
    const changeMs = await quickest(undoneWithinMs, async () => {
      await world.client.request({
        method: 'PATCH',
        path: world.path('configmaps', names.index),
        query: { fieldManager: 'somebody-else' },
        contentType: 'application/merge-patch+json',
        body,
      });
      return timed(() => until('the index to be restored', async () => (await index()).revision === before.revision));
    });
    expect(changeMs).toBeLessThan(undoneWithinMs);
    expect(await index()).toEqual(before);
    const keys = world.path('secrets', names.keys);
    const deletionMs = await quickest(undoneWithinMs, async () => {
      await world.remove(keys);
      return timed(() => until('the keys to be back', async () => (await readIfThere(world.client, keys)) !== undefined));
    });
    expect(deletionMs).toBeLessThan(undoneWithinMs);
    const told = async (name: string, start: string): Promise<boolean> =>
      (await world.events()).some(
        (event) => event.reason === 'DriftCorrected' && event.involvedObject.name === name && event.message.startsWith(start),
      );
    await until('the event of the change', async () => told(names.index, 'Changed by somebody-else and restored'));
    await until('the event of the deletion', async () => told(names.keys, 'Deleted and restored'));
  });
});
