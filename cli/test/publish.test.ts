import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from '@jest/globals';
import { inFolder, offloader, repository } from './run-offloader.ts';

const manifestIn = async (folder: string) => JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Record<string, any>;

/** A folder with one Parquet file made by a query. */
const parquet = async (folder: string, name: string, query: string): Promise<void> => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${query}) TO '${join(folder, name)}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
};

describe('publish --out', () => {
  test('copies the files, keeps a manifest beside them, and points manifest.json at them', () =>
    inFolder(async (folder) => {
      const args = ['publish', 'examples/usage/data', '--dataset', 'usage', '--out', `file://${folder}`];
      expect(await offloader([...args, '--snapshot-id', 'one'])).toMatchObject({ code: 0, err: '' });
      const sha256 = createHash('sha256')
        .update(await readFile(join(folder, 'snapshots/one/usage.csv')))
        .digest('hex');
      expect(await manifestIn(folder)).toMatchObject({
        snapshot_id: 'one',
        row_count: 36,
        files: [{ path: 'snapshots/one/usage.csv', sha256 }],
      });
      expect((await manifestIn(join(folder, 'snapshots/one')))['files']).toEqual([expect.objectContaining({ path: 'usage.csv' })]);
      for (const manifest of ['manifest.json', 'snapshots/one/manifest.json']) {
        const checked = await offloader(['manifest', 'validate', join(folder, manifest), '--config', 'examples/usage/resources']);
        expect(checked).toMatchObject({ code: 0, err: '' });
      }
      expect(await offloader([...args, '--snapshot-id', 'two'])).toMatchObject({ code: 0 });
      expect((await readdir(join(folder, 'snapshots'))).sort()).toEqual(['one', 'two']);
      expect(await manifestIn(folder)).toMatchObject({ snapshot_id: 'two' });
    }));

  test('a snapshot that is published never changes, and the pointer of another dataset stays', () =>
    inFolder(async (folder) => {
      const args = ['publish', 'examples/usage/data', '--out', folder, '--snapshot-id', 'one'];
      await offloader([...args, '--dataset', 'usage']);
      const before = await readFile(join(folder, 'manifest.json'), 'utf8');
      expect(await offloader([...args, '--dataset', 'usage'])).toMatchObject({
        code: 1,
        err: expect.stringContaining('published already'),
      });
      expect(await offloader([...args.slice(0, -1), 'two', '--dataset', 'other'])).toMatchObject({ code: 1 });
      expect(await readFile(join(folder, 'manifest.json'), 'utf8')).toBe(before);
      expect(await readdir(join(folder, 'snapshots'))).toEqual(['one']);
    }));
});

describe('publish in place', () => {
  test('leaves the files where they are, with sub-folders, and replaces a manifest only by --force', () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'part=2'));
      await parquet(folder, 'a.parquet', "SELECT 1::INTEGER AS n, 'x' AS code");
      await parquet(folder, 'part=2/b.parquet', "SELECT 2::BIGINT AS n, 'y' AS code UNION ALL SELECT 3, 'z'");
      const args = ['publish', folder, '--dataset', 'numbers'];
      expect(await offloader(args)).toMatchObject({ code: 0, err: '' });
      expect(await manifestIn(folder)).toMatchObject({
        row_count: 3,
        schema: [
          { name: 'n', type: 'BIGINT' },
          { name: 'code', type: 'VARCHAR' },
        ],
        files: [
          { path: 'a.parquet', row_count: 1 },
          { path: 'part=2/b.parquet', row_count: 2 },
        ],
      });
      expect(await offloader(args)).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
      expect(await offloader([...args, '--force'])).toMatchObject({ code: 0 });
    }));
});

describe('what is read from the files', () => {
  test('codes with leading zeros and dates of another form stay text in CSV, and --types overrules', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'a.csv'), 'code,n,day\n00123,1,31/12/2026\n42,2,\n');
      await offloader(['publish', folder, '--dataset', 'd', '--types', 'n=DOUBLE']);
      expect((await manifestIn(folder))['schema']).toEqual([
        { name: 'code', type: 'VARCHAR' },
        { name: 'n', type: 'DOUBLE' },
        { name: 'day', type: 'VARCHAR' },
      ]);
    }));

  test('every column that cannot be served is named with its file, and nothing is written', () =>
    inFolder(async (folder) => {
      await parquet(folder, 'a.parquet', "SELECT 'a'::BLOB AS raw, INTERVAL 1 day AS big, 1 AS fine");
      const ran = await offloader(['publish', folder, '--dataset', 'd']);
      expect(ran.code).toBe(1);
      expect(ran.err).toMatch(/a\.parquet: column raw: type BLOB.*\n.*a\.parquet: column big: type INTERVAL/);
      expect(await readdir(folder)).toEqual(['a.parquet']);
    }));

  test('a file that is not what its name says is named', () =>
    inFolder(async (folder) => {
      await cp(join(repository, 'examples/usage/data/usage.csv'), join(folder, 'a.parquet'));
      expect(await offloader(['publish', folder, '--dataset', 'd'])).toMatchObject({ code: 1, err: expect.stringContaining('a.parquet') });
    }));

  test('a folder without data files is refused', () =>
    inFolder(async (folder) => {
      expect(await offloader(['publish', folder, '--dataset', 'd'])).toMatchObject({ code: 1, out: '' });
    }));
});
