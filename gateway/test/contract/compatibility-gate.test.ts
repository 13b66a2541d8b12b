// The contract's "Compatibility gate" over real files: what passes it loads, value for value, and what does not changes nothing that serves. The
// gate itself, pair by pair, is proven beside it in contract/. Each test bears the sentence it proves.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseResource } from '@offloader/contract';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake } from '../support/lake.ts';
import { type Change, type Offers, openOffers } from '../support/offers.ts';

const row = (visits: string): string => `SELECT 'acme' AS tenant_id, DATE '2026-01-01' AS day, ${visits} AS visits`;
const schema = (type: string) => [
  { name: 'tenant_id', type: 'VARCHAR' },
  { name: 'day', type: 'DATE' },
  { name: 'visits', type },
];
const policy =
  (value: 'additive_only' | 'exact', then: Change = () => undefined): Change =>
  (manifest) => {
    manifest['compatibility_policy'] = value;
    then(manifest);
  };
const gate = 'incompatible_schema';

describe('a snapshot before the gate', () => {
  let offers: Offers;
  beforeAll(async () => {
    offers = await openOffers();
  });
  afterAll(async () => {
    await offers.end();
  });

  test.each(['additive_only', 'exact'] as const)(
    'that lacks a column, or has it by another name, is rejected with %s, and told by its id',
    async (value) => {
      expect(await offers.refused({ select: "SELECT 'acme' AS tenant_id, 7::BIGINT AS visits", change: policy(value) })).toEqual([
        `${gate} at schema`,
      ]);
      expect(offers.room.report().last_attempted?.snapshot_id).toBe(offers.lastId());
      const renamed = await offers.refused({ select: row('7::BIGINT').replace('AS day', 'AS date'), change: policy(value) });
      expect(renamed).toEqual([`${gate} at schema`, ...(value === 'exact' ? [`${gate} at schema[1].name`] : [])]);
    },
  );

  test.each([
    ['BIGINT', 'INTEGER', '7::INTEGER'],
    ['DOUBLE', 'BIGINT', '7::BIGINT'],
    ['BIGINT', 'VARCHAR', "'7'"],
    ['BIGINT', 'JSON', "'7'::JSON"],
  ])('where the dataset needs %s and is offered %s is rejected', async (needed, _offered, value) => {
    await offers.configure({ schema: schema(needed) });
    expect(await offers.refused({ select: row(value) })).toEqual([`${gate} at schema[2].type`]);
  });

  test.each([
    ['INTEGER', 'BIGINT', 'parquet', '2147483647::BIGINT', 2147483647],
    ['INTEGER', 'DOUBLE', 'parquet', '(-3)::DOUBLE', -3],
    ['BIGINT', 'DOUBLE', 'parquet', '4503599627370496::DOUBLE', 4503599627370496],
    ['BIGINT', 'DOUBLE', 'csv', '12::DOUBLE', 12],
    ['DOUBLE', 'DOUBLE', 'parquet', '0.5::DOUBLE', 0.5],
  ] as const)('where the dataset needs %s and is offered %s, in %s, serves its values', async (needed, _offered, format, value, served) => {
    await offers.configure({ schema: schema(needed) });
    await offers.taken({ select: row(value), format });
    const sums = await offers.rows('SELECT sum(visits)::DOUBLE FROM $data');
    expect(sums).toEqual([[served]]);
  });

  test.each([
    ['INTEGER', '2147483648::BIGINT'],
    ['BIGINT', '1.5::DOUBLE'],
    ['BIGINT', '1e19::DOUBLE'],
    ['BIGINT', "'nan'::DOUBLE"],
  ])('where the dataset needs %s does not load with %s, which has no room in it', async (needed, value) => {
    await offers.configure({ schema: schema(needed) });
    expect(await offers.refused({ select: row(value) })).toEqual(['value_does_not_fit at files[0]']);
  });

  test('The policy comes from the manifest, not the dataset.', async () => {
    await offers.configure();
    const wider = `SELECT *, 1 AS more FROM (${row('7::BIGINT')})`;
    await offers.taken({ select: wider, change: policy('additive_only') });
    expect(await offers.refused({ select: wider, change: policy('exact') })).toEqual([`${gate} at schema[3].name`]);
    await offers.taken({ select: wider, change: policy('additive_only') });
    await offers.taken({ select: row('8::BIGINT'), change: policy('exact') });
    for (const name of ['compatibility', 'compatibility_policy', 'compatibilityPolicy']) {
      const parsed = parseResource(visitsDataset('file:///lake/manifest.json', { [name]: 'exact' }));
      expect(parsed).toMatchObject({ ok: false, error: [{ code: 'unknown_field', path: `spec.${name}` }] });
    }
  });
});

describe('Extra columns are never servable unless the dataset and an endpoint declare them.', () => {
  let lake: Lake;
  let world: World;
  const wide = "SELECT 'acme' AS tenant_id, DATE '2026-01-01' AS day, 7::BIGINT AS visits, 'hidden-value' AS extra";
  const select = (...columns: readonly string[]) => ({
    query: { select: columns.map((column) => ({ as: column, column })) },
    columns,
    params: [],
  });
  const known = visitsDataset('').spec['schema'] as readonly unknown[];
  const resources = (isInDataset: boolean, isInEndpoint: boolean) => [
    visitsDataset(lake.url, { schema: [...known, ...(isInDataset ? [{ name: 'extra', type: 'VARCHAR' }] : [])] }),
    endpoint('plain', select('day', 'visits')),
    endpoint('wide', select('day', 'visits', ...(isInEndpoint ? ['extra'] : []))),
    endpoint('scanned', { ...select('day', 'visits'), servingMode: 'RemoteScan' }),
    apiKey('acme'),
  ];
  const ask = async (path: string): Promise<readonly [number, string]> => {
    const answer = await world.get(`/v1/endpoints/${path}`, 'acme-token');
    return [answer.status, await answer.text()];
  };
  const everyAnswer = async (): Promise<string> => {
    const api = await Promise.all(['plain', 'wide', 'scanned', 'wide.csv', 'wide.ndjson'].map(async (name) => (await ask(name))[1]));
    const admin = await Promise.all(['/openapi.json', '/schema', '/docs'].map(async (path) => (await world.admin(path)).text()));
    return [...api, ...admin].join('\n');
  };

  beforeAll(async () => {
    lake = await createLake();
    await lake.publish('s1', wide);
    world = await startWorld(resources(false, false));
  });
  afterAll(async () => {
    await world.end();
    await lake.remove();
  });

  const isHidden = async (): Promise<void> => {
    for (const name of ['plain', 'wide', 'scanned']) {
      expect((await ask(name))[0]).toBe(200);
      for (const query of ['columns=extra', 'columns=day,extra', 'extra=hidden-value'])
        expect([query, (await ask(`${name}?${query}`))[0]]).toEqual([query, 422]);
    }
    expect(await everyAnswer()).not.toMatch(/hidden-value|"extra"/);
  };

  test('declared by neither', isHidden);

  test('declared by an endpoint alone, which the gateway does not take over', async () => {
    await world.write(resources(false, true));
    await until(() => world.observed.some(({ kind }) => kind === 'config_rejected'));
    await isHidden();
  });

  test('declared by the dataset alone', async () => {
    await world.write(resources(true, false));
    await until(() => world.observed.some((event) => event.kind === 'snapshot_swapped' && event.cause === 'cutover'));
    await isHidden();
  });

  test('declared by both', async () => {
    await world.write(resources(true, true));
    await until(async () => (await ask('wide'))[1].includes('hidden-value'));
    expect((await ask('wide?columns=extra'))[1]).toContain('"data":[{"extra":"hidden-value"}]');
    expect((await ask('plain?columns=extra'))[0]).toBe(422);
  });
});
