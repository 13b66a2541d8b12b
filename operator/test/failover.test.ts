/** Two operators as processes of their own, each through a relay that counts what it asks for: one leads, and only one ever writes. */
import { describe, expect, test } from '@jest/globals';
import { ApiRelay } from './support/api-relay.ts';
import type { Relayed } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { startOperatorProcess } from './support/operator-process.ts';
import type { Lease, OperatorProcess } from './support/operator-process.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const long: Lease = { duration: '120s', renewDeadline: '100s', retry: '1s' };
/** Long enough for a machine that stands still for some seconds. */
const short: Lease = { duration: '9s', renewDeadline: '7s', retry: '500ms' };
const shortMs = 9000;

there('of two operators', () => {
  const api = server as ApiServer;
  let world: World;
  let relays: ApiRelay[];
  let operators: OperatorProcess[];

  inWorlds(
    api,
    'failover',
    async (opened) => {
      world = opened;
      [relays, operators] = [[], []];
      await world.addGateway();
      await world.apply('Dataset', 'visits', dataset());
      await world.apply('Endpoint', 'daily', endpoint());
      await world.apply('ApiKey', 'acme', apiKey());
    },
    async () => {
      for (const operator of operators) await operator.clear();
      for (const relay of relays) await relay.stop();
      await world.close();
    },
  );

  const start = async (name: string, lease: Lease): Promise<readonly [OperatorProcess, ApiRelay]> => {
    const relay = await new ApiRelay(api).start();
    const operator = startOperatorProcess(world, name, relay.kubeConfig(), lease);
    relays.push(relay);
    operators.push(operator);
    return [operator, relay];
  };
  /** One leads and has everything Ready, the other has looked at the lease and waits. */
  const pair = async (lease: Lease) => {
    const [first, firstRelay] = await start('first', lease);
    await world.settled('Dataset', 'visits', 'True');
    await world.settled('Endpoint', 'daily', 'True');
    await world.settled('ApiKey', 'acme', 'True');
    const [second, secondRelay] = await start('second', lease);
    await until('the second to have looked at the lease', () => secondRelay.requests.filter(isLook).length > 1);
    await until('the first to say that it leads', () => first.said('elected'));
    expect(second.said('elected')).toBe(false);
    return { first, firstRelay, second, secondRelay };
  };
  const takenOver = async (second: OperatorProcess): Promise<number> => {
    const fromMs = performance.now();
    await until('the second to lead', () => second.said('elected'));
    return (performance.now() - fromMs) / 1000;
  };
  const isLook = ({ method, path }: Relayed): boolean => method === 'GET' && path.includes('/leases/');
  const isHold = ({ method, path }: Relayed): boolean => method === 'PUT' && path.includes('/leases/');
  const tell = (what: string, seconds: number): void => {
    process.stdout.write(`${what}: the other leads after ${seconds.toFixed(2)} s\n`);
  };

  test('one that stops gives the lease back: the other leads long before it would have run out, and has nothing to write', async () => {
    const { first, firstRelay, second, secondRelay } = await pair(long);
    await world.quiet(() => first.log().split('"controller":"rollout"').length);
    const versions = await world.versions();
    first.child.kill('SIGTERM');
    const seconds = await takenOver(second);
    tell('a leader that stops', seconds);
    expect(seconds).toBeLessThan(60);
    expect(await first.ended).toBe(0);
    await until('its first turn', () => /"controller":"bundle".*"message":"reconciled"/.test(second.log()));
    expect([secondRelay.writes, await world.versions()]).toEqual([[], versions]);
    const written = firstRelay.writes.length;
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    expect(firstRelay.writes).toHaveLength(written);
  });

  test('one that is killed is replaced when its lease has run out, not sooner', async () => {
    const { first, firstRelay, second, secondRelay } = await pair(short);
    first.child.kill('SIGKILL');
    tell('a leader that is killed, lease 9 s', await takenOver(second));
    const renewedMs = firstRelay.requests.findLast(isHold)!.atMs;
    const takenMs = secondRelay.requests.find(isHold)!.atMs;
    expect(takenMs - renewedMs).toBeGreaterThan(shortMs);
    // At one of the first looks after that; counted, since a look takes as long as the machine takes.
    const late = secondRelay.requests.filter((one) => isLook(one) && one.atMs > renewedMs + shortMs && one.atMs < takenMs);
    expect(late.length).toBeLessThan(6);
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    expect(secondRelay.writes.length).toBeGreaterThan(0);
  });

  test('one that is paused while the other takes over wakes, writes nothing at all, and ends', async () => {
    const { first, firstRelay, second } = await pair(short);
    // It sleeps in the middle of work: a status that was refused is tried again as soon as it wakes.
    const refused = ({ method, path }: Relayed): boolean => method === 'PATCH' && path.includes('/status');
    firstRelay.refuses = refused;
    const before = firstRelay.requests.filter(refused).length;
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await until('a refused status', () => firstRelay.requests.filter(refused).length > before);
    first.child.kill('SIGSTOP');
    firstRelay.refuses = () => false;
    await takenOver(second);
    await world.remove(world.path('secrets', 'offloader-gateway-keys'));
    const asked = firstRelay.requests.length;
    first.child.kill('SIGCONT');
    expect(await first.ended).toBe(1);
    expect(first.said('leadership_lost')).toBe(true);
    // A renewal that it was about to ask for when it was paused comes too late, and changes nothing.
    const isWrite = (one: Relayed): boolean => one.method !== 'GET' && !isHold(one);
    expect(firstRelay.requests.slice(asked).filter(isWrite)).toEqual([]);
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
  });
});
