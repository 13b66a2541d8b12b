import { describe, expect, test } from '@jest/globals';
import { apiKey, dataset, endpoint, filtering, older, selecting } from '../../test/support/bad-resource.ts';
import { goodResources } from '../../test/good-resources.ts';
import type { Bundle } from '../bundle.ts';
import { compile, type CompileInput } from './compile.ts';

const run = (resources: readonly unknown[], more: Partial<CompileInput> = {}) =>
  compile({ auth: 'required', resources, tokens: {}, releases: {}, lastGood: null, ...more });
const verdictsOf = (resources: readonly unknown[], more: Partial<CompileInput> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(run(resources, more).verdicts.map((one) => [`${one.kind}/${one.name}`, one.serving]));
const codesOf = (resources: readonly unknown[], name: string, more: Partial<CompileInput> = {}): readonly string[] =>
  run(resources, more)
    .verdicts.filter((one) => one.name === name)
    .flatMap((one) => one.problems.map((problem) => problem.code));
const scoped = (spec: object = {}, name = 'daily'): object => endpoint({ tenant: { column: 'tenant_id' }, ...spec }, name);
const sound = [dataset(), scoped(), apiKey({ tenant: 'a', endpoints: ['daily'] })];
const lastGood: Bundle = run(sound).bundle;
const metadata = (object: object, more: object): object => ({
  ...object,
  metadata: { ...(object as { metadata: object }).metadata, ...more },
});

describe('a bundle', () => {
  test('is the same whatever the order of the resources', () => {
    const again = run(goodResources.toReversed()).bundle;
    expect(again).toEqual(run(goodResources).bundle);
    expect(again.revision).toMatch(/^[0-9a-f]{64}$/);
  });

  test('has another revision when anything in it changes', () => {
    expect(run([dataset({ suspend: true }), ...sound.slice(1)]).bundle.revision).not.toBe(lastGood.revision);
    expect(run(sound, { auth: 'required', releases: { visits: 's1' } }).bundle.revision).not.toBe(lastGood.revision);
  });

  test('holds defaults where nothing was said', () => {
    const [only] = run([dataset()]).bundle.datasets;
    expect(only).toMatchObject({
      source: { kind: 'manifest', credentials: null, allowedRoots: [], anonymous: false, intervalMs: 300_000 },
      snapshot: { pin: null, blocked: [], keep: 1, activation: 'Coordinated', release: null },
      guards: { minRows: null, maxRowDropPercent: null, allowOlderWatermark: false, allowFailedQuality: false },
      rebuildToken: null,
      refreshToken: null,
      suspend: false,
    });
    expect(run([dataset(), endpoint()]).bundle.endpoints[0]).toMatchObject({
      name: 'daily',
      version: 1,
      servingMode: 'LocalTable',
      combinations: null,
      groupBy: null,
      pagination: { defaultLimit: 50, maxLimit: 100 },
      cache: 'Snapshot',
      deprecation: null,
    });
    expect(run([apiKey()]).bundle.keys[0]).toMatchObject({ state: 'Active', tenant: null, expiresAt: null });
  });

  test('polls at least once a week, since timers hold no more than 24 days', () => {
    const slow = dataset({ source: { manifest: { url: 's3://lake/m.json' }, interval: '400d' } });
    expect(run([slow]).bundle.datasets[0]?.source.intervalMs).toBe(7 * 86_400_000);
  });

  test('groups by the columns that the named selects stand for', () => {
    const daily = selecting([{ as: 'when', column: 'day' } as never, { as: 'n', column: 'visits', agg: 'sum' } as never], {
      groupBy: ['when'],
    });
    expect(run([dataset(), daily]).bundle.endpoints[0]?.groupBy).toEqual(['day']);
  });

  test('answers columns in the order of the select', () => {
    const both = selecting([{ as: 'b', column: 'day' } as never, { as: 'a', column: 'visits' } as never], {}, { columns: ['a', 'b'] });
    expect(run([dataset(), both]).bundle.endpoints[0]?.columns).toEqual(['b', 'a']);
  });

  test('gives a list parameter a list as default, however it was written', () => {
    const many = filtering({ type: 'string', list: true, default: 'x' }, { op: 'in', column: 'tenant_id' });
    expect(run([dataset(), many]).bundle.endpoints[0]?.params[0]?.default).toEqual(['x']);
  });

  test('tells a dataset what its endpoints ask of it', () => {
    const remote = filtering({}, {}, { servingMode: 'RemoteScan', freshness: { maxStaleness: '1h' } });
    const [only] = run([dataset(), metadata(remote, { name: 'remote' }), endpoint({ freshness: { maxStaleness: '26h' } })]).bundle.datasets;
    expect(only).toMatchObject({ modes: ['LocalTable', 'RemoteScan'], maxStalenessMs: 3_600_000, filterColumns: ['day'] });
  });

  test('has one layout for a dataset and its endpoints, another when the schema, the tenant or the modes change', () => {
    expect(lastGood.endpoints[0]?.layout).toBe(lastGood.datasets[0]?.layout);
    const layout = (...resources: readonly object[]) => run(resources).bundle.datasets[0]?.layout;
    const own = layout(dataset(), endpoint());
    expect(layout(dataset({ suspend: true }), endpoint())).toBe(own);
    expect(layout(dataset({ tenantColumn: undefined }), endpoint())).not.toBe(own);
    expect(layout(dataset(), endpoint({ servingMode: 'RemoteScan' }))).not.toBe(own);
  });

  test('takes minted hashes for a key that has a tokenSecret, and the own hash for one that has not', () => {
    const minted = apiKey({ hash: undefined, tokenSecret: { name: 't' } });
    const tokens = { acme: [{ sha256: 'b'.repeat(64), notAfter: null }] };
    expect(run([minted], { tokens }).bundle.keys[0]?.hashes).toEqual(tokens.acme);
    expect(run([minted]).bundle.keys[0]?.hashes).toEqual([]);
    expect(run([apiKey()], { tokens }).bundle.keys[0]?.hashes).toEqual([{ sha256: 'a'.repeat(64), notAfter: null }]);
  });

  test('carries the refresh annotation and the release of a dataset', () => {
    const asked = metadata(dataset(), { annotations: { 'offloader.dev/refresh-requested-at': 'now' } });
    const [only] = run([asked], { releases: { visits: 's2' } }).bundle.datasets;
    expect([only?.refreshToken, only?.snapshot.release]).toEqual(['now', 's2']);
  });

  test('passes over objects of other kinds', () => {
    expect(run([...sound, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, null, 7]).verdicts).toHaveLength(3);
  });
});

describe('a faulty object', () => {
  const faulty = scoped({ query: { select: [{ as: 'day', column: 'nope' }] } });

  test('keeps its last good form, and every other object converges', () => {
    const { bundle, verdicts } = run([dataset({ suspend: true }), faulty, sound[2]], { lastGood });
    expect(verdicts.map(({ kind, serving }) => [kind, serving])).toEqual([
      ['Dataset', 'current'],
      ['Endpoint', 'last_good'],
      ['ApiKey', 'current'],
    ]);
    expect(bundle.endpoints).toEqual(lastGood.endpoints);
    expect(bundle.datasets[0]?.suspend).toBe(true);
  });

  test('serves nothing when it was never good', () => {
    expect(verdictsOf([dataset(), faulty])).toMatchObject({ 'Endpoint/daily': 'none' });
    expect(run([dataset(), faulty]).bundle.endpoints).toEqual([]);
  });

  test('that is deleted leaves the bundle, last good or not', () => {
    expect(run([dataset()], { lastGood }).bundle).toMatchObject({ endpoints: [], keys: [] });
  });

  test('serves nothing once its dataset is gone', () => {
    expect(verdictsOf([scoped()], { lastGood })).toEqual({ 'Endpoint/daily': 'none' });
    expect(run([scoped()], { lastGood }).bundle.endpoints).toEqual([]);
  });

  test('of a dataset keeps its last good form too, and goes on being released', () => {
    const { bundle } = run([dataset({ schema: [] }), ...sound.slice(1)], { lastGood, releases: { visits: 's9' } });
    expect(bundle.datasets[0]).toMatchObject({ schema: lastGood.datasets[0]?.schema, snapshot: { release: 's9' } });
    expect(bundle.endpoints).toEqual(lastGood.endpoints);
  });

  test('whose dataset has outgrown it keeps its old layout, which no new snapshot has', () => {
    const grown = dataset({
      schema: [
        { name: 'tenant_id', type: 'VARCHAR' },
        { name: 'date', type: 'DATE' },
      ],
    });
    const { bundle, verdicts } = run([grown, scoped()], { lastGood });
    expect(verdicts[1]).toMatchObject({ serving: 'last_good', problems: [{ code: 'unknown_column' }] });
    expect(bundle.endpoints[0]?.layout).toBe(lastGood.endpoints[0]?.layout);
    expect(bundle.datasets[0]?.layout).not.toBe(bundle.endpoints[0]?.layout);
  });

  test('that is a revoked key is revoked, whatever else is wrong with it', () => {
    const { bundle, verdicts } = run([dataset(), scoped(), apiKey({ tenant: 'a', endpoints: ['nope'], state: 'Revoked' })], { lastGood });
    expect(verdicts[2]?.serving).toBe('last_good');
    expect(bundle.keys[0]?.state).toBe('Revoked');
  });

  test('of the other tenancy never serves in public, and the tenant keeps its last good form', () => {
    expect(run(sound, { auth: 'none' }).bundle.endpoints).toEqual([]);
    expect(run(sound, { auth: 'none', lastGood }).bundle.endpoints[0]?.tenantColumn).toBe('tenant_id');
  });
});

describe('of two that claim one name', () => {
  const elder = older(endpoint({ name: 'same' }, 'elder'));
  const younger = endpoint({ name: 'same' }, 'younger');

  test('the older wins and the younger is told, in any order', () => {
    for (const both of [
      [elder, younger],
      [younger, elder],
    ]) {
      expect(verdictsOf([dataset(), ...both])).toMatchObject({ 'Endpoint/elder': 'current', 'Endpoint/younger': 'none' });
      expect(codesOf([dataset(), ...both], 'younger')).toEqual(['duplicate_endpoint']);
    }
  });

  test('of one age the one whose own name comes first wins', () => {
    const twins = ['b', 'a'].map((name) => endpoint({ name: 'same' }, name));
    expect(verdictsOf([dataset(), ...twins])).toMatchObject({ 'Endpoint/a': 'current', 'Endpoint/b': 'none' });
  });

  test('the younger that served the name gives way to a sound older one', () => {
    const before = run([dataset(), younger]).bundle;
    const { bundle } = run([dataset(), elder, younger], { lastGood: before });
    expect(bundle.endpoints.map((one) => one.object)).toEqual(['elder']);
  });

  test('the younger that served the name serves on while the older is faulty', () => {
    const before = run([dataset(), younger]).bundle;
    const broken = older(endpoint({ name: 'same', datasetRef: { name: 'nope' } }, 'elder'));
    const { bundle, verdicts } = run([dataset(), broken, younger], { lastGood: before });
    expect(bundle.endpoints.map((one) => one.object)).toEqual(['younger']);
    expect(verdicts.map((one) => one.serving)).toEqual(['current', 'none', 'last_good']);
  });

  test('an older one in its last good form holds its old name against a younger one', () => {
    const before = run([dataset(), elder]).bundle;
    for (const changed of [
      { name: 'same', columns: [] },
      { name: 'other', datasetRef: { name: 'nope' } },
    ]) {
      const { bundle } = run([dataset(), older(endpoint(changed, 'elder')), younger], { lastGood: before });
      expect(bundle.endpoints.map((one) => one.object)).toEqual(['elder']);
    }
  });

  test('a hash works for the older key only', () => {
    const keys = [apiKey({}, 'younger'), older(apiKey({}, 'elder'))];
    expect(verdictsOf(keys)).toEqual({ 'ApiKey/elder': 'current', 'ApiKey/younger': 'none' });
    expect(codesOf(keys, 'younger')).toEqual(['duplicate_key']);
  });

  test('an older key in its last good form holds its hash against a younger one', () => {
    const before = run([older(apiKey({}, 'elder'))]).bundle;
    const { bundle } = run([older(apiKey({ endpoints: ['nope'] }, 'elder')), apiKey({}, 'younger')], { lastGood: before });
    expect(bundle.keys.map((key) => key.id)).toEqual(['elder']);
  });

  test.each([
    ['Dataset', 'duplicate_dataset', dataset(), dataset({ suspend: true })],
    ['Endpoint', 'duplicate_endpoint', endpoint(), endpoint({ version: 2 })],
    ['ApiKey', 'duplicate_key', apiKey(), apiKey({ hash: 'b'.repeat(64) })],
  ])('two %ss of one name in files: the first is kept, the second told', (kind, code, first, second) => {
    const { verdicts } = run([dataset(), first, second].slice(kind === 'Dataset' ? 1 : 0));
    const own = verdicts.filter((one) => one.kind === kind);
    expect(own.map((one) => [one.serving, one.problems.map((problem) => problem.code)])).toEqual([
      ['current', []],
      ['none', [code]],
    ]);
  });
});

describe('grants', () => {
  test('a key for everything needs no tenant and names no endpoint', () => {
    expect(codesOf([dataset(), scoped(), apiKey()], 'acme')).toEqual([]);
  });

  test('a key may name an endpoint that is faulty: it is there', () => {
    expect(codesOf([scoped(), apiKey({ tenant: 'a', endpoints: ['daily'] })], 'acme')).toEqual([]);
  });

  test('endpoints are granted by their name in the URL, not by that of the object', () => {
    const renamed = [dataset(), endpoint({ name: 'per_day' }, 'daily')];
    expect(codesOf([...renamed, apiKey({ endpoints: ['per_day'] })], 'acme')).toEqual([]);
    expect(codesOf([...renamed, apiKey({ endpoints: ['daily'] })], 'acme')).toEqual(['unknown_endpoint']);
  });
});
