/** What has not changed costs nothing: a thousand objects, counted at the API server's door. */
import { describe, expect, test } from '@jest/globals';
import { annotations, objectNames } from '@offloader/contract';
import type { Kind } from '@offloader/contract';
import { ApiRelay } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { quickest, timed } from './support/quickest.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, conditionOf, release, turnsOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const patienceMs = 240_000;
/** Once every replica has acted on it; usual is one second. */
const echoedWithinMs = 5000;

type Item = readonly [kind: Kind, name: string, spec: object];
const hashOf = (n: number): string => n.toString(16).padStart(64, '0');
const bad = 'endpoint-150';
const thousand: readonly Item[] = [
  ...Array.from({ length: 100 }, (_, n): Item => ['Dataset', `dataset-${String(n)}`, dataset()]),
  ...Array.from({ length: 300 }, (_, n): Item => {
    const datasetRef = { name: `endpoint-${String(n)}` === bad ? 'nowhere' : `dataset-${String(n % 100)}` };
    return ['Endpoint', `endpoint-${String(n)}`, endpoint({ name: `e_${String(n)}`, datasetRef })];
  }),
  ...Array.from({ length: 600 }, (_, n): Item => [
    'ApiKey',
    `key-${String(n)}`,
    apiKey({ endpoints: [`e_${String(n % 300)}`], hash: hashOf(n) }),
  ]),
];

there('what has not changed', () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;

  inWorlds(
    api,
    'unchanged',
    async (opened) => {
      world = opened;
      relay = await new ApiRelay(api).start();
      await world.addGateway();
    },
    async () => {
      await world.close();
      await relay.stop();
    },
  );

  const patch = (path: string, body: object): Promise<unknown> =>
    world.client.request({ method: 'PATCH', path, query: { fieldManager: 'somebody' }, contentType: 'application/merge-patch+json', body });

  test('a thousand objects, looked at anew by another leader, applied again and labelled: not one write, no version moves', async () => {
    const first = await world.startOperator({}, relay.kubeConfig());
    const rest = thousand.values();
    const applyRest = async (): Promise<void> => {
      for (const [kind, name, spec] of rest) await world.apply(kind, name, spec);
    };
    await Promise.all(Array.from({ length: 16 }, applyRest));
    const states = async () => {
      const lists = (await Promise.all(
        (['Dataset', 'Endpoint', 'ApiKey'] as const).map((kind) => world.client.request({ method: 'GET', path: world.ownPath(kind) })),
      )) as any[];
      return lists.flatMap(({ items }) => items).map(({ metadata, status }: any) => [metadata.name, conditionOf(status, 'Ready')?.status]);
    };
    await until('all but one to be Ready', async () => (await states()).filter(([, ready]) => ready === 'True').length === 999, patienceMs);
    // One bad among a thousand stands alone, and the thousand were a few writes of the configuration.
    const status = await world.settled('Endpoint', bad, 'False', 'UnknownDataset');
    expect(conditionOf(status, 'Stalled').message).toContain('spec.datasetRef.name');
    expect(first.seen.filter((one) => one.kind === 'bundle_written').length).toBeLessThan(thousand.length / 10);
    await world.quiet(() => turnsOf(first, 'rollout'));
    await first.stop();

    const versions = await world.versions();
    const events = (await world.events()).length;
    relay.requests.length = 0;
    const second = await world.startOperator({}, relay.kubeConfig());
    await until('every status to have had its turn', () => turnsOf(second, 'status') >= 1000, patienceMs);
    expect(relay.writes).toEqual([]);
    expect(await world.versions()).toEqual(versions);

    // The same manifest again, a label, and a stranger's note on a part: turns, and no write.
    const [bundles, statuses] = [turnsOf(second, 'bundle'), turnsOf(second, 'status')];
    await world.apply('Dataset', 'dataset-0', dataset());
    await patch(world.ownPath('ApiKey', 'key-0'), { metadata: { labels: { team: 'web' } } });
    await patch(world.path('configmaps', objectNames(release).index), { metadata: { annotations: { note: 'seen' } } });
    await until('a turn of each', () => turnsOf(second, 'bundle') > bundles && turnsOf(second, 'status') > statuses);
    expect(relay.writes).toEqual([]);
    expect(await world.events()).toHaveLength(events);
  }, 900_000);

  test('a suspended dataset is told nothing to switch to, says so, and can be deleted', async () => {
    const operator = await world.startOperator();
    await world.apply('Dataset', 'visits', dataset({ suspend: true }));
    await world.settled('Dataset', 'visits', 'True', 'Suspended');
    const gateway = world.gateways[0]!;
    gateway.rows.set('visits', { staged: 's2' });
    const polls = turnsOf(operator, 'rollout');
    await until('the report to be heard', () => turnsOf(operator, 'rollout') > polls + 2);
    expect(gateway.loaded!.bundle.datasets[0]).toMatchObject({ suspend: true, snapshot: { release: null } });
    await world.apply('Dataset', 'visits', dataset());
    await until('the release', () => gateway.loaded!.bundle.datasets[0]?.snapshot.release === 's2');
    await world.apply('Dataset', 'visits', dataset({ suspend: true }));
    await world.settled('Dataset', 'visits', 'True', 'Suspended');
    await world.remove(world.ownPath('Dataset', 'visits'));
    await until('it to be gone', () => gateway.loaded!.bundle.datasets.length === 0);
  });

  test('a forced refresh is handed on once, echoed within 5 s, and not again by the next leader or the same manifest', async () => {
    const first = await world.startOperator({}, relay.kubeConfig());
    await world.apply('Dataset', 'visits', dataset());
    await world.settled('Dataset', 'visits', 'True');
    let token = '';
    const tookMs = await quickest(echoedWithinMs, async (n) => {
      token = `r${String(n)}`;
      await world.apply('Dataset', 'visits', dataset(), { [annotations.refreshRequestedAt]: token });
      return timed(() => until('the echo', async () => (await world.get('Dataset', 'visits')).status?.handledRefresh === token));
    });
    expect(tookMs).toBeLessThan(echoedWithinMs);
    await world.settled('Dataset', 'visits', 'True');
    await world.quiet(() => turnsOf(first, 'rollout'));
    await first.stop();
    const versions = await world.versions();
    relay.requests.length = 0;
    const second = await world.startOperator({}, relay.kubeConfig());
    await world.apply('Dataset', 'visits', dataset(), { [annotations.refreshRequestedAt]: token });
    await until('a turn', () => turnsOf(second, 'status') > 0 && turnsOf(second, 'rollout') > 1);
    expect([relay.writes, await world.versions()]).toEqual([[], versions]);
  });
});
