/** The contract's section CLI, as far as it speaks to a gateway: each sentence is the name of a test. */
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inProcess } from '../run-in-process.ts';
import { inFolder, offloader } from '../run-offloader.ts';
import { adminToken, datasetOf, isReady, layOutUsage, newFolder, placeManifest, publishUsage, serve, until } from '../served.ts';
import type { Served } from '../served.ts';

const key = 'demo-acme-token';
let folder: string;
let gateway: Served;
const admin = () => ['--admin-url', gateway.admin, '--admin-token', adminToken];

beforeAll(async () => {
  folder = await newFolder();
  const config = await layOutUsage(folder);
  expect(await publishUsage(folder, 'first')).toMatchObject({ code: 0 });
  gateway = (await serve(config, join(folder, 'cache'))) as Served;
  await until('readiness', () => isReady(gateway));
});
afterAll(async () => {
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
});

const listening = async <T extends Server>(server: T): Promise<{ server: T; url: string }> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}` };
};
/** Of a port that nobody listens on: below those that the system gives out, so that nobody is given it meanwhile either. */
const nowhere = 'http://127.0.0.1:2';

describe('doctor [--config --admin-url --admin-token]: one ok/FAIL line per check (tools, config, /ready), 1 if any failed.', () => {
  test('all is well', async () => {
    const ran = await inProcess(['doctor', '--config', join(folder, 'config'), ...admin()]);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out.split('\n')).toEqual([
      expect.stringMatching(/^ok {3}Node\.js: \d+\./),
      expect.stringMatching(/^ok {3}DuckDB: v\d/),
      'ok   configuration: 8 resources',
      'ok   gateway /ready: status 200',
      'ok   gateway /diagnostics: DuckDB ok, 0 incidents',
      '',
    ]);
  });

  test('each check that fails is a FAIL line that says why, and the others are made all the same', async () => {
    const [url, other] = [nowhere, join(folder, 'other')];
    const ran = await inProcess(['doctor', '--config', other, '--admin-url', url]);
    expect(ran).toMatchObject({ code: 1, err: '' });
    expect(ran.out.split('\n').slice(2)).toEqual([
      'FAIL configuration: there is no such file or folder',
      `FAIL gateway /ready: ${url}/ready: nothing listens there; is the gateway running, and is this its port?`,
      '',
    ]);
    expect(await inProcess(['doctor', '--admin-url', gateway.admin, '--admin-token', 'wrong'])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/ok {3}gateway \/ready: .*\nFAIL gateway \/diagnostics: \/diagnostics: 401/),
    });
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, 'kind: Nothing\n');
    expect(await inProcess(['doctor', '--config', folder])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/FAIL configuration: \d/),
    });
    await rm(bad);
  });

  test('without options it checks the tools', async () => {
    expect(await inProcess(['doctor'])).toMatchObject({ code: 0, out: expect.stringMatching(/^(ok {3}.*\n){2}$/) });
  });
});

describe('endpoint test --url --endpoint --key --params --expect-status(200): wrong status ⇒ 1 with body; 200 also requires meta.snapshot_id and meta.freshness; prints rows and snapshot; no --endpoint ⇒ 2.', () => {
  const endpointTest = (...more: string[]) =>
    inProcess(['endpoint', 'test', '--url', gateway.api, '--endpoint', 'account_daily', '--key', key, ...more]);

  test('prints rows and snapshot', async () => {
    expect(await endpointTest('--params', 'account_id=A-1&area=web')).toEqual({
      code: 0,
      out: 'account_daily: status 200, 3 rows, snapshot first\n',
      err: '',
    });
  });

  test('a wrong status is 1 with the body, and 0 when it is the expected one', async () => {
    const ran = await endpointTest('--params', 'account_id=A-1&area=mail');
    expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('account_daily: status 422, expected 200\n{') });
    expect(await endpointTest('--params', 'account_id=A-1&area=mail', '--expect-status', '422')).toMatchObject({ code: 0, err: '' });
    expect(await endpointTest('--params', 'account_id=A-1', '--expect-status', '422')).toMatchObject({ code: 1, out: '' });
  });

  test.each([
    ['no snapshot id', { data: [], meta: { freshness: {} } }, 'meta.snapshot_id is missing'],
    ['no freshness', { data: [], meta: { snapshot_id: 's' } }, 'meta.freshness is missing'],
    ['no JSON', 'hello', 'the answer is not JSON'],
  ])('an answer 200 with %s is 1', async (_what, body, why) => {
    const { server, url } = await listening(
      createHttpServer((_, response) => response.end(typeof body === 'string' ? body : JSON.stringify(body))),
    );
    const ran = await inProcess(['endpoint', 'test', '--url', url, '--endpoint', 'e']);
    server.close();
    expect(ran).toEqual({ code: 1, out: '', err: `e: ${why}\n` });
  });

  test('no --endpoint is 2', async () => {
    expect(await inProcess(['endpoint', 'test', '--url', gateway.api])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('--endpoint'),
    });
  });
});

describe('snapshot status --admin-url --admin-token: one line per dataset with active, watermark, age, last attempt, stale, and refresh_error when set; unreachable/401 ⇒ 1; no url ⇒ 2.', () => {
  const line = 'usage active=first watermark=\\S+Z age=\\d+s last_attempt=(ok|unchanged)\\(first\\) at \\S+Z stale=false';

  test('one line per dataset, with refresh_error when it is set', async () => {
    expect(await inProcess(['snapshot', 'status', ...admin()])).toEqual({ code: 0, out: expect.stringMatching(`^${line}\n$`), err: '' });
    const manifest = join(folder, 'lake/usage/manifest.json');
    await placeManifest(manifest, '{"snapshot_id": "broken"}');
    await until('the attempt', async () => (await datasetOf(gateway, 'usage')).last_attempted.status === 'rejected');
    const ran = await inProcess(['snapshot', 'status', ...admin()]);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toMatch(/^usage active=first .* last_attempt=rejected\(none\) at \S+Z stale=false refresh_error=missing at \w+: .*\n$/);
    expect(await publishUsage(folder, 'second', '--force')).toMatchObject({ code: 0 });
    await until('the second', async () => (await datasetOf(gateway, 'usage')).active_snapshot.snapshot_id === 'second');
  });

  test('unreachable or 401 is 1, no URL is 2', async () => {
    const status = (...args: string[]) => inProcess(['snapshot', 'status', ...args]);
    expect(await status('--admin-url', nowhere)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('nothing listens'),
    });
    expect(await status('--admin-url', gateway.admin)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--admin-token') });
    expect(await status('--admin-url', gateway.admin, '--admin-token', 'wrong')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('401'),
    });
    expect(await status('--admin-token', adminToken)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--admin-url') });
  });
});

describe('HTTP calls of the CLI time out after 5 s.', () => {
  // publish into a silent store: publish-stores.test.ts
  test('each command that calls a server which takes the call and never answers', async () => {
    const { server, url } = await listening(createServer(() => undefined));
    const out = join(folder, 'silent.tar.gz');
    const from = Date.now();
    const runs = await Promise.all([
      offloader(['endpoint', 'test', '--url', url, '--endpoint', 'e']),
      ...[['snapshot', 'status'], ['triage'], ['doctor']].map((command) =>
        inProcess([...command, '--admin-url', url, '--admin-token', 't']),
      ),
      inProcess(['support-bundle', '--admin-url', url, '--out', out]),
    ]);
    const took = Date.now() - from;
    server.close();
    for (const { out: printed, err } of runs) expect(printed + err).toContain('no answer within 5 s');
    expect(runs.map(({ code }) => code)).toEqual([1, 1, 1, 1, 0]);
    // A timer may be a millisecond early.
    expect(took).toBeGreaterThanOrEqual(4_990);
  });

  test('also when the answer starts and never ends', async () => {
    const { server, url } = await listening(createHttpServer((_, response) => void response.writeHead(200).write('{"data": [')));
    const ran = await inProcess(['endpoint', 'test', '--url', url, '--endpoint', 'e']);
    server.closeAllConnections();
    server.close();
    expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('no answer within 5 s') });
  });
});

describe('Secrets are not printed by any command except the one-time token.', () => {
  const canary = 'c4n4ry-S3cr3t';
  const env = { OFFLOADER_ADMIN_TOKEN: canary, OFFLOADER_KEY: canary, OFFLOADER_SECRET_KEY_BASE: canary, AWS_SECRET_ACCESS_KEY: canary };

  test.each<[string, (url: string, folder: string) => string[]]>([
    ['endpoint test', (url) => ['endpoint', 'test', '--url', url, '--endpoint', 'e', '--key', canary, '--params', `token=${canary}`]],
    ['snapshot status', (url) => ['snapshot', 'status', '--admin-url', url, '--admin-token', canary]],
    ['triage', (url) => ['triage', '--admin-url', url]],
    ['doctor', (url) => ['doctor', '--admin-url', url, '--admin-token', canary]],
    ['support-bundle', (url, into) => ['support-bundle', '--admin-url', url, '--config', into, '--out', join(into, 'b.tar.gz')]],
    ['serve', (_url, into) => ['serve', '--config', into]],
    ['validate', (_url, into) => ['validate', '--config', into]],
    [
      'publish',
      () => ['publish', 'examples/usage/data', '--dataset', 'd', '--out', 's3://b/x', '--s3-endpoint', `http://u:${canary}@127.0.0.1:9`],
    ],
    ['an unknown option', () => ['triage', `--admin-tokn=${canary}`]],
    ['help', () => ['snapshot', 'status', '--help']],
  ])('%s, whether the gateway refuses, is not there or is there', (_command, argsFor) =>
    inFolder(async (into) => {
      await writeFile(join(into, 'd.yaml'), `kind: Dataset\nspec: {source: {manifest: {url: "https://u:${canary}@h/m"}}}\n`);
      for (const url of [gateway.admin, nowhere.replace('//', `//user:${canary}@`)]) {
        const ran = await offloader(argsFor(url, into), { env });
        expect(ran.out + ran.err).not.toContain(canary);
        expect(ran.out + ran.err).not.toBe('');
        await rm(join(into, 'b.tar.gz'), { force: true });
      }
    }),
  );

  test('an answer that repeats the key is not what is printed of it', async () => {
    const { server, url } = await listening(
      createHttpServer((request, response) => response.writeHead(500).end(request.headers.authorization)),
    );
    const ran = await inProcess(['endpoint', 'test', '--url', url, '--endpoint', 'e', '--key', canary]);
    server.close();
    expect(ran).toEqual({ code: 1, out: '', err: 'e: status 500, expected 200\nBearer [the key]\n' });
  });

  test('tokens are shown once: by init and by keys create, and stand in none of the files that these write', () =>
    inFolder(async (into) => {
      for (const args of [
        ['init', '--out', join(into, 'project')],
        ['keys', 'create', '--name', 'k', '--endpoints', '*', '--out', join(into, 'key.yaml')],
      ]) {
        const ran = await inProcess(args);
        expect(ran.out.match(/ofl_[A-Za-z0-9_-]{43}/g)).toHaveLength(1);
      }
      const bundle = await inProcess(['validate', '--config', into]);
      expect(bundle.out).toBe('OK: 1 datasets, 2 endpoints, 2 keys\n');
      for (const entry of await readdir(into, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain('ofl_');
    }));
});
