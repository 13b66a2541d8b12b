import { describe, expect, test } from '@jest/globals';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { Proxy } from './support/proxy.ts';
import { RushClock } from './support/rush-clock.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('faults', () => {
  const api = server as ApiServer;
  let world: World;
  let proxy: Proxy;

  inWorlds(
    api,
    'faults',
    async (opened) => {
      world = opened;
      proxy = await new Proxy(Number(new URL(api.url).port)).start();
      await world.addGateway();
      await world.apply('Dataset', 'visits', dataset());
      await world.apply('Endpoint', 'daily', endpoint());
      await world.apply('ApiKey', 'acme', apiKey());
    },
    async () => {
      proxy.restore();
      await world.close();
      await proxy.stop();
    },
  );

  const throughProxy = () => {
    const config = world.kubeConfig();
    const cluster = config.getCurrentCluster()!;
    config.clusters = [{ ...cluster, server: `https://127.0.0.1:${String(proxy.port)}` }];
    return config;
  };

  test('an operator that starts without an API server waits for it', async () => {
    proxy.cut();
    const operator = await world.startOperator({}, throughProxy());
    await until('a failed try', () => operator.seen.some((one) => one.kind === 'election_failed'));
    expect(operator.leads()).toBe(false);
    proxy.restore();
    await world.settled('ApiKey', 'acme', 'True');
  });

  test('broken connections are taken up again, and nothing that happened meanwhile is lost', async () => {
    const operator = await world.startOperator({}, throughProxy());
    await world.settled('ApiKey', 'acme', 'True');
    proxy.cut();
    await until('the watches to have noticed', () => operator.seen.filter((one) => one.kind === 'watch_failed').length >= 6);
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    proxy.restore();
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    expect(operator.lost.value).toBe(false);
  });

  test('a leader cut off from the API server ends before its lease does, and does not write when it is back', async () => {
    // The lease runs out on a clock that is made to hurry, so that no machine is too slow for it before.
    const clock = new RushClock();
    const first = await world.startOperator({}, throughProxy(), clock);
    await world.settled('ApiKey', 'acme', 'True');
    proxy.swallow();
    const second = await world.startOperator({}, world.kubeConfig(), clock);
    clock.speed = 10;
    await until('the other to lead', () => second.leads());
    clock.speed = 1;
    expect(first.leads()).toBe(false);
    await until('the first to say so', () => first.lost.value);
    proxy.restore();
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    expect(
      first.seen.slice(first.seen.findIndex((one) => one.kind === 'leadership_lost')).filter((one) => one.kind === 'bundle_written'),
    ).toEqual([]);
  });
});
