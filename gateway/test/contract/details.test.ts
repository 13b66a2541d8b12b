// The contract's section "Details that clients see": what a gateway answers and reports. Forms: formats.test.ts; types: values-in-json.test.ts.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compile } from '@offloader/contract';
import { parseSettings } from '../../src/index.ts';
import { dataset, plainEndpoint } from '../support/compiled.ts';
import { apiKey, endpoint, secretKeyBase, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';

let lake: Lake;
let other: Lake;
let world: World;
const rows = `SELECT * REPLACE (visits::BIGINT AS visits) FROM (VALUES
  ('acme', DATE '2026-01-01', 1, '50%_off'), ('acme', DATE '2026-01-02', 2, '50 and off'), ('acme', DATE '2026-01-03', 3, 'A'),
  ('acme', DATE '2026-01-04', 4, 'a,b'), ('acme', DATE '2026-01-05', 5, NULL), ('beta', DATE '2026-01-06', 6, 'a')) t(tenant_id, day, visits, k)`;
const select = ['day', 'visits', 'k'];
const filtered = (servingMode: 'LocalTable' | 'RemoteScan') => ({
  servingMode,
  params: [{ name: 'ks', type: 'string', list: true }, { name: 'prefix', type: 'string' }, { name: 'no_k', type: 'boolean' }],
  query: {
    select: select.map((name) => ({ as: name, column: name })),
    filters: [{ column: 'k', op: 'in', param: 'ks' }, { column: 'k', op: 'like_prefix', param: 'prefix' }, { column: 'k', op: 'is_null', param: 'no_k' }],
    orderBy: [{ column: 'day' }],
  },
  columns: select,
}); // prettier-ignore
const resources = (snapshot: Record<string, unknown> = {}) => [
  visitsDataset(lake.url, {
    snapshot,
    schema: [{ name: 'tenant_id', type: 'VARCHAR' }, { name: 'day', type: 'DATE' }, { name: 'visits', type: 'BIGINT' }, { name: 'k', type: 'VARCHAR' }],
  }),
  { ...visitsDataset(other.url), metadata: { name: 'account-metrics' } },
  endpoint('local', filtered('LocalTable')),
  endpoint('remote', filtered('RemoteScan')),
  endpoint('account', { datasetRef: { name: 'account-metrics' } }),
  apiKey('acme'),
  apiKey('beta'),
]; // prettier-ignore

beforeAll(async () => {
  lake = await createLake();
  other = await createLake('account_metrics');
  await lake.publish('a1', rows);
  await other.publish('o1', visits(1));
  world = await startWorld(resources());
});
afterAll(async () => {
  await world.end();
  await lake.remove();
  await other.remove();
});

type Answer = { data: { day: string; k: string | null }[]; meta: Record<string, unknown>; error?: Record<string, unknown> };
const ask = async (path: string, tenant = 'acme'): Promise<Answer & { status: number }> => {
  const response = await world.get(`/v1/endpoints/${path}`, `${tenant}-token`);
  return { ...((await response.json()) as Answer), status: response.status };
};
/** `k` of the rows that a query finds, the same in both modes. */
const found = async (query: string): Promise<readonly (string | null)[]> => {
  const [local, remote] = [await ask(`local?${query}`), await ask(`remote?${query}`)];
  expect(remote.data).toEqual(local.data);
  return local.data.map(({ k }) => k);
};
const reportOf = async (name: string, of = world): Promise<any> =>
  ((await (await of.admin('/diagnostics', 'admin-token')).json()) as any).datasets.find((one: any) => one.dataset === name);

test('Paging by cursor: the same parameters and `cursor=<meta.next_cursor>` (null on the last page); a cursor that is malformed, tampered with, or of another endpoint, tenant or set of parameters ⇒ 422.', async () => {
  const days: string[] = [];
  const cursors: (string | null)[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Answer = await ask(`local?no_k=false&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
    days.push(...page.data.map(({ day }) => day));
    cursor = page.meta['next_cursor'] as string | null;
    cursors.push(cursor);
  }
  expect(days).toEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
  expect(cursors).toEqual([expect.any(String), null]);
  const good = String(cursors[0]);
  const changed = `${good.slice(0, 10)}${good[10] === 'A' ? 'B' : 'A'}${good.slice(11)}`;
  const malformed = ['', 'zz', '%00', '../..', Buffer.from('2.YTE.AAAAAAAAAAAAAAAAAAAAAA').toString('base64url'), 'a'.repeat(5000)];
  for (const [path, tenant] of [
    ...[...malformed, changed, `${good}A`, good.slice(1)].map((cursor) => [`local?no_k=false&limit=2&cursor=${cursor}`, 'acme']),
    [`remote?no_k=false&limit=2&cursor=${good}`, 'acme'],
    [`local?no_k=false&limit=2&cursor=${good}`, 'beta'],
    [`local?no_k=true&limit=2&cursor=${good}`, 'acme'],
    [`local?limit=2&cursor=${good}`, 'acme'],
    [`local?no_k=false&columns=day&limit=2&cursor=${good}`, 'acme'],
  ] as const) {
    const { status, error } = await ask(path, tenant);
    expect([path, status, error]).toEqual([path, 422, expect.objectContaining({ family: 'invalid_param', code: 'invalid_cursor', param: 'cursor' })]); // prettier-ignore
  }
});

test('A list parameter is `{name, type: string, list: true}`, comma-separated on the wire.', async () => {
  expect(await found('ks=A')).toEqual(['A']);
  expect(await found('ks=A,50%20and%20off,zz')).toEqual(['50 and off', 'A']);
  // A comma always parts: 'a,b' is no member, its parts are.
  expect([await found('ks=a,b'), await found('ks=a%2Cb')]).toEqual([[], []]);
});

describe('`is_null` takes a boolean parameter; `like_prefix` is literal and case-sensitive.', () => {
  test('is_null', async () => {
    expect([await found('no_k=true'), await found('no_k=false')]).toEqual([[null], ['50%_off', '50 and off', 'A', 'a,b']]);
    for (const text of ['', 'yes', '1', 'TRUE']) expect([text, (await ask(`local?no_k=${text}`)).status]).toEqual([text, 422]);
    const refused = plainEndpoint({ params: [{ name: 'no_day', type: 'string' }], query: { select: [{ as: 'day', column: 'day' }], filters: [{ column: 'day', op: 'is_null', param: 'no_day' }] } }); // prettier-ignore
    const { verdicts } = compile({ auth: 'required', resources: [dataset(), refused], tokens: {}, releases: {}, lastGood: null });
    expect(verdicts.flatMap(({ problems }) => problems).map(({ code, path }) => [code, path])).toEqual([['incomparable_param', 'spec.query.filters[0].param']]); // prettier-ignore
  });

  test('like_prefix', async () => {
    expect(await found('prefix=50%25_')).toEqual(['50%_off']);
    expect(await found('prefix=50')).toEqual(['50%_off', '50 and off']);
    expect([await found('prefix=a'), await found('prefix=A'), await found('prefix=_'), await found('prefix=%25')]).toEqual([['a,b'], ['A'], [], []]); // prettier-ignore
  });
});

test('meta.serving_mode is `local_table` or `remote_scan`.', async () => {
  const modeOf = async (name: string): Promise<unknown> => (await ask(name)).meta['serving_mode'];
  expect([await modeOf('local'), await modeOf('remote')]).toEqual(['local_table', 'remote_scan']);
});

test("A manifest's dataset_id equals the Dataset's metadata.name, or the same with `-` written as `_`.", async () => {
  const named = async (snapshot: string, id: string): Promise<void> => other.publish(snapshot, visits(1), { change: (manifest) => (manifest['dataset_id'] = id) }); // prettier-ignore
  const stateOf = async (): Promise<readonly unknown[]> => {
    const { active_snapshot: active, last_attempted: last, refresh_error: error } = await reportOf('account-metrics');
    return [active.snapshot_id, last.status, error?.code, error?.path];
  };
  expect((await stateOf())[0]).toBe('o1');
  await named('o2', 'account-metrics');
  await until(async () => (await stateOf())[0] === 'o2');
  await named('bad', 'account_metrics2');
  await until(async () => (await reportOf('account-metrics')).last_attempted.snapshot_id === 'bad');
  expect(await stateOf()).toEqual(['o2', 'rejected', 'dataset_mismatch', 'dataset_id']);
  await named('o3', 'account_metrics');
  await until(async () => (await stateOf())[0] === 'o3');
});

describe('A pin that cannot be had changes nothing that serves, and status says so; an empty replica stays not ready rather than serve another snapshot.', () => {
  test('a replica that serves goes on', async () => {
    await world.write(resources({ pin: 'zz' }));
    await until(async () => (await reportOf('visits')).rollback_refused !== null);
    expect((await reportOf('visits')).rollback_refused).toContain('snapshot zz of snapshot.pin');
    expect((await ask('local')).meta['snapshot_id']).toBe('a1');
    await world.write(resources());
    await until(async () => (await reportOf('visits')).rollback_refused === null);
  });

  test('an empty one has nothing to serve', async () => {
    const empty = await startWorld(resources({ pin: 'zz' }));
    try {
      const response = await empty.get('/v1/endpoints/local', 'acme-token');
      expect([response.status, ((await response.json()) as Answer).error?.['family']]).toEqual([503, 'not_ready']);
      expect(await reportOf('visits', empty)).toMatchObject({ active_snapshot: null, rollback_refused: expect.stringContaining('zz') });
      // What else it has serves.
      expect((await empty.get('/v1/endpoints/account', 'acme-token')).status).toBe(200);
    } finally {
      await empty.end();
    }
  });
});

test('`incidents[]`: `{class, dataset?, endpoint?, owner, since, evidence[], action, runbook, escalate}`, owner one of UpstreamData, Environment, Offloader.', async () => {
  await other.publish('bad', visits(1), { change: (manifest) => delete manifest['producer'] });
  const incidents = async (): Promise<any[]> => ((await (await world.admin('/diagnostics', 'admin-token')).json()) as any).incidents;
  await until(async () => (await incidents()).some((one) => one.class === 'refresh_rejected' && one.evidence[0].includes('producer')));
  for (const { dataset: name, endpoint: at, ...one } of await incidents()) {
    expect([typeof name, typeof at].filter((type) => type !== 'string' && type !== 'undefined')).toEqual([]);
    expect(one).toEqual({
      class: expect.stringMatching(/^[a-z_]+$/),
      owner: expect.stringMatching(/^(UpstreamData|Environment|Offloader)$/),
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      evidence: expect.arrayContaining([expect.any(String)]),
      action: expect.any(String),
      runbook: `runbooks/${one.class.replaceAll('_', '-')}.md`,
      escalate: expect.any(String),
    });
  }
});

test('Durations in the environment are seconds as a number or `250ms`, `5s`, `2m`.', () => {
  const timeoutOf = (text: string): unknown => {
    const settings = parseSettings({ OFFLOADER_SECRET_KEY_BASE: secretKeyBase, OFFLOADER_CONFIG: '/', OFFLOADER_QUERY_TIMEOUT: text });
    return settings.ok ? settings.value.queryTimeoutMs : settings.error;
  };
  expect(['7', '0.5', '250ms', '5s', '2m'].map(timeoutOf)).toEqual([7000, 500, 250, 5000, 120_000]);
  for (const text of ['0', '-1', '5 s', '1h', 'soon', '1e3', '5S'])
    expect(timeoutOf(text)).toMatch(/^OFFLOADER_QUERY_TIMEOUT takes a duration above 0: seconds as a number, or 250ms, 5s, 2m/);
});
