/** What the probes say is so: ready means that it knows what there is or could lead at once, alive that a restart would not help. */
import { describe, expect, test } from '@jest/globals';
import type { ApiRelay } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import type { RushClock } from './support/rush-clock.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, replicas, until } from './support/world.ts';
import { inHurryingWorlds } from './support/worlds.ts';
import type { Operator } from './support/world.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('the probes of the operator', () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;
  let clock: RushClock;

  inHurryingWorlds(api, 'health', async (given) => {
    ({ world, relay, clock } = given);
    for (let n = 0; n < replicas; n += 1) await world.addGateway();
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
  });

  const get = ({ httpPort }: Operator, path: string) => fetch(`http://127.0.0.1:${String(httpPort)}${path}`);
  const says = async (operator: Operator) => [(await get(operator, '/healthz')).status, (await get(operator, '/readyz')).status];
  const comesToSay = (operator: Operator, health: number, readiness: number) =>
    until(
      `healthz ${String(health)}, readyz ${String(readiness)}`,
      async () => (await says(operator)).join() === [health, readiness].join(),
    );

  test('say that it is not ready before it has listed what there is, and that it is afterwards', async () => {
    relay.goAway();
    const startedMs = Date.now();
    const operator = await world.startOperator({}, relay.kubeConfig());
    await until('a failed try', () => operator.seen.some((one) => one.kind === 'election_failed'));
    expect(await says(operator)).toEqual([200, 503]);
    expect(await (await get(operator, '/metrics')).text()).toContain('offloader_operator_last_config_turn_timestamp_seconds 0');
    let held = true;
    relay.holds = ({ path }) => held && path.includes('/endpoints?');
    relay.comeBack();
    await until('it to lead', () => operator.leads());
    expect(await says(operator)).toEqual([200, 503]);
    held = false;
    await comesToSay(operator, 200, 200);
    await world.settled('Endpoint', 'daily', 'True');
    const metrics = await (await get(operator, '/metrics')).text();
    expect(metrics).toContain('offloader_operator_leader 1');
    expect(metrics).toContain(`offloader_operator_gateways{state="total"} ${String(replicas)}`);
    expect(metrics).toContain('offloader_operator_gateways{state="behind"} 0');
    expect(metrics).toContain('offloader_operator_objects{kind="Endpoint",ready="True",reason="Live"} 1');
    const turned = /^offloader_operator_last_config_turn_timestamp_seconds (\S+)$/m.exec(metrics)?.[1];
    expect(Number(turned)).toBeGreaterThanOrEqual(Math.floor(startedMs / 1000));
    expect((await get(operator, '/elsewhere')).status).toBe(404);
  });

  test('say of one that stands by that it is ready, as long as it hears of the lease', async () => {
    const leader = await world.startOperator();
    await until('it to lead', () => leader.leads());
    const standby = await world.startOperator({}, relay.kubeConfig(), clock);
    await comesToSay(standby, 200, 200);
    expect(await (await get(standby, '/metrics')).text()).toContain('offloader_operator_leader 0');
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${world.namespace}/leases/offloader-operator`;
    const renewedAt = async (): Promise<string> => ((await world.client.request({ method: 'GET', path: lease })) as any).spec.renewTime;
    relay.goAway();
    const before = await renewedAt();
    clock.speed = 30;
    // A restart would not bring the API server back.
    await comesToSay(standby, 200, 503);
    clock.speed = 1;
    // By its clock the lease that it knows has run out: it hears first that it was renewed.
    await until('the lease to be renewed', async () => (await renewedAt()) !== before);
    relay.comeBack();
    await comesToSay(standby, 200, 200);
    expect([leader.leads(), standby.leads()]).toEqual([true, false]);
  });

  test('say that only a restart helps when a turn does not end', async () => {
    const lasting = { leaseDurationMs: 3_600_000, leaseRenewDeadlineMs: 3_000_000, leaseRetryMs: 60_000 };
    const operator = await world.startOperator(lasting, relay.kubeConfig(), clock);
    await world.settled('Endpoint', 'daily', 'True');
    let held = true;
    relay.holds = ({ method, path }) => held && method === 'PATCH' && path.includes('/status');
    await world.apply('ApiKey', 'acme', apiKey());
    await until('a status to be written', () => relay.requests.some(({ path }) => path.includes('/apikeys/acme/status')));
    clock.speed = 120;
    await comesToSay(operator, 503, 200);
    clock.speed = 1;
    held = false;
    await comesToSay(operator, 200, 200);
  });
});
