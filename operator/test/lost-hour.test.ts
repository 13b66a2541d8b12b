/** An hour without any operator, on a clock that rushes through it: nothing that is served changes, and the next one writes only what is due. */
import { describe, expect, test } from '@jest/globals';
import { objectNames } from '@offloader/contract';
import type { ApiRelay } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import type { RushClock } from './support/rush-clock.ts';
import { apiKey, dataset, endpoint, mintedKey } from './support/samples.ts';
import { type World, release, replicas, turnsOf, until } from './support/world.ts';
import { inHurryingWorlds } from './support/worlds.ts';
import type { Operator } from './support/world.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const hourMs = 60 * 60_000;
/** An hour in three seconds. */
const rush = 1200;
const lease = { leaseRetryMs: 2000 };
/** Of one whose clock hurries: it is not to lose its lease to that. */
const lasting = { ...lease, leaseDurationMs: 10 * hourMs, leaseRenewDeadlineMs: 9 * hourMs };
const names = objectNames(release);

there('an hour without an operator', () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;
  let clock: RushClock;

  inHurryingWorlds(api, 'lost-hour', async (given) => {
    ({ world, relay, clock } = given);
    for (let n = 0; n < replicas; n += 1) await world.addGateway();
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Dataset', 'orders', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.apply('ApiKey', 'acme', apiKey());
    await world.apply('ApiKey', 'minted', mintedKey());
    const first = await world.startOperator(lease, relay.kubeConfig(), clock);
    for (const name of ['acme', 'minted']) await world.settled('ApiKey', name, 'True', 'Live');
    for (const name of ['visits', 'orders']) await world.settled('Dataset', name, 'True');
    await world.settled('Endpoint', 'daily', 'True');
    await world.quiet(() => turnsOf(first, 'rollout'));
    await kill(first);
  });

  /** As with SIGKILL or a lost node: it can say nothing more to the API server, so that its lease stays. */
  const kill = async (operator: Operator): Promise<void> => {
    relay.goAway();
    await operator.stop();
    relay.comeBack();
    relay.requests.length = 0;
  };
  const served = () => world.gateways.map(({ loaded }) => loaded);
  /** The hour, in which gateways keep their mounts in step with the API server as the kubelet does. */
  const hour = async (): Promise<void> => {
    const fromMs = clock.monotonicMs();
    clock.speed = rush;
    await until('an hour to pass', () => clock.monotonicMs() - fromMs >= hourMs);
    clock.speed = 1;
    for (const gateway of world.gateways) await gateway.sync();
    expect(relay.requests).toEqual([]);
  };
  /** The next operator has taken the lease of the one that was killed, and has had its turns. */
  const next = async (): Promise<Operator> => {
    const operator = await world.startOperator({ ...lasting, identity: 'next' }, relay.kubeConfig(), clock);
    // The lease of somebody who says nothing is waited for.
    clock.speed = 30;
    await until('it to lead', () => operator.leads());
    clock.speed = 1;
    const turns = (controller: string) => turnsOf(operator, controller);
    await until('its turns', () => turns('bundle') > 0 && turns('status') >= 5 && turns('rollout') > replicas);
    return operator;
  };
  /** What it wrote, by method and place. */
  const written = (): readonly string[] =>
    relay.writes.map(({ method, path }) => `${method} ${(path.split('?')[0] ?? '').split(`/namespaces/${world.namespace}/`)[1] ?? path}`);

  test('in which nothing happened: not one write, no version moves, no event, and every gateway has what it had', async () => {
    const [before, versions, events] = [served(), await world.versions(), (await world.events()).length];
    await hour();
    expect(served().map((loaded) => loaded?.bundle)).toEqual(before.map((loaded) => loaded?.bundle));
    expect(await world.versions()).toEqual(versions);
    const operator = await next();
    expect(written()).toEqual([]);
    expect(await world.versions()).toEqual(versions);
    expect(await world.events()).toHaveLength(events);
    expect(operator.seen.some(({ kind }) => kind === 'token_written' || kind === 'bundle_written')).toBe(false);
  });

  test('in which a key was revoked, a Dataset edited and a replica replaced: all of it comes about, and nothing else is written', async () => {
    const token = (await world.client.request({ method: 'GET', path: world.path('secrets', 'acme-token') })) as any;
    const bundles = served().map((loaded) => loaded?.bundle);
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await world.apply('Dataset', 'visits', dataset({ snapshot: { blocked: ['s0'] } }));
    const replaced = world.gateways.at(-1)!;
    await world.remove(world.path('pods', replaced.name));
    await replaced.appear();
    await hour();
    // Nobody has compiled it.
    expect(served().map((loaded) => loaded?.bundle)).toEqual(bundles);
    const operator = await next();
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    await world.settled('Dataset', 'visits', 'True');
    await until('it on every replica', () => world.gateways.every(({ loaded }) => loaded!.bundle.keys[0]?.state === 'Revoked'));
    const allowed = [
      `PATCH configmaps/${names.index}`,
      `PATCH configmaps/${names.part(0)}`,
      `PATCH secrets/${names.keys}`,
      ...world.gateways.map(({ name }) => `PATCH pods/${name}`),
      'PATCH apikeys/acme/status',
      'PATCH datasets/visits/status',
      'POST events',
    ];
    expect(written().filter((one) => !allowed.includes(one))).toEqual([]);
    for (const file of [names.part(0), names.keys])
      expect(written().filter((one) => one.endsWith(`/${file}`)).length).toBeLessThanOrEqual(1);
    const after = (await world.client.request({ method: 'GET', path: world.path('secrets', 'acme-token') })) as any;
    expect(after.metadata.resourceVersion).toBe(token.metadata.resourceVersion);
    expect(operator.lost.value).toBe(false);
  });
});
