/** The contract's section "Details that clients see", as far as it speaks of the CLI: options as they are written there. */
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { extract } from 'tar';
import { parse } from 'yaml';
import { inProcess } from '../run-in-process.ts';
import { repository } from '../run-offloader.ts';
import { adminToken, isReady, layOutUsage, newFolder, placeManifest, publishUsage, serve, until } from '../served.ts';
import type { Served } from '../served.ts';

let folder: string;
let config: string;
let gateway: Served;
const admin = (): readonly string[] => ['--admin-url', gateway.admin, '--admin-token', adminToken];

beforeAll(async () => {
  folder = await newFolder();
  config = await layOutUsage(folder);
  expect(await publishUsage(folder, 'first')).toMatchObject({ code: 0 });
  gateway = (await serve(config, join(folder, 'cache'))) as Served;
  await until('readiness', () => isReady(gateway));
});
afterAll(async () => {
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
});

test('`offloader triage --admin-url URL --admin-token T` exits 1 when it finds something, 0 when all is well.', async () => {
  const triage = () => inProcess(['triage', ...admin()]);
  await until('no incident', async () => (await triage()).code === 0);
  expect(await triage()).toEqual({ code: 0, out: 'OK: nothing found\n', err: '' });

  await placeManifest(join(folder, 'lake/usage/manifest.json'), '{"snapshot_id": "broken"}');
  await until('an incident', async () => (await triage()).code === 1);
  const { out } = await triage();
  expect(out).toMatch(/^refresh_rejected: owner UpstreamData, dataset usage, since \S+Z\n {2}evidence: missing at \w+/);
  expect(out).toContain('\n  runbook: runbooks/refresh-rejected.md\n');

  expect(await publishUsage(folder, 'second', '--force')).toMatchObject({ code: 0 });
  await until('the end of it', async () => (await triage()).code === 0);
});

test('a triage that gets no answer, or is refused, exits 1 too: nobody can say that all is well', async () => {
  const nowhere = await inProcess(['triage', '--admin-url', 'http://127.0.0.1:9']);
  expect(nowhere).toMatchObject({
    code: 1,
    err: expect.stringContaining('gateway_does_not_start, owner Environment, runbooks/gateway-does-not-start.md'),
  });
  expect(await inProcess(['triage', '--admin-url', gateway.admin, '--admin-token', 'wrong'])).toMatchObject({ code: 1 });
});

describe("CLI options: `keys create --name --tenant --endpoints a,b` · `init --out DIR [--public] [--force]` · `import DIR --out DIR` · `publish DIR --dataset NAME [--snapshot-id ID] [--out URL]` (writes manifest.json last) · `scaffold-dataset --from FILE --out FILE` · `endpoint test --url --endpoint --key --params 'a=1&b=2' --expect-status` · `snapshot status --admin-url --admin-token` · `support-bundle --config --admin-url --admin-token --out`.", () => {
  const path = (...names: readonly string[]): string => join(folder, ...names);
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await inProcess(args);
    expect([code, err]).toEqual([0, '']);
    return out;
  };
  const readYaml = async (file: string): Promise<any> => parse(await readFile(file, 'utf8'));

  test('keys create', async () => {
    const { metadata, spec } = parse(
      (await ok('keys', 'create', '--name', 'k', '--tenant', 'acme', '--endpoints', 'a,b')).split('---\n')[1] ?? '',
    );
    expect([metadata.name, spec.tenant, spec.endpoints]).toEqual(['k', 'acme', ['a', 'b']]);
  });

  test('init', async () => {
    await ok('init', '--out', path('project'));
    expect((await inProcess(['init', '--out', path('project'), '--public'])).code).toBe(1);
    await ok('init', '--out', path('project'), '--public', '--force');
    await ok('init', '--out', path('open'), '--public');
    expect(await ok('validate', '--config', path('open'), '--auth', 'none')).toMatch(/^OK: .* 0 keys\n$/);
  });

  test('import', async () => {
    for (const kind of ['datasets', 'endpoints']) await mkdir(path('original', kind), { recursive: true });
    await writeFile(path('original/offloader.yml'), 'version: 1\nobject_store_mode: local\n');
    await writeFile(path('original/datasets/d.yml'), 'id: d\nmanifest: m.json\nschema: [{name: n, type: BIGINT}]\n');
    const endpoint = 'name: all\nversion: 1\ndataset: d\nserving_mode: local_table\nquery: {select: [{as: n, column: n}]}\ncolumns: [n]\n';
    await writeFile(path('original/endpoints/all.yml'), endpoint);
    await ok('import', path('original'), '--out', path('imported'));
    expect(await ok('validate', '--config', path('imported'))).toBe('OK: 1 datasets, 1 endpoints, 0 keys\n');
  });

  test('publish', async () => {
    const publish = (...more: readonly string[]) => ok('publish', join(repository, 'examples/usage/data'), '--dataset', 'usage', ...more);
    await publish('--snapshot-id', 'third', '--out', new URL(`file://${path('elsewhere')}`).href);
    const files = (await readdir(path('elsewhere'), { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
    const written = await Promise.all(
      files.map(async ({ parentPath, name }) => ({
        file: join(parentPath, name),
        at: (await stat(join(parentPath, name), { bigint: true })).mtimeNs,
      })),
    );
    const manifest = written.find(({ file }) => file === path('elsewhere', 'manifest.json'));
    expect(written.length).toBeGreaterThan(1);
    expect(written.filter(({ file, at }) => file !== manifest?.file && at > (manifest?.at ?? 0n))).toEqual([]);
    expect(JSON.parse(await readFile(manifest?.file ?? '', 'utf8'))).toMatchObject({ dataset_id: 'usage', snapshot_id: 'third' });
    // The options in brackets may be left out: an id of its own.
    await publish('--out', path('elsewhere'));
    expect(JSON.parse(await readFile(manifest?.file ?? '', 'utf8')).snapshot_id).toMatch(/^\d{4}-\d\d-\d\dT[\d-]+Z$/);
  });

  test('scaffold-dataset', async () => {
    await ok('scaffold-dataset', '--from', path('lake/usage/manifest.json'), '--out', path('dataset.yaml'));
    expect((await readYaml(path('dataset.yaml'))).spec.schema).toEqual((await readYaml(join(config, 'dataset.yaml'))).spec.schema);
  });

  test('endpoint test', async () => {
    const options = ['--url', gateway.api, '--endpoint', 'account_daily', '--key', 'demo-acme-token'];
    expect(await ok('endpoint', 'test', ...options, '--params', 'account_id=A-1&area=web', '--expect-status', '200')).toMatch(/3 rows/);
    await ok('endpoint', 'test', ...options, '--params', 'account_id=A-1&area=mail', '--expect-status', '422');
  });

  test('snapshot status', async () => {
    expect(await ok('snapshot', 'status', ...admin())).toMatch(/^usage active=\w+ /);
  });

  test('support-bundle', async () => {
    await ok('support-bundle', '--config', config, ...admin(), '--out', path('bundle.tar.gz'));
    const held: string[] = [];
    await extract({ file: path('bundle.tar.gz'), cwd: folder, filter: (name) => held.push(name) > 0 });
    expect(held).toEqual(expect.arrayContaining(['config/dataset.yaml', 'diagnostics.json']));
  });
});
