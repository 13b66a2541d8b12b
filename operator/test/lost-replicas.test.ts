/** Replicas that are not there, or on their way out: Ready never says that all of them have it while one may serve without. */
import { describe, expect, test } from '@jest/globals';
import { labels, objectNames } from '@offloader/contract';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, conditionOf, release, replicas, turnsOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server || replicas < 2 ? describe.skip : describe;
const objects = [
  ['Dataset', 'visits'],
  ['Endpoint', 'daily'],
  ['ApiKey', 'acme'],
] as const;
const { gateway: setName } = objectNames(release);

there('a replica', () => {
  const api = server as ApiServer;
  let world: World;

  inWorlds(api, 'lost', async (opened) => {
    world = opened;
    await world.addGateway();
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.apply('ApiKey', 'acme', apiKey());
  });

  const sets = () => `/apis/apps/v1/namespaces/${world.namespace}/statefulsets`;
  /** Nothing here makes pods of it. */
  const makeSet = (count: number) => {
    const selector = { [labels.instance]: release, [labels.component]: 'gateway' };
    const template = { metadata: { labels: selector }, spec: { containers: [{ name: 'gateway', image: 'none' }] } };
    const body = {
      metadata: { name: setName },
      spec: { replicas: count, serviceName: 'x', selector: { matchLabels: selector }, template },
    };
    return world.client.request({ method: 'POST', path: sets(), body });
  };
  const scale = (count: number) =>
    world.client.request({
      method: 'PATCH',
      path: `${sets()}/${setName}`,
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: count } },
    });
  const hold = (name: string, finalizers: readonly string[]) =>
    world.client.request({
      method: 'PATCH',
      path: world.path('pods', name),
      contentType: 'application/merge-patch+json',
      body: { metadata: { finalizers } },
    });

  /** One replica has the key as it is now, and status says this of the other. */
  const onOne = (told: string) =>
    until(`one to have it, and the other to be told of: ${told}`, async () => {
      const { metadata, status } = await world.get('ApiKey', 'acme');
      const isOfNow = status?.observedGeneration === metadata.generation && status.gateways?.ready === 1;
      return isOfNow && conditionOf(status, 'Ready').message.includes(told);
    });

  test('that is never made keeps Ready waiting and is named by its number, until it is no longer wanted', async () => {
    await makeSet(2);
    await world.startOperator();
    await onOne(`${setName}-1 is not there`);
    const missing = await world.settled('ApiKey', 'acme', 'False', 'GatewayUnreachable');
    expect(missing.gateways).toMatchObject({ summary: '1/2', behind: [`${setName}-1`] });
    expect(conditionOf(missing, 'Ready').message).toContain(`${setName}-1 is not there`);
    await scale(1);
    expect((await world.settled('ApiKey', 'acme', 'True')).gateways.summary).toBe('1/1');
  });

  test('on a lost node counts while its pod is ending: a revocation waits for it, and names it, until it is gone', async () => {
    const lost = await world.addGateway();
    await world.startOperator();
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    // The kubelet that would end it is lost with the node.
    await hold(lost.name, ['test/held']);
    [lost.frozen, lost.unreachable] = [true, true];
    await world.remove(world.path('pods', lost.name));
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await onOne(`${lost.name} is ending and gives no report`);
    const status = await world.settled('ApiKey', 'acme', 'False', 'GatewayUnreachable');
    expect(lost.loaded!.bundle.keys[0]!.state).toBe('Active');
    expect(status.gateways).toMatchObject({ summary: '1/2', behind: [lost.name] });
    expect(conditionOf(status, 'Ready').message).toContain(`${lost.name} is ending and gives no report`);
    await hold(lost.name, []);
    expect((await world.settled('ApiKey', 'acme', 'True', 'Revoked')).gateways.summary).toBe('1/1');
  });

  test('that ends in good order and answers until then changes no status', async () => {
    const ending = await world.addGateway();
    const operator = await world.startOperator();
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    await hold(ending.name, ['test/held']);
    const written = () => operator.seen.filter(({ kind }) => kind === 'status_written').length;
    const asked = () => turnsOf(operator, 'rollout');
    const summaries = async () => Promise.all(objects.map(async ([kind, name]) => (await world.get(kind, name)).status.gateways.summary));
    await until('all statuses', async () => (await summaries()).join() === '2/2,2/2,2/2');
    await world.quiet(asked);
    const [writtenBefore, askedBefore] = [written(), asked()];
    await world.remove(world.path('pods', ending.name));
    await until('it to be asked while it ends', () => asked() > askedBefore + 6);
    expect([written() - writtenBefore, await summaries()]).toEqual([0, ['2/2', '2/2', '2/2']]);
    await hold(ending.name, []);
    await until('it to be gone', async () => (await world.get('ApiKey', 'acme')).status.gateways.summary === '1/1');
  });

  test('with another admin token than the operator’s is told with what it answered', async () => {
    await world.startOperator({ adminToken: 'another' });
    const status = await world.settled('ApiKey', 'acme', 'False', 'GatewayUnreachable');
    expect(conditionOf(status, 'Ready').message).toContain(`${world.gateways[0]!.name} answered 401`);
  });
});
