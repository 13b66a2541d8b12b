import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inFolder, offloader, repository } from './run-offloader.ts';

describe('validate', () => {
  test.each(['flights', 'usage'])('the %s example is sound', async (example) => {
    const ran = await offloader(['validate', '--config', `examples/${example}/resources`]);
    expect(ran).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^OK: 1 datasets/) });
  });

  test('a folder with several faults gets every one in one pass, by file, with a total', () =>
    inFolder(async (folder) => {
      await cp(join(repository, 'examples/usage/resources'), join(folder, 'sub'), { recursive: true });
      const path = join(folder, 'sub/endpoints.yaml');
      const text = await readFile(path, 'utf8');
      await writeFile(
        path,
        text.replace('column: account_id, op: eq', 'column: acount, op: eq').replace('maxLimit: 50', 'maxLimit: fifty'),
      );
      await writeFile(join(folder, 'a.yaml'), 'kind: [\n');
      const ran = await offloader(['validate', '--config', folder]);
      expect(ran).toMatchObject({ code: 1, out: '' });
      const lines = ran.err.trimEnd().split('\n');
      expect(lines.map((line) => line.split(': ').slice(0, 4).join(': '))).toEqual([
        expect.stringContaining('a.yaml: line'),
        'sub/endpoints.yaml: Endpoint/area-ranking: spec.pagination.maxLimit: invalid_type',
        'sub/endpoints.yaml: Endpoint/account-daily: spec.query.filters[0].column: unknown_column',
        '3 problems found',
      ]);
    }));

  test('a folder that is not there, and one without a resource, are refused', () =>
    inFolder(async (folder) => {
      expect(await offloader(['validate', '--config', join(folder, 'nope')])).toMatchObject({ code: 1, out: '' });
      expect(await offloader(['validate', '--config', folder])).toMatchObject({ code: 1, out: '' });
    }));
});

describe('init', () => {
  test.each([
    ['with tenants and a key', []],
    ['public', ['--public']],
  ])('a project %s passes validate, resources and manifest', (_sentence, flags) =>
    inFolder(async (folder) => {
      const project = join(folder, 'project');
      expect(await offloader(['init', '--out', project, ...flags])).toMatchObject({ code: 0, err: '' });
      const auth = flags.length > 0 ? 'none' : 'required';
      expect(await offloader(['validate', '--config', project, '--auth', auth])).toMatchObject({ code: 0, err: '' });
      const manifest = ['manifest', 'validate', join(project, 'data/manifest.json'), '--config', project];
      expect(await offloader(manifest)).toMatchObject({ code: 0, err: '' });
    }),
  );

  test('nothing is written over, unless --force says so', () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'data'));
      await writeFile(join(folder, 'data/visits.csv'), 'mine');
      expect((await offloader(['init', '--out', folder])).code).toBe(1);
      expect(await readdir(folder)).toEqual(['data']);
      expect(await readFile(join(folder, 'data/visits.csv'), 'utf8')).toBe('mine');
      expect((await offloader(['init', '--out', folder, '--force'])).code).toBe(0);
    }));
});

test('a dataset scaffolded from a CSV file is sound', () =>
  inFolder(async (folder) => {
    const out = join(folder, 'dataset.yaml');
    const args = ['scaffold-dataset', '--from', 'examples/usage/data/usage.csv', '--tenant-column', 'tenant_id', '--out', out];
    expect(await offloader(args)).toMatchObject({ code: 0, err: '' });
    expect(await offloader(['validate', '--config', folder])).toMatchObject({ code: 0 });
    expect(await readFile(out, 'utf8')).toContain('type: BIGINT');
    expect((await offloader(args)).code).toBe(1);
  }));

describe('the failure lab', () => {
  const validate = (name: string) =>
    offloader(['manifest', 'validate', `examples/failure-lab/${name}/manifest.json`, '--config', 'examples/usage/resources']);

  test.each([
    ['bad-manifest', ['duplicate_column', 'invalid_snapshot_id', 'missing', 'unsupported_type']],
    ['narrowed-type', ['incompatible_schema']],
    ['missing-file', ['missing_file']],
  ])('%s is refused for exactly what is wrong with it', async (name, codes) => {
    const ran = await validate(name);
    expect(ran).toMatchObject({ code: 1, out: '' });
    const found = ran.err
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(': ')[2]);
    expect(found.sort()).toEqual(codes);
  });

  test('stale is valid: age is no defect', async () => {
    expect(await validate('stale')).toMatchObject({ code: 0, err: '' });
  });
});
