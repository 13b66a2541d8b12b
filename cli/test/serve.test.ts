import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inFolder, offloader, repository } from './run-offloader.ts';
import { adminToken, ask, datasetOf, serve, until } from './served.ts';
import type { Refused, Served } from './served.ts';

const usage = join(repository, 'examples/usage');
const lab = join(repository, 'examples/failure-lab');

/** The usage example's resources, reading from a lake of the test's own, every second. */
const layOut = async (folder: string): Promise<string> => {
  const config = join(folder, 'config');
  await cp(join(usage, 'resources'), config, { recursive: true });
  const file = join(config, 'dataset.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replaceAll('file:///demo/', `${pathToFileURL(join(folder, 'lake')).href}/`).replace('interval: 2s', 'interval: 1s'),
  );
  return config;
};
const publish = (folder: string, id: string, data = join(usage, 'data')) =>
  offloader(['publish', data, '--dataset', 'usage', '--snapshot-id', id, '--out', join(folder, 'lake/usage')]);
const isReady = async ({ admin }: Served): Promise<boolean> => (await fetch(`${admin}/ready`)).status === 200;

describe('publish, validate, serve, ask', () => {
  let folder: string;
  let gateway: Served;
  const admin = () => ['--admin-url', gateway.admin, '--admin-token', adminToken];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-serve-'));
    const config = await layOut(folder);
    expect(await publish(folder, 'first')).toMatchObject({ code: 0 });
    expect(await offloader(['validate', '--config', config])).toMatchObject({ code: 0 });
    gateway = (await serve(config, join(folder, 'cache'))) as Served;
    await until('readiness', () => isReady(gateway));
  });
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0);
    await rm(folder, { recursive: true, force: true });
  });

  test('every tenant sees its own accounts, and the sums are those of the file', async () => {
    expect(await ask(gateway, 'account_totals', 'demo-acme-token')).toMatchObject({
      status: 200,
      body: {
        data: [
          { account_id: 'A-1', visits: 999, seconds_per_visit: expect.closeTo(32.6), days: 3 },
          { account_id: 'A-2', visits: 1899, seconds_per_visit: expect.closeTo(37.6), days: 3 },
        ],
        meta: { snapshot_id: 'first', row_count: 2 },
      },
    });
    const daily = await ask(gateway, 'account_daily?account_id=I-1&area=shop&limit=1', 'demo-initech-token');
    expect(daily.body.data).toEqual([{ day: '2026-05-31', area: 'store', visits: 412, is_trial: true }]);
    expect((await ask(gateway, 'account_daily?account_id=I-1', 'demo-acme-token')).body.data).toEqual([]);
  });

  test.each([
    ['an enum member that is none', 'account_daily?account_id=A-1&area=mail', 'demo-acme-token', 422],
    ['a tenant asked for', 'account_totals?tenant_id=globex', 'demo-acme-token', 422],
    ['an endpoint not granted', 'account_totals', 'demo-globex-token', 404],
    ['a revoked key', 'account_totals', 'demo-revoked-token', 401],
  ])('%s is refused', async (_what, path, token, status) => {
    expect((await ask(gateway, path, token)).status).toBe(status);
  });

  test('the commands that look at a gateway say that all is well', async () => {
    const test = ['endpoint', 'test', '--url', gateway.api, '--endpoint', 'account_totals', '--key', 'demo-acme-token'];
    expect(await offloader(test)).toMatchObject({ code: 0, out: expect.stringContaining('2 rows, snapshot first') });
    expect(await offloader([...test, '--params', 'nope=1'])).toMatchObject({ code: 1, err: expect.stringContaining('422') });
    expect(await offloader([...test, '--params', 'nope=1', '--expect-status', '422'])).toMatchObject({ code: 0 });
    expect(await offloader(['triage', ...admin()])).toEqual({ code: 0, out: 'OK: nothing found\n', err: '' });
    const status = await offloader(['snapshot', 'status', ...admin()]);
    expect(status).toMatchObject({ code: 0, out: expect.stringMatching(/^usage active=first .*stale=false\n$/) });
    expect(await offloader(['snapshot', 'status', '--admin-url', gateway.admin, '--admin-token', 'wrong'])).toMatchObject({ code: 1 });
    const config = ['--config', join(folder, 'config')];
    expect(await offloader(['doctor', ...config, ...admin()])).toMatchObject({ code: 0, out: expect.not.stringContaining('FAIL') });
  });

  test('a newer snapshot is served with no restart and no failed request', async () => {
    expect(await publish(folder, 'second')).toMatchObject({ code: 0 });
    const answers: number[] = [];
    await until('the second snapshot', async () => {
      const { status, body } = await ask(gateway, 'account_totals', 'demo-acme-token');
      answers.push(status);
      return body.meta.snapshot_id === 'second';
    });
    expect(new Set(answers)).toEqual(new Set([200]));
  });

  // In this order: each starts from what the one before left serving.
  test.each([
    ['bad-manifest', 'rejected', 'refresh_rejected'],
    ['narrowed-type', 'rejected', 'refresh_rejected'],
    ['missing-file', 'rejected', 'refresh_rejected'],
  ])('the failure lab’s %s is %s, the old snapshot serves, and triage names %s and its owner', async (name, status, incident) => {
    const before = (await datasetOf(gateway, 'usage')).last_attempted.at;
    await cp(join(lab, name), join(folder, 'lake/usage'), { recursive: true });
    await until('the attempt', async () => {
      const { last_attempted: attempt } = await datasetOf(gateway, 'usage');
      return attempt.status === status && attempt.at !== before;
    });
    expect((await ask(gateway, 'account_totals', 'demo-acme-token')).body.meta.snapshot_id).toBe('second');
    const ran = await offloader(['triage', ...admin()]);
    expect(ran).toMatchObject({ code: 1, out: expect.stringContaining(`${incident}: owner UpstreamData`) });
    expect((await offloader(['snapshot', 'status', ...admin()])).out).toContain('refresh_error=');
    await rm(join(folder, 'lake/usage/usage.csv'), { force: true });
  });

  test('no log line holds a token', () => {
    expect(gateway.log()).not.toMatch(/demo-\w+-token|admin-token-of-the-tests/);
  });
});

test('a snapshot that is old from the start is served and flagged', () =>
  inFolder(async (folder) => {
    const config = await layOut(folder);
    await mkdir(join(folder, 'lake'));
    await cp(join(lab, 'stale'), join(folder, 'lake/usage'), { recursive: true });
    await using gateway = (await serve(config, join(folder, 'cache'))) as Served;
    await until('readiness', () => isReady(gateway));
    const { body } = await ask(gateway, 'account_totals', 'demo-acme-token');
    expect(body.meta).toMatchObject({ snapshot_id: 'stale', freshness: { stale: true } });
    const ran = await offloader(['triage', '--admin-url', gateway.admin, '--admin-token', adminToken]);
    expect(ran).toMatchObject({ code: 1, out: expect.stringContaining('dataset_stale: owner UpstreamData') });
  }));

test('a project from init serves at once, with the token that init printed', () =>
  inFolder(async (folder) => {
    const made = await offloader(['init', '--out', folder]);
    const token = /token: (\S+)/.exec(made.out)?.[1] ?? '';
    await using gateway = (await serve(join(folder, 'resources'), join(folder, 'cache'))) as Served;
    await until('readiness', () => isReady(gateway));
    expect((await ask(gateway, 'account_totals', token)).body.data).toEqual([
      { account_id: 'A-2', visits: 603 },
      { account_id: 'A-1', visits: 303 },
    ]);
  }));

describe('serve refuses to start', () => {
  test.each([
    ['without a secret', { OFFLOADER_SECRET_KEY_BASE: '' }, 'OFFLOADER_SECRET_KEY_BASE'],
    ['with a tuning value that is no number', { OFFLOADER_POOL_SIZE: 'many' }, 'OFFLOADER_POOL_SIZE'],
  ])('%s, in one line that names the variable', (_what, env, named) =>
    inFolder(async (folder) => {
      const refused = (await serve(await layOut(folder), join(folder, 'cache'), env)) as Refused;
      expect(refused).toMatchObject({ code: 1, log: expect.stringContaining(named) });
      expect(refused.log.split('\n')).toHaveLength(1);
    }),
  );

  test('on resources that validate refuses, with the findings', () =>
    inFolder(async (folder) => {
      const config = await layOut(folder);
      const file = join(config, 'endpoints.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('column: account_id, op: eq', 'column: acount, op: eq'));
      const refused = (await serve(config, join(folder, 'cache'))) as Refused;
      expect(refused.code).not.toBe(0);
      expect(refused.log).toContain('unknown_column');
    }));
});
