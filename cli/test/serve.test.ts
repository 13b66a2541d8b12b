import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inFolder, offloader } from './run-offloader.ts';
import { adminToken, ask, isReady, layOutUsage, newFolder, publishUsage, serve, until } from './served.ts';
import type { Refused, Served } from './served.ts';

describe('publish, validate, serve, ask', () => {
  let folder: string;
  let gateway: Served;
  const admin = () => ['--admin-url', gateway.admin, '--admin-token', adminToken];

  beforeAll(async () => {
    folder = await newFolder();
    const config = await layOutUsage(folder);
    expect(await publishUsage(folder, 'first')).toMatchObject({ code: 0 });
    expect(await offloader(['validate', '--config', config])).toMatchObject({ code: 0 });
    gateway = (await serve(config, join(folder, 'cache'))) as Served;
    await until('readiness', () => isReady(gateway));
  });
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0);
    await rm(folder, { recursive: true, force: true });
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
    expect(await publishUsage(folder, 'second')).toMatchObject({ code: 0 });
    const answers: number[] = [];
    await until('the second snapshot', async () => {
      const { status, body } = await ask(gateway, 'account_totals', 'demo-acme-token');
      answers.push(status);
      return body.meta.snapshot_id === 'second';
    });
    expect(new Set(answers)).toEqual(new Set([200]));
  });

  test('no log line holds a token', () => {
    expect(gateway.log()).not.toMatch(/demo-\w+-token|admin-token-of-the-tests/);
  });
});

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
      const refused = (await serve(await layOutUsage(folder), join(folder, 'cache'), env)) as Refused;
      expect(refused).toMatchObject({ code: 1, log: expect.stringContaining(named) });
      expect(refused.log.split('\n')).toHaveLength(1);
    }),
  );

  test('on resources that validate refuses, with the findings', () =>
    inFolder(async (folder) => {
      const config = await layOutUsage(folder);
      const file = join(config, 'endpoints.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('column: account_id, op: eq', 'column: acount, op: eq'));
      const refused = (await serve(config, join(folder, 'cache'))) as Refused;
      expect(refused.code).not.toBe(0);
      expect(refused.log).toContain('unknown_column');
    }));
});
