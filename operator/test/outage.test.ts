/** The API server is away for ten minutes, on a clock that rushes through them; connections are real and counted. */
import { describe, expect, test } from '@jest/globals';
import type { ApiRelay } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import type { RushClock } from './support/rush-clock.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, until } from './support/world.ts';
import { inHurryingWorlds } from './support/worlds.ts';
import type { Operator } from './support/world.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const awayMs = 10 * 60_000;
const rush = 120;
/** A container that is started again keeps the name of its pod. */
const lease = { identity: 'operator', leaseRetryMs: 2000 };

there('an API server that is away for ten minutes', () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;
  let clock: RushClock;

  inHurryingWorlds(api, 'outage', async (given) => {
    ({ world, relay, clock } = given);
    await world.addGateway();
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.apply('ApiKey', 'acme', apiKey());
    await world.apply('ApiKey', 'gone', apiKey({ hash: 'b'.repeat(64) }));
  });

  /** Away for ten minutes, while things are edited, made and deleted; then back. */
  const outage = async (meanwhile: () => Promise<void>): Promise<void> => {
    const served = world.gateways[0]!.loaded;
    relay.goAway();
    const fromMs = clock.monotonicMs();
    clock.speed = rush;
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await world.apply('Endpoint', 'other', endpoint({ name: 'other' }));
    await world.remove(world.ownPath('ApiKey', 'gone'));
    await until('ten minutes to pass', async () => {
      await meanwhile();
      return clock.monotonicMs() - fromMs >= awayMs;
    });
    clock.speed = 1;
    // What served before serves.
    expect(world.gateways[0]!.loaded).toBe(served);
    relay.requests.length = 0;
    relay.comeBack();
  };
  /** All that happened meanwhile has come about, with a bounded number of requests. */
  const comesRight = async (): Promise<void> => {
    const backMs = performance.now();
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    await world.settled('Endpoint', 'other', 'True');
    await until('the deleted key to be gone', () => world.gateways[0]!.loaded!.bundle.keys.map(({ id }) => id).join() === 'acme');
    const [seconds, requests] = [(performance.now() - backMs) / 1000, relay.requests.length];
    process.stdout.write(
      `ten minutes away: ${String(relay.attempts)} connections tried; right again after ${seconds.toFixed(1)} s and ${String(requests)} requests\n`,
    );
    // The lease and the watches go on meanwhile.
    expect(requests).toBeLessThan(150 + 2 * seconds);
    // Once by itself: no try is more than a minute after the one before.
    expect(seconds).toBeLessThan(90);
  };

  test('a leader whose lease lasts that long tries again less and less often, and loses nothing', async () => {
    const patient = { leaseDurationMs: 10 * awayMs, leaseRenewDeadlineMs: 9 * awayMs, leaseRetryMs: 60_000 };
    const operator = await world.startOperator(patient, relay.kubeConfig(), clock);
    await world.settled('ApiKey', 'acme', 'True');
    await outage(() => Promise.resolve());
    // Seven watches that wait 15 s at most between two tries, and what else is due in ten minutes.
    expect(relay.attempts).toBeLessThan(900);
    await comesRight();
    expect(operator.lost.value).toBe(false);
  });

  test('one that has lost its lease ends once, is started again once, and waits', async () => {
    const operators: Operator[] = [await world.startOperator(lease, relay.kubeConfig(), clock)];
    await world.settled('ApiKey', 'acme', 'True');
    await outage(async () => {
      // As a kubelet does with a process that has ended.
      if (!operators.at(-1)!.lost.value) return;
      await operators.at(-1)!.stop();
      operators.push(await world.startOperator(lease, relay.kubeConfig(), clock));
    });
    expect(operators).toHaveLength(2);
    // A try for the lease every two seconds.
    expect(relay.attempts).toBeLessThan(900);
    await comesRight();
    expect(operators.at(-1)!.lost.value).toBe(false);
  });
});
