/** The contract's section on the support bundle, of a gateway without a cluster: each sentence is the name of a test. */
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { countedFiles, openBundle } from '../opened-bundle.ts';
import type { OpenedBundle } from '../opened-bundle.ts';
import { canary, plantedFiles } from '../planted-secrets.ts';
import { inProcess } from '../run-in-process.ts';
import { inFolder, offloader } from '../run-offloader.ts';
import type { Ran } from '../run-offloader.ts';
import { adminToken, layOutUsage, newFolder, publishUsage, serve, until } from '../served.ts';
import type { Served } from '../served.ts';

const resources = ['dataset.yaml', 'endpoints.yaml', 'keys.yaml'];
/** A source whose URL bears a password, and which nobody serves. */
const leaky = `apiVersion: offloader.dev/v1alpha1
kind: Dataset
metadata: { name: leaky }
spec:
  source: { manifest: { url: "https://127.0.0.1:1/manifest.json?X-Amz-Signature=${canary}-in-the-url" } }
  schema: [{ name: n, type: BIGINT }]
`;
let folder: string;
let project: string;
let gateway: Served;
let ran: Ran;
let bundle: OpenedBundle;
const everything = (): string => [...bundle.files].flat().join('\n');

beforeAll(async () => {
  folder = await newFolder();
  project = await layOutUsage(folder);
  await writeFile(join(project, 'leaky.yaml'), leaky);
  expect(await publishUsage(folder, 'first')).toMatchObject({ code: 0 });
  gateway = (await serve(project, join(folder, 'cache'))) as Served;
  await until('the other dataset', async () => (await fetch(`${gateway.admin}/status`)).status === 200);
  // Only now: the gateway reads none of these.
  const others = { ...plantedFiles, 'notes.txt': `admin_token: ${canary}`, 'deep/er/UPPER.YML': 'a: 1\n' };
  for (const [path, text] of Object.entries(others)) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }
  await symlink(join(project, 'dataset.yaml'), join(project, 'linked.yaml'));
  await until('the failed attempt and the other snapshot', async () => {
    const metrics = await (await fetch(`${gateway.admin}/metrics`)).text();
    return metrics.includes('offloader_source_reachable{dataset="leaky"} 0') && metrics.includes('offloader_refresh_ok{dataset="usage"} 1');
  });
  const admin = ['--admin-url', gateway.admin, '--admin-token', adminToken];
  ran = await offloader(['support-bundle', '--config', project, ...admin], { cwd: folder, env: { OFFLOADER_KEY: `${canary}-key` } });
  bundle = await openBundle(join(folder, 'offloader-support-bundle.tar.gz'));
});
afterAll(async () => {
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('`offloader support-bundle` --config --admin-url --admin-token --out (default offloader-support-bundle.tar.gz): tar.gz with config/<relative path> for every yml/yaml/json under the project dir, diagnostics.json when an admin URL is given, manifest.json listing path, bytes, sha256, source of each + a note; prints the list; exit 0.', () => {
  const paths = (): readonly string[] => countedFiles(bundle).map(({ path }) => path);

  test('it holds every yml, yaml and json of the project, also behind a link, and what the gateway says', () => {
    const configuration = [...resources, 'leaky.yaml', 'linked.yaml', 'deep/er/UPPER.YML', ...Object.keys(plantedFiles)];
    const gateway = ['diagnostics.json', 'metrics.txt', 'ready.json', 'status.json', 'triage.txt'];
    expect(paths()).toEqual([...configuration.map((path) => `config/${path}`), ...gateway].sort());
    expect(JSON.parse(bundle.files.get('diagnostics.json') ?? '')).toMatchObject({
      duckdb_status: 'ok',
      datasets: [{ dataset: 'leaky' }, { dataset: 'usage', active_snapshot: { snapshot_id: 'first' } }],
    });
  });

  test('manifest.json lists path, bytes, sha256 and source of each, with a note', () => {
    const { manifest } = bundle;
    expect(manifest.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })).sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual(
      countedFiles(bundle),
    );
    const sources = new Map(manifest.files.map(({ path, source }) => [path, source]));
    expect([sources.get('config/keys.yaml'), sources.get('diagnostics.json'), sources.get('metrics.txt')]).toEqual([
      'keys.yaml',
      '/diagnostics',
      '/metrics',
    ]);
    expect(manifest.note).toMatch(/redacted/);
    expect(Date.parse(manifest.created_at)).toBeLessThanOrEqual(Date.now());
  });

  test('it prints the list, and its owner alone may read it', async () => {
    expect(ran).toMatchObject({ code: 0, err: '' });
    for (const path of ['manifest.json', ...paths()]) expect(ran.out.split('\n')).toContain(path);
    expect(ran.out).toContain('wrote offloader-support-bundle.tar.gz');
    expect((await stat(join(folder, 'offloader-support-bundle.tar.gz'))).mode & 0o777).toBe(0o600);
  });

  test('it goes to --out, is 0 without a gateway or a project, and lists these as not fetched', () =>
    inFolder(async (elsewhere) => {
      const out = join(elsewhere, 'new/there.tgz');
      const alone = await inProcess(['support-bundle', '--out', out]);
      expect(alone).toMatchObject({ code: 0, err: '' });
      const { files, manifest } = await openBundle(out);
      expect([...files.keys()]).toEqual(['manifest.json']);
      expect(manifest.not_fetched.map(({ what }) => what)).toEqual([
        'configuration',
        'diagnostics, metrics, status, triage',
        'resources, events and logs of a cluster',
      ]);
      const gone = ['--config', join(elsewhere, 'nowhere'), '--admin-url', 'http://127.0.0.1:2', '--force'];
      expect(await inProcess(['support-bundle', '--out', out, ...gone])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/not fetched: config .*no such file[^]*not fetched: \/diagnostics: .*nothing listens/),
      });
    }));

  test('a file that cannot be had is listed, and the others are there', () =>
    inFolder(async (elsewhere) => {
      await writeFile(join(elsewhere, 'good.yaml'), 'a: 1\n');
      await symlink(join(elsewhere, 'gone'), join(elsewhere, 'broken.yaml'));
      await writeFile(join(elsewhere, 'large.json'), JSON.stringify('x'.repeat(9 * 1024 ** 2)));
      const out = join(elsewhere, 'b.tar.gz');
      expect(await inProcess(['support-bundle', '--config', elsewhere, '--out', out])).toMatchObject({ code: 0 });
      const { files, manifest } = await openBundle(out);
      expect([...files.keys()].sort()).toEqual(['config/good.yaml', 'manifest.json']);
      expect(manifest.not_fetched).toEqual(
        expect.arrayContaining([
          { what: 'config/broken.yaml', why: expect.stringContaining('no such file') },
          { what: 'config/large.json', why: expect.stringContaining('left out as data') },
        ]),
      );
    }));
});

describe('Everything passes redaction first.', () => {
  test('no secret of the project, the settings or the command line is anywhere in the archive or in what is printed', () => {
    for (const text of [everything(), ran.out, ran.err]) {
      expect(text).not.toContain(canary);
      expect(text).not.toContain(adminToken);
      expect(text).not.toContain('x'.repeat(32));
    }
  });

  test('what the gateway tells is redacted too: a port that leaks everywhere, the given token among it', async () => {
    const server = createServer((request, response) => {
      const leak = { admin_token: canary, incidents: [], note: `the token is ${adminToken}`, url: `https://u:${canary}@h/${request.url}` };
      response.end(request.url === '/metrics' ? `m{token="${canary}"} 1\n# Bearer ${canary} ${adminToken}\n` : JSON.stringify(leak));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    await inFolder(async (elsewhere) => {
      const out = join(elsewhere, 'b.tar.gz');
      const leaked = await inProcess(['support-bundle', '--admin-url', url, '--admin-token', adminToken, '--out', out]);
      const { files } = await openBundle(out);
      for (const text of [...files.values(), leaked.out]) {
        expect(text).not.toContain(canary);
        expect(text).not.toContain(adminToken);
      }
      expect(files.get('metrics.txt')).toBe('m{token="[REDACTED]"} 1\n# Bearer [REDACTED] [REDACTED]\n');
    });
    server.close();
  });
});

describe('Must mask: values of keys named like secret_key_base, secret(_access_key), access_key(_id), private_key (PEM too), client_secret, token, admin_token, password/passwd, api_key (YAML, env, JSON forms); password part of scheme://user:pass@host; signed-URL signature params (Google, AWS); bearer tokens; bearer tokens in SQL secret text.', () => {
  test.each(Object.keys(plantedFiles))('%s', (path) => {
    const text = bundle.files.get(`config/${path}`) ?? '';
    expect(text).not.toContain(canary);
    expect(text).toMatch(/\[REDACTED\]|^# left out/);
    // There was something to mask.
    expect(plantedFiles[path]).toContain(canary);
  });
});

describe('Must keep: SHA-256 key hashes, ids, schema.', () => {
  test('resources without a secret are there to the byte', async () => {
    for (const name of resources) expect(bundle.files.get(`config/${name}`)).toBe(await readFile(join(project, name), 'utf8'));
    const text = bundle.files.get('config/keys.yaml') ?? '';
    expect(text.match(/hash: [0-9a-f]{64}$/gm)).toHaveLength(4);
  });

  test('of a file with secrets all the rest is there', () => {
    expect(bundle.files.get('config/leaky.yaml')).toBe(leaky.replace(`${canary}-in-the-url`, '[REDACTED]'));
    expect(bundle.files.get('config/forms/urls.yaml')).toMatch(
      /^a: postgres:\/\/user:\[REDACTED\]@host\/db\nb: .*X-Goog-Date=20260101&.*\nc: .*X-Amz-Date=2026&/,
    );
  });

  test('ids and hashes of what runs', async () => {
    const report: any = JSON.parse(bundle.files.get('diagnostics.json') ?? '');
    const live: any = await (await fetch(`${gateway.admin}/diagnostics`, { headers: { authorization: `Bearer ${adminToken}` } })).json();
    expect([report.config_revision, report.datasets[1].active_snapshot.snapshot_id, report.datasets[1].layout]).toEqual([
      live.config_revision,
      'first',
      live.datasets[1].layout,
    ]);
    expect(bundle.files.get('metrics.txt')).toContain('offloader_snapshot_info{dataset="usage",snapshot_id="first"');
  });
});

describe('Checksums are of the redacted bytes.', () => {
  test('a file with a secret has the checksum of what is in the archive', () => {
    const listed = bundle.manifest.files.find(({ path }) => path === 'config/leaky.yaml');
    const counted = countedFiles(bundle).find(({ path }) => path === 'config/leaky.yaml');
    expect(listed).toEqual({ ...counted, source: 'leaky.yaml' });
    expect(listed!.bytes).toBe(Buffer.byteLength(leaky.replace(`${canary}-in-the-url`, '[REDACTED]')));
  });
});

test('it names the versions and the verdict of triage', () => {
  expect(bundle.manifest.versions).toEqual({ offloader: expect.any(String), node: process.versions.node, gateway: expect.any(String) });
  expect(bundle.files.get('triage.txt')).toContain('source_unreachable: owner Environment, dataset leaky');
});
