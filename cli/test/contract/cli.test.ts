/** The contract's section CLI, as far as it needs no gateway: each sentence is the name of a test. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from '@jest/globals';
import { err, ok } from '@offloader/contract';
import type { Manifest, Result } from '@offloader/contract';
import { parse, parseAllDocuments } from 'yaml';
import { publishCopy } from '../../src/publish/publish-snapshot.ts';
import type { Target } from '../../src/targets/target.ts';
import { inProcess } from '../run-in-process.ts';
import { inFolder, offloader, repository } from '../run-offloader.ts';
import { serve, until } from '../served.ts';
import type { Served } from '../served.ts';

const usage = join(repository, 'examples/usage');
const usageText = '^Usage: offloader \\[options\\] \\[command\\]\n';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const readYaml = async (path: string): Promise<any> => parse(await readFile(path, 'utf8'));

/** Writes the rows of a query into a Parquet file. */
const writeParquet = async (path: string, query: string): Promise<void> => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
};

describe('Exit codes 0 ok, 1 problem found/failed, 2 usage.', () => {
  // In processes of their own: the exit code of the process is what a pipeline sees.
  test.each([
    ['0 for what is well', ['validate', '--config', 'examples/usage/resources'], 0],
    ['1 for a problem found', ['manifest', 'validate', 'examples/failure-lab/bad-manifest/manifest.json'], 1],
    ['1 for what failed', ['validate', '--config', 'examples/nowhere'], 1],
    ['2 for an option that there is not', ['validate', '--config', 'examples', '--nope'], 2],
  ])('%s', async (_what, args, code) => {
    expect((await offloader(args)).code).toBe(code);
  });

  test.each([
    ['a group without its sub-command', ['keys'], 'a sub-command is missing'],
    ['a group with an unknown sub-command', ['keys', 'make'], "unknown command 'make'"],
    ['an argument too many', ['doctor', 'now'], 'too many arguments'],
    ['a required option left out', ['init'], '--out <dir>'],
    ['an option value that is none of the choices', ['publish', 'x', '--dataset', 'd', '--quality', 'superb'], 'passed, warning, failed'],
    ['a list with an empty item', ['keys', 'create', '--name', 'k', '--endpoints', 'a,,b'], 'without empty items'],
    ['a number that is none', ['publish', 'x', '--dataset', 'd', '--schema-version', 'one'], 'an integer from 1'],
    ['a time without its offset', ['publish', 'x', '--dataset', 'd', '--watermark', '2026-01-01T00:00:00'], 'a time with its offset'],
    ['a column type that is none', ['publish', 'x', '--dataset', 'd', '--types', 'a=FLOAT'], 'column=TYPE'],
    ['a URL that is none', ['triage', '--admin-url', 'localhost:4001'], 'a URL such as http://'],
    ['a status that is none', ['endpoint', 'test', '--url', 'http://h', '--endpoint', 'e', '--expect-status', 'ok'], 'an HTTP status'],
    ['help on what there is not', ['help', 'nope'], "unknown command 'nope'"],
  ])('2 for %s, with what is wrong and the usage on stderr', async (_what, args, why) => {
    const ran = await inProcess(args);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringContaining(why) });
    expect(ran.err).toContain('\nUsage: offloader');
  });
});

test('No args/help/-h/--help: usage on stdout, 0.', async () => {
  const [none, ...asked] = await Promise.all([[], ['help'], ['-h'], ['--help']].map((args) => offloader(args)));
  expect(none).toEqual({ code: 0, out: expect.stringMatching(usageText), err: '' });
  for (const ran of asked) expect(ran).toEqual(none);
});

test('Unknown command: stderr + usage, 2. version, --version, -v print the same.', async () => {
  expect(await offloader(['nope'])).toEqual({
    code: 2,
    out: '',
    err: expect.stringMatching(/^error: unknown command 'nope'\n\nUsage: offloader \[options\] \[command\]\n/),
  });
  const { version } = JSON.parse(await readFile(join(repository, 'cli/package.json'), 'utf8')) as { version: string };
  for (const word of ['version', '--version', '-v']) expect(await inProcess([word])).toEqual({ code: 0, out: `${version}\n`, err: '' });
});

describe('`offloader validate --config DIR` (every rule the server has, one pass, findings sorted by file then path on stderr with a total, 1; else an OK line), and `offloader manifest validate PATH`: same reporting and codes; missing sub-command/path ⇒ 2.', () => {
  // Every rule: see bad-resources.test.ts, which holds validate against the table that API server, operator and gateway are held to.
  test('a folder with several faults gets every one in one pass, by file, with a total', () =>
    inFolder(async (folder) => {
      await cp(join(usage, 'resources'), join(folder, 'sub'), { recursive: true });
      const path = join(folder, 'sub/endpoints.yaml');
      const text = await readFile(path, 'utf8');
      await writeFile(
        path,
        text.replace('column: account_id, op: eq', 'column: acount, op: eq').replace('maxLimit: 50', 'maxLimit: fifty'),
      );
      await writeFile(join(folder, 'a.yaml'), 'kind: [\n');
      const ran = await inProcess(['validate', '--config', folder]);
      expect(ran).toMatchObject({ code: 1, out: '' });
      const lines = ran.err.trimEnd().split('\n');
      expect(lines.map((line) => line.split(': ').slice(0, 4).join(': '))).toEqual([
        expect.stringContaining('a.yaml: line'),
        'sub/endpoints.yaml: Endpoint/area-ranking: spec.pagination.maxLimit: invalid_type',
        'sub/endpoints.yaml: Endpoint/account-daily: spec.query.filters[0].column: unknown_column',
        '3 problems found',
      ]);
    }));

  test.each([
    ['flights', 'OK: 1 datasets, 4 endpoints, 4 keys\n'],
    ['usage', 'OK: 1 datasets, 3 endpoints, 4 keys\n'],
  ])('the %s example is an OK line', async (example, out) => {
    const ran = await inProcess(['validate', '--config', join(repository, 'examples', example, 'resources')]);
    expect(ran).toEqual({ code: 0, out, err: '' });
  });

  test('a folder that is not there, and one without a resource, are refused', () =>
    inFolder(async (folder) => {
      const gone = await inProcess(['validate', '--config', join(folder, 'nope')]);
      expect(gone).toMatchObject({ code: 1, out: '', err: expect.stringContaining('there is no such file or folder') });
      expect(await inProcess(['validate', '--config', folder])).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining('no resource'),
      });
    }));

  test('a manifest is reported in the same way: sorted, on stderr, with a total; else an OK line', async () => {
    const bad = join(repository, 'examples/failure-lab/bad-manifest/manifest.json');
    const ran = await inProcess(['manifest', 'validate', bad]);
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(
      ran.err
        .trimEnd()
        .split('\n')
        .map((line) => line.split(': ').slice(0, 3).join(': ')),
    ).toEqual([
      `${bad}: schema[8].name: duplicate_column`,
      `${bad}: schema[9].type: unsupported_type`,
      `${bad}: snapshot_id: invalid_snapshot_id`,
      `${bad}: watermark: missing`,
      '4 problems found',
    ]);
    const good = join(repository, 'examples/failure-lab/stale/manifest.json');
    expect(await inProcess(['manifest', 'validate', good])).toEqual({ code: 0, out: `OK: ${good}\n`, err: '' });
  });

  test.each([[['manifest']], [['manifest', 'validate']]])('%j is 2', async (args) => {
    expect(await inProcess(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Usage: offloader manifest') });
  });
});

describe('`init` writes a project that passes validate and serves at once; `scaffold-dataset --from manifest.json|csv|parquet` infers a Dataset; `keys create` prints the token once and the ApiKey manifest with its hash; `import DIR` turns an original project folder (offloader.yml, datasets/*.yml, endpoints/*.yml, keys.yml) into the three kinds; `publish` writes a correct manifest for a folder of Parquet or CSV files (row counts, sizes, schema read from the files) and puts it in place last; `serve` runs the gateway standalone.', () => {
  test.each([
    ['with tenants and a key', [], 'required'],
    ['public', ['--public'], 'none'],
  ])('init writes a project %s that passes validate and is served at once', (_what, flags, auth) =>
    inFolder(async (folder) => {
      const project = join(folder, 'project');
      const made = await inProcess(['init', '--out', project, ...flags]);
      expect(made).toMatchObject({ code: 0, err: '' });
      expect(await inProcess(['validate', '--config', project, '--auth', auth])).toMatchObject({ code: 0, err: '' });
      const manifest = ['manifest', 'validate', join(project, 'data/manifest.json'), '--config', project];
      expect(await inProcess(manifest)).toMatchObject({ code: 0, err: '' });
      await using gateway = (await serve(join(project, 'resources'), join(folder, 'cache'), { OFFLOADER_AUTH: auth })) as Served;
      await until('readiness', async () => (await fetch(`${gateway.admin}/ready`)).status === 200);
      const token = /token: (\S+)/.exec(made.out)?.[1];
      const answer = await fetch(`${gateway.api}/v1/endpoints/account_totals`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
      const rows = [
        { account_id: 'G-1', visits: 903 },
        { account_id: 'A-2', visits: 603 },
        { account_id: 'A-1', visits: 303 },
      ];
      expect(((await answer.json()) as { data: unknown }).data).toEqual(auth === 'none' ? rows : rows.slice(1));
    }),
  );

  const columns = [
    { name: 'tenant_id', type: 'VARCHAR' },
    { name: 'day', type: 'DATE' },
    { name: 'n', type: 'BIGINT' },
    { name: 'ratio', type: 'DOUBLE' },
    { name: 'extra', type: 'JSON' },
  ];
  test('scaffold-dataset infers a Dataset from Parquet, from CSV and from a manifest', () =>
    inFolder(async (folder) => {
      const data = join(folder, 'data');
      await mkdir(data);
      const select = "SELECT 'a' AS tenant_id, DATE '2026-01-01' AS day, 1::BIGINT AS n, 0.5::DOUBLE AS ratio";
      await writeParquet(join(data, 'Daily_Rows.parquet'), `${select}, {'a': 1} AS extra`);
      await inProcess(['publish', data, '--dataset', 'daily']);
      await writeFile(join(folder, 'plain.csv'), 'tenant_id,day,n,ratio\na,2026-01-01,1,0.5\n');
      const scaffold = async (from: string) => {
        const ran = await inProcess(['scaffold-dataset', '--from', from, '--tenant-column', 'tenant_id']);
        expect(ran).toMatchObject({ code: 0, err: '' });
        await writeFile(join(folder, 'dataset.yaml'), ran.out);
        expect(await inProcess(['validate', '--config', folder])).toMatchObject({ code: 0 });
        return parse(ran.out) as unknown;
      };
      const datasetOf = (name: string, manifest: string, schema: object) => ({
        ...{ apiVersion: 'offloader.dev/v1alpha1', kind: 'Dataset', metadata: { name } },
        spec: { source: { manifest: { url: pathToFileURL(manifest).href } }, schema, tenantColumn: 'tenant_id' },
      });
      const manifest = join(data, 'manifest.json');
      expect(await scaffold(join(data, 'Daily_Rows.parquet'))).toEqual(datasetOf('daily-rows', manifest, columns));
      expect(await scaffold(manifest)).toEqual(datasetOf('daily', manifest, columns));
      const plain = columns.slice(0, 4);
      expect(await scaffold(join(folder, 'plain.csv'))).toEqual(datasetOf('plain', join(folder, 'manifest.json'), plain));
    }));

  test('keys create prints the token once and the ApiKey with its hash, which validate takes', () =>
    inFolder(async (folder) => {
      const options = ['--name', 'acme', '--tenant', 'acme', '--endpoints', 'account_totals,account_daily'];
      const ran = await inProcess(['keys', 'create', ...options, '--expires-at', '2030-01-31T00:00:00Z']);
      expect(ran).toMatchObject({ code: 0, err: '' });
      const [token = ''] = /ofl_[A-Za-z0-9_-]{43}/.exec(ran.out) ?? [];
      expect(ran.out.split(token)).toHaveLength(2);
      const key: unknown = parseAllDocuments(ran.out)[1]?.toJS();
      expect(key).toEqual({
        ...{ apiVersion: 'offloader.dev/v1alpha1', kind: 'ApiKey', metadata: { name: 'acme' } },
        spec: {
          tenant: 'acme',
          endpoints: ['account_totals', 'account_daily'],
          expiresAt: '2030-01-31T00:00:00Z',
          hash: sha256(token),
        },
      });
      // Into a file goes the manifest alone: the token is shown and kept nowhere.
      const out = join(folder, 'key.yaml');
      const again = await inProcess(['keys', 'create', ...options, '--out', out]);
      const [other = ''] = /ofl_[A-Za-z0-9_-]{43}/.exec(again.out) ?? [];
      expect(other).not.toBe(token);
      expect(await readFile(out, 'utf8')).toContain(sha256(other));
      expect(await readFile(out, 'utf8')).not.toContain(other);
    }));

  // The fields one by one, and what is refused: see import.test.ts.
  test('import turns an original project folder into the three kinds, which validate takes', () =>
    inFolder(async (folder) => {
      const files = {
        'offloader.yml': 'version: 1\nobject_store_mode: local\n',
        'datasets/visits.yml':
          'id: visits\nmanifest: data/manifest.json\ntenant_column: t\nschema: [{name: t, type: VARCHAR}, {name: n, type: BIGINT}]\n',
        'endpoints/all.yml':
          'name: all\nversion: 2\ndataset: visits\nserving_mode: local_table\ntenant: {column: t}\nquery: {select: [{as: n, column: n}]}\ncolumns: [n]\n',
        'keys.yml': `keys:\n  - {id: acme, hash: ${sha256('x')}, tenant: acme, endpoints: ["*"], status: active}\n`,
      };
      for (const [path, text] of Object.entries(files)) {
        await mkdir(join(folder, 'from', path, '..'), { recursive: true });
        await writeFile(join(folder, 'from', path), text);
      }
      const out = join(folder, 'out');
      expect(await inProcess(['import', join(folder, 'from'), '--out', out])).toMatchObject({ code: 0, err: '' });
      expect(await inProcess(['validate', '--config', out])).toMatchObject({ code: 0, out: 'OK: 1 datasets, 1 endpoints, 1 keys\n' });
      expect(await readYaml(join(out, 'datasets/visits.yaml'))).toMatchObject({ kind: 'Dataset', metadata: { name: 'visits' } });
      expect(await readYaml(join(out, 'endpoints/all.yaml'))).toMatchObject({ kind: 'Endpoint', spec: { version: 2 } });
      expect(await readYaml(join(out, 'keys.yaml'))).toMatchObject({ kind: 'ApiKey', spec: { hash: sha256('x'), state: 'Active' } });
    }));

  // S3 and GCS: publish-s3.test.ts and publish-gcs.test.ts; what is read from the files: publish.test.ts.
  test('publish counts rows and bytes and reads the schema of the files', () =>
    inFolder(async (folder) => {
      const data = join(folder, 'data');
      await mkdir(data);
      await writeParquet(join(data, 'a.parquet'), "SELECT i::INTEGER AS n, 'x' AS code FROM range(7) r(i)");
      await writeFile(join(data, 'b.csv'), 'n,code\n8,y\n9,z\n');
      const out = join(folder, 'lake');
      const ran = await inProcess(['publish', data, '--dataset', 'numbers', '--snapshot-id', 'one', '--out', out]);
      expect(ran).toMatchObject({ code: 0, err: '' });
      const [a, b] = await Promise.all(['a.parquet', 'b.csv'].map(async (name) => (await stat(join(data, name))).size));
      const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as object;
      expect(manifest).toMatchObject({
        ...{ dataset_id: 'numbers', snapshot_id: 'one', row_count: 9, size_bytes: a! + b! },
        schema: [
          { name: 'n', type: 'BIGINT' },
          { name: 'code', type: 'VARCHAR' },
        ],
        files: [
          { path: 'snapshots/one/a.parquet', format: 'parquet', row_count: 7, size_bytes: a },
          { path: 'snapshots/one/b.csv', format: 'csv', row_count: 2, size_bytes: b },
        ],
      });
      expect(await inProcess(['manifest', 'validate', join(out, 'manifest.json')])).toMatchObject({ code: 0 });
    }));

  test.each([
    ['when all goes well', '', ['snapshots/one/a.csv', 'snapshots/one/b.csv', 'snapshots/one/manifest.json', 'manifest.json']],
    ['and not at all when a file does not arrive', 'snapshots/one/b.csv', ['snapshots/one/a.csv', 'snapshots/one/b.csv']],
  ])('publish puts manifest.json in place last %s', async (_what, broken, expected) => {
    const order: string[] = [];
    const put = async (path: string): Promise<Result<null, string>> => {
      order.push(path);
      return path === broken ? err('no') : ok(null);
    };
    const target: Target = { name: 't', readText: async () => ok(null), has: async () => ok(false), putFile: put, putText: put };
    const file = (path: string) => ({ absolute: '', path, format: 'csv' as const, sizeBytes: 1 });
    const manifest = { snapshot_id: 'one', files: [] } as unknown as Manifest;
    const done = await publishCopy({ manifest, files: [file('a.csv'), file('b.csv')], target, force: false });
    expect([done.ok, order]).toEqual([broken === '', expected]);
  });
});

describe('No existing file is overwritten without --force.', () => {
  const data = join(usage, 'data');
  test.each<[string, string, (folder: string) => string[]]>([
    ['init', 'data/visits.csv', (folder) => ['init', '--out', folder]],
    ['scaffold-dataset', 'd.yaml', (folder) => ['scaffold-dataset', '--from', join(data, 'usage.csv'), '--out', join(folder, 'd.yaml')]],
    ['keys create', 'k.yaml', (folder) => ['keys', 'create', '--name', 'k', '--endpoints', '*', '--out', join(folder, 'k.yaml')]],
    ['import', 'keys.yaml', (folder) => ['import', join(folder, '.from'), '--out', folder]],
    ['support-bundle', 'b.tar.gz', (folder) => ['support-bundle', '--out', join(folder, 'b.tar.gz')]],
    ['publish in place', 'manifest.json', (folder) => ['publish', folder, '--dataset', 'd']],
    [
      'publish of a snapshot that is there',
      'snapshots/s/usage.csv',
      (folder) => ['publish', data, '--dataset', 'd', '--out', folder, '--snapshot-id', 's'],
    ],
    ['publish over another manifest', 'manifest.json', (folder) => ['publish', data, '--dataset', 'd', '--out', folder]],
  ])('%s leaves %s as it is, and replaces it when told to', (_command, path, argsIn) =>
    inFolder(async (folder) => {
      const before = ['.from/datasets', '.from/endpoints', 'snapshots/s', 'data'];
      for (const sub of before) await mkdir(join(folder, sub), { recursive: true });
      await writeFile(join(folder, '.from/offloader.yml'), 'version: 1\n');
      await writeFile(join(folder, '.from/keys.yml'), `keys: [{id: k, hash: ${sha256('k')}, endpoints: ["*"], status: active}]\n`);
      await writeFile(join(folder, 'some.csv'), 'n\n1\n');
      const names = async () => (await readdir(folder, { recursive: true })).sort();
      await writeFile(join(folder, path), 'mine');
      const there = await names();
      expect(await inProcess(argsIn(folder))).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
      expect(await readFile(join(folder, path), 'utf8')).toBe('mine');
      expect(await names()).toEqual(there);
      expect(await inProcess([...argsIn(folder), '--force'])).toMatchObject({ code: 0 });
      expect(await readFile(join(folder, path), 'utf8')).not.toBe('mine');
    }),
  );
});
