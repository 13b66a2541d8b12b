// The contract's section "The three kinds", as far as the operator judges: one object goes wrong beside others that are edited and well.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Kind } from '@offloader/contract';
import { startApiServer } from '../support/api-server.ts';
import type { ApiServer } from '../support/api-server.ts';
import { apiKey, dataset, endpoint } from '../support/samples.ts';
import { World, clientOf, conditionOf, installCrds, replicas } from '../support/world.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

type One = readonly [kind: Kind, name: string, spec: object];
/** Without a tenant, as a public gateway may serve it too. */
const plain = (overrides: object = {}): object =>
  endpoint({
    name: 'plain',
    tenant: undefined,
    datasetRef: { name: 'plain' },
    params: [],
    query: { select: [{ as: 'day', column: 'day' }] },
    columns: ['day'],
    ...overrides,
  });
const key = (overrides: object = {}): object => apiKey({ tenant: undefined, endpoints: ['plain'], ...overrides });
const sound: readonly One[] = [
  ['Dataset', 'plain', dataset({ tenantColumn: undefined })],
  ['Dataset', 'visits', dataset()],
  ['Endpoint', 'elder', plain({ name: 'elder' })],
  ['Endpoint', 'plain', plain()],
  ['ApiKey', 'acme', key()],
  ['ApiKey', 'other', key({ hash: 'b'.repeat(64) })],
];
/** Other things of theirs, so that they have something to converge to. */
const edited = (turn: number): readonly One[] => [
  ['Dataset', 'plain', dataset({ tenantColumn: undefined, description: `turn ${String(turn)}` })],
  ['Dataset', 'visits', dataset({ description: `turn ${String(turn)}` })],
  ['Endpoint', 'elder', plain({ name: 'elder', version: turn + 2 })],
  ['Endpoint', 'plain', plain({ version: turn + 2 })],
  ['ApiKey', 'acme', key({ limits: { requestsPerSecond: turn + 2 } })],
  ['ApiKey', 'other', key({ hash: 'b'.repeat(64), limits: { requestsPerSecond: turn + 2 } })],
];
type Fault = readonly [what: string, kind: Kind, name: string, spec: object, reason: string, field: string];
const faults: readonly Fault[] = [
  ["an endpoint's dataset", 'Endpoint', 'plain', plain({ version: 9, datasetRef: { name: 'nowhere' } }), 'UnknownDataset', 'spec.datasetRef.name'],
  ['its columns', 'Endpoint', 'plain', plain({ version: 9, query: { select: [{ as: 'day', column: 'month' }] } }), 'UnknownColumn', 'spec.query.select[0].column'],
  ["a key's endpoints", 'ApiKey', 'acme', key({ endpoints: ['plain', 'nope'] }), 'UnknownEndpoint', 'spec.endpoints[1]'],
  ['two endpoints with one name', 'Endpoint', 'plain', plain({ version: 9, name: 'elder' }), 'DuplicateEndpoint', 'spec.name'],
]; // prettier-ignore
const publicFault: Fault = ['a public gateway with a tenant-scoped endpoint', 'Endpoint', 'plain', endpoint({ name: 'plain', version: 9 }), 'PublicTenantEndpoint', 'spec.tenant']; // prettier-ignore

there('judged by the operator', () => {
  const api = server as ApiServer;
  const worlds: World[] = [];

  beforeAll(async () => {
    const client = clientOf(api.kubeconfig);
    await installCrds(client);
    client.close();
  });
  afterAll(async () => {
    await Promise.all(worlds.map((world) => world.close()));
    await api.stop();
  });

  const applyAll = async (world: World, objects: readonly One[]): Promise<void> => {
    for (const [kind, name, spec] of objects) await world.apply(kind, name, spec);
  };
  const allReady = async (world: World, objects: readonly One[]): Promise<void> => {
    for (const [kind, name] of objects) await world.settled(kind, name, 'True');
  };
  const worldOf = async (auth: 'required' | 'none'): Promise<World> => {
    const world = await new World(api.kubeconfig, `three-kinds-${auth}`).open();
    worlds.push(world);
    for (let n = 0; n < replicas; n += 1) await world.addGateway();
    await applyAll(world, sound);
    await world.startOperator({ auth });
    await allReady(world, sound);
    return world;
  };
  /** The object as every gateway has it. */
  const served = (world: World, kind: Kind, name: string) =>
    world.gateways.map(({ loaded }) =>
      kind === 'ApiKey'
        ? loaded!.bundle.keys.find(({ id }) => id === name)
        : loaded!.bundle.endpoints.find(({ object }) => object === name),
    );

  const judges = async (world: World, [, kind, name, spec, reason, field]: Fault, turn: number): Promise<void> => {
    const before = served(world, kind, name);
    const others = edited(turn).filter(([ofKind, ofName]) => ofKind !== kind || ofName !== name);
    await world.apply(kind, name, spec);
    await applyAll(world, others);
    await allReady(world, others);
    const status = await world.settled(kind, name, 'False', reason);
    const stalled = conditionOf(status, 'Stalled');
    expect(stalled).toMatchObject({ status: 'True', reason });
    expect(stalled.message).toMatch(/^spec/);
    expect(stalled.message).toContain(`${field}: `);
    expect(stalled.message).toMatch(/ The last good version keeps serving\.$/);
    expect(before).toHaveLength(replicas);
    expect(served(world, kind, name)).toEqual(before);
    for (const [ofKind, ofName] of others.filter(([ofKind]) => ofKind === 'Endpoint'))
      expect(served(world, ofKind, ofName)).toEqual(world.gateways.map(() => expect.objectContaining({ version: turn + 2 })));
    // Mended, it converges as well.
    await applyAll(world, edited(turn));
    await allReady(world, edited(turn));
  };

  describe("What needs another object (an endpoint's dataset, its columns, a key's endpoints, two endpoints with one name, a public gateway with a tenant-scoped endpoint) is judged by the operator: that object alone gets Ready=False and Stalled=True with a field-level reason, its last good version keeps serving, and every other object converges.", () => {
    let keyed: World;
    beforeAll(async () => {
      keyed = await worldOf('required');
    });

    test.each(faults.map((fault, turn) => [fault[0], fault, turn] as const))('%s', async (_what, fault, turn) => {
      await judges(keyed, fault, turn);
    });

    test('a public gateway with a tenant-scoped endpoint', async () => {
      await judges(await worldOf('none'), publicFault, 0);
    });
  });
});
