import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiVersion, kinds, type Kind, parseResource } from '@offloader/contract';
import { badResources } from './bad-resources.ts';
import { goodResources } from './good-resources.ts';
import { type Answer, applyCrds, callsTo } from './support/api-calls.ts';
import { type ApiServer, startApiServer } from './support/api-server.ts';
import { apiKey, dataset, endpoint } from './support/bad-resource.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
type Made = { readonly kind: Kind; readonly metadata: { readonly name: string } };

there('the CustomResourceDefinitions in a real API server', () => {
  const call = 'unavailable' in server ? undefined! : callsTo(server);
  const pathOf = (object: unknown): string => `/apis/${apiVersion}/namespaces/default/${kinds[(object as Made).kind].plural}`;
  /** Judged in full, as `kubectl apply` has it judged, and not kept. */
  const offer = async (object: unknown): Promise<Answer> => call('POST', `${pathOf(object)}?fieldValidation=Strict&dryRun=All`, object);

  beforeAll(async () => applyCrds(call));
  afterAll(() => (server as ApiServer).stop());

  test.each(badResources.filter((row) => row.refusal !== undefined))('$name is refused', async ({ object, refusal }) => {
    const { status, body } = await offer(object);
    expect(body.message).toContain(refusal);
    expect([400, 422]).toContain(status);
  });

  test.each(badResources.filter((row) => row.refusal === undefined))('$name is for the operator to tell', async ({ object }) => {
    expect((await offer(object)).status).toBe(201);
  });

  test.each(goodResources.map((object) => [(object as Made).metadata.name, object] as const))('%s is taken', async (_name, object) => {
    const { status, body } = await offer(object);
    expect([status, body.message]).toEqual([201, undefined]);
  });

  test.each(goodResources.map((object) => [(object as Made).metadata.name, object] as const))(
    '%s, with what the API server fills in, means the same to the compiler',
    async (_name, object) => {
      const { body } = await offer(object);
      expect(parseResource(body)).toMatchObject({ ok: true });
    },
  );

  test.each([
    ['Dataset', dataset()],
    ['Endpoint', endpoint()],
    ['ApiKey', apiKey()],
  ] as const)('a new %s has observed no generation; its status changes only by its own door', async (_kind, object) => {
    const { metadata } = object as Made;
    const made = await call('POST', pathOf(object), { ...object, status: { observedGeneration: 7 } });
    expect([made.status, made.body.status]).toEqual([201, { observedGeneration: -1 }]);
    const own = await call(
      'PATCH',
      `${pathOf(object)}/${metadata.name}/status`,
      { status: { observedGeneration: 1 } },
      'application/merge-patch+json',
    );
    expect([own.status, own.body.status, own.body.metadata.generation]).toEqual([200, { observedGeneration: 1 }, 1]);
    expect((await call('DELETE', `${pathOf(object)}/${metadata.name}`)).status).toBe(200);
  });

  test('defaults are written down where nothing was said', async () => {
    const { body } = await offer(dataset({ snapshot: {}, guards: {} }));
    expect(body.spec).toMatchObject({
      source: { interval: '5m', anonymous: false },
      snapshot: { keep: 1, activation: 'Coordinated' },
      guards: { allowOlderWatermark: false, allowFailedQuality: false },
      suspend: false,
    });
    const paged = await offer(endpoint({ pagination: {} }));
    expect(paged.body.spec).toMatchObject({ version: 1, servingMode: 'LocalTable', pagination: { defaultLimit: 50, maxLimit: 100 } });
    expect((await offer(apiKey())).body.spec.state).toBe('Active');
  });

  test('the largest resources stay within the budget of the rules', async () => {
    const name = (n: number): string => `c${String(n).padStart(62, '0')}`;
    const names = (count: number): readonly string[] => Array.from({ length: count }, (_none, n) => name(n));
    const wide = dataset({ schema: names(500).map((one) => ({ name: one, type: 'VARCHAR' })), tenantColumn: name(499) });
    expect((await offer(wide)).status).toBe(201);
    const params = names(50).map((one) => ({ name: one, type: 'string', description: 'x'.repeat(500) }));
    const members = names(200);
    const rich = endpoint({
      params: params.map((param, n) =>
        n === 0 ? { ...param, type: 'enum', enum: members, aliases: Object.fromEntries(members.map((one) => [`a${one}`, one])) } : param,
      ),
      combinations: names(50).map(() => names(50)),
      query: {
        select: names(100).map((one) => ({ as: one, column: one })),
        filters: names(50).map((one) => ({ column: one, op: 'eq', param: one })),
        orderBy: names(50).map((one) => ({ column: one })),
      },
      columns: names(100),
    });
    expect((await offer(rich)).body.message).toBeUndefined();
  });
});
