// The contract's section "The three kinds", as far as one object can show it: what a real API server takes, and in which words it refuses.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiVersion, compile, kinds, type Kind, type Problem, parseResource } from '@offloader/contract';
import { badResources } from '../bad-resources.ts';
import { goodResources } from '../good-resources.ts';
import { type Answer, applyCrds, callsTo, until } from '../support/api-calls.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { apiKey, column, dataset, declaring, endpoint, selecting } from '../support/bad-resource.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
type Made = { readonly kind: Kind; readonly metadata: { readonly name: string } };

there('the three kinds in a real API server', () => {
  const call = 'unavailable' in server ? undefined! : callsTo(server);
  const pathOf = (object: unknown): string => `/apis/${apiVersion}/namespaces/default/${kinds[(object as Made).kind].plural}`;
  /** Judged in full, as `kubectl apply` has it judged, and not kept. */
  const offer = async (object: unknown): Promise<Answer> => call('POST', `${pathOf(object)}?fieldValidation=Strict&dryRun=All`, object);

  /** What the compiler finds in it, whatever else there is. */
  const problemsOf = (object: unknown): readonly Problem[] => {
    const parsed = parseResource(object);
    return parsed.ok ? [] : parsed.error;
  };
  /** Both agree: the API server and the rules that everything else goes by. */
  const verdict = async (object: object): Promise<'taken' | 'refused' | 'they differ'> => {
    const [{ status }, problems] = [await offer(object), problemsOf(object)];
    if (status === 201 && problems.length === 0) return 'taken';
    return [400, 422].includes(status) && problems.length > 0 ? 'refused' : 'they differ';
  };
  const alone = badResources.filter(({ beside, code }) => beside === undefined && code !== 'unknown_dataset');

  beforeAll(async () => {
    await applyCrds(call);
    // A policy is heard of a moment after it was made.
    await until('the policy', async () => (await offer(declaring({ type: 'integer', default: 'ten' }))).status !== 201);
  });
  afterAll(() => (server as ApiServer).stop());

  describe('Identifiers (spec.name, params) match `[a-z][a-z0-9_-]{0,62}`; column names, select `as` and tenant column match `[A-Za-z0-9_]{1,63}`.', () => {
    const identifiers: Readonly<Record<string, (name: string) => object>> = {
      'spec.name': (name) => endpoint({ name }),
      'a parameter': (name) => declaring({ name, type: 'date' }),
      'what a key is granted': (name) => apiKey({ endpoints: [name] }),
    };
    const columns: Readonly<Record<string, (name: string) => object>> = {
      'a column': (name) => dataset({ schema: [column(name)], tenantColumn: undefined }),
      'a select': (as) => selecting([{ as, column: 'day' } as never]),
      'a selected column': (name) => selecting([{ as: 'day', column: name } as never]),
      'the tenant column of a dataset': (name) => dataset({ schema: [column(name)], tenantColumn: name }),
      'the tenant column of an endpoint': (name) => endpoint({ tenant: { column: name } }),
    };
    const judged = async (kinds: Readonly<Record<string, (name: string) => object>>, names: readonly string[]) =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(kinds).map(async ([what, of]) => [what, await Promise.all(names.map(async (name) => verdict(of(name))))] as const),
        ),
      );
    const all = (kinds: object, names: readonly string[], answer: string) =>
      Object.fromEntries(Object.keys(kinds).map((what) => [what, names.map(() => answer)]));

    test.each([
      ['taken', identifiers, ['a', 'z9', 'a-b_c', `a${'0'.repeat(62)}`]],
      ['refused', identifiers, ['', 'A', '0a', '_a', '-a', 'a.b', 'a b', 'a/b', 'ä', 'a\n', `a${'0'.repeat(63)}`]],
      ['taken', columns, ['a', 'A', '0', '_', 'Tenant_ID', 'x'.repeat(63)]],
      ['refused', columns, ['', 'a-b', 'a b', 'a.b', 'a"b', "a'", 'ä', 'a\n', 'x'.repeat(64)]],
    ] as const)('%s: %j %j', async (answer, kinds, names) => {
      expect(await judged(kinds, names)).toEqual(all(kinds, names, answer));
    });
  });

  test('Types: DATE TIMESTAMP VARCHAR INTEGER BIGINT DOUBLE BOOLEAN JSON.', async () => {
    const typed = (type: string): object => dataset({ schema: [column('c', type)], tenantColumn: undefined });
    const types = ['DATE', 'TIMESTAMP', 'VARCHAR', 'INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'JSON'];
    for (const type of types) expect([type, await verdict(typed(type))]).toEqual([type, 'taken']);
    const others = ['', 'date', 'Json', 'DECIMAL', 'FLOAT', 'REAL', 'TINYINT', 'HUGEINT', 'UUID', 'TIME', 'TIMESTAMPTZ', 'BLOB', 'STRUCT(a INTEGER)', 'VARCHAR[]', 'JSON '];
    for (const type of others) expect([type, await verdict(typed(type))]).toEqual([type, 'refused']);
  }); // prettier-ignore

  describe('What one object can show alone is refused by the API server (structural schema and CEL, no webhook), with a message that says how to mend it.', () => {
    test('every fault that shows in one object alone has the words of its refusal', () => {
      expect(alone.filter((row) => row.refusal === undefined)).toEqual([]);
      expect(badResources.filter((row) => row.refusal !== undefined && row.beside !== undefined)).toEqual([]);
    });

    test.each(alone)('$name', async ({ object, refusal }) => {
      const { status, body } = await offer(object);
      expect(body.message).toContain(refusal);
      expect([400, 422]).toContain(status);
    });

    test('every rule of ours says what to do; what the schema refuses is told with what would be right', async () => {
      const rules = (schema: any): readonly { message: string }[] => [
        ...(schema['x-kubernetes-validations'] ?? []),
        ...Object.values(schema.properties ?? {}).flatMap(rules),
        ...(schema.items === undefined ? [] : rules(schema.items)),
      ];
      const served = await Promise.all(
        Object.values(kinds).map(
          async ({ plural }) => (await call('GET', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.offloader.dev`)).body,
        ),
      );
      const policies = await call('GET', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies');
      const messages = [
        ...served.flatMap(({ spec }) => rules(spec.versions[0].schema.openAPIV3Schema)).map(({ message }) => message),
        ...policies.body.items.flatMap(({ spec }: any) => spec.validations).map(({ messageExpression }: any) => String(messageExpression)),
      ];
      const imperative = /(^|[;:,] )(add|change|correct|declare|give|keep|list|lower|put|raise|remove|rename|set|swap|use)\b/;
      expect(messages.length).toBeGreaterThan(30);
      expect(messages.filter((message) => !imperative.test(message))).toEqual([]);
      const own =
        /Required value|unknown field|Duplicate value|should (match|be|have)|may not be|must be of type|supported values|Unsupported value/;
      const byOurs = (refusal: string): boolean => messages.some((message) => message.includes(refusal));
      expect(alone.filter(({ refusal = '' }) => !own.test(refusal) && !byOurs(refusal))).toEqual([]);
    });

    test('nothing but schemas and CEL is asked: no webhook', async () => {
      for (const kind of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'])
        expect((await call('GET', `/apis/admissionregistration.k8s.io/v1/${kind}`)).body.items).toEqual([]);
    });
  });

  test.each(badResources.filter((row) => row.refusal === undefined))('$name is for the operator to tell', async ({ object }) => {
    expect((await offer(object)).status).toBe(201);
  });

  test('A param named limit, offset, columns or cursor is refused.', async () => {
    const named = (name: string): object => declaring({ name, type: 'integer' });
    for (const name of ['limit', 'offset', 'columns', 'cursor']) expect([name, await verdict(named(name))]).toEqual([name, 'refused']);
    for (const name of ['limits', 'page', 'order_by', 'column']) expect([name, await verdict(named(name))]).toEqual([name, 'taken']);
  });

  describe('Defaults must satisfy their own type. pagination absent ⇒ 50/100.', () => {
    const fitting: readonly object[] = [
      ...['ten', '', '5'].map((value) => ({ type: 'string', default: value })),
      { type: 'string', default: 'aa', pattern: '^a+$', minLength: 2, maxLength: 2 },
      { type: 'string', default: 'xay', pattern: 'a' },
      ...[0, -5, 2 ** 53 - 1, '7', '+7', '-9223372036854775808', '9223372036854775807'].map((value) => ({ type: 'integer', default: value })),
      { type: 'integer', default: 5, min: 5, max: 5 },
      { type: 'integer', default: '5', min: 4.5, max: 5.5 },
      ...[0, -0.5, 1e300].map((value) => ({ type: 'number', default: value })),
      { type: 'number', default: 0.5, min: 0, max: 1 },
      ...[true, false].map((value) => ({ type: 'boolean', default: value })),
      ...['2024-02-29', '2000-02-29', '2026-12-31'].map((value) => ({ type: 'date', default: value })),
      ...['2026-05-30', '2026-05-30T00:00', '2026-05-30 23:59:59.123456789', '2026-05-30T00:00:00+02:00', '2024-02-29T00:00:00Z'].map((value) => ({ type: 'timestamp', default: value })),
      { type: 'enum', enum: ['web', 'store'], default: 'store' },
      { type: 'integer', list: true, default: [1, '2'] },
      { type: 'integer', list: true, default: 1 },
      { type: 'string', list: true, default: [] },
    ];
    const unfit: readonly object[] = [
      ...[5, true, ['a'], { a: 1 }].map((value) => ({ type: 'string', default: value })),
      { type: 'string', default: 'b', pattern: '^a+$' },
      { type: 'string', default: 'a', minLength: 2 },
      { type: 'string', default: 'aaa', maxLength: 2 },
      ...['ten', '', '1.5', '0x1', 1.5, 2 ** 53, 1e30, true, '9223372036854775808', '99999999999999999999', [1]].map((value) => ({ type: 'integer', default: value })),
      { type: 'integer', default: 4, min: 5 },
      { type: 'integer', default: '6', max: 5 },
      ...['1', 'half', true, [1]].map((value) => ({ type: 'number', default: value })),
      { type: 'number', default: 1.5, max: 1 },
      ...['true', 0, ''].map((value) => ({ type: 'boolean', default: value })),
      ...['2026-02-29', '1900-02-29', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00', '2026-1-1', '30.05.2026', '2026-05-30T00:00:00Z', 20260530].map((value) => ({ type: 'date', default: value })),
      ...['noon', '2026-02-29T00:00:00Z', '2026-05-30T24:00:00Z', '2026-05-30T00:60', '2026-05-30T00:00:00 CET', 0].map((value) => ({ type: 'timestamp', default: value })),
      ...['mail', 'WEB', '', 1].map((value) => ({ type: 'enum', enum: ['web', 'store'], default: value })),
      { type: 'integer', list: true, default: [1, 'two'] },
      { type: 'date', list: true, default: ['2026-05-30', '2026-02-30'] },
    ];

    test.each(fitting)('%j is taken', async (param) => {
      expect(await verdict(declaring(param as never))).toBe('taken');
    });

    test.each(unfit)('%j is refused', async (param) => {
      const object = declaring(param as never);
      expect([await verdict(object), problemsOf(object).map(({ code, path }) => `${code} ${path}`)]).toEqual(['refused', ['invalid_default spec.params[0].default']]);
    });

    test('the message names every parameter whose default does not fit', async () => {
      const params = [['p', 'x'], ['q', 1], ['r', 'y']].map(([name, value]) => ({ name, type: 'integer', default: value }));
      expect((await offer(endpoint({ params }))).body.message).toContain('the default of p, r is not a value that this parameter takes');
    });

    test('pagination', async () => {
      const bundle = (spec: object) => compile({ auth: 'required', resources: [dataset(), endpoint(spec as never)], tokens: {}, releases: {}, lastGood: null }).bundle;
      for (const spec of [{}, { pagination: {} }]) expect(bundle(spec).endpoints[0]?.pagination).toEqual({ defaultLimit: 50, maxLimit: 100 });
      expect((await offer(endpoint({ pagination: {} }))).body.spec.pagination).toEqual({ defaultLimit: 50, maxLimit: 100 });
    });
  }); // prettier-ignore

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
