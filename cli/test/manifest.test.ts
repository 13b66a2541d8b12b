import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inFolder, offloader } from './run-offloader.ts';

type Manifest = Record<string, any>;

/** The findings, as `path: code`, of a published manifest after a change. */
const findingsAfter = (change: (manifest: Manifest) => unknown): Promise<readonly string[]> =>
  inFolder(async (folder) => {
    await offloader(['publish', 'examples/usage/data', '--dataset', 'usage', '--snapshot-id', 'one', '--out', folder]);
    const path = join(folder, 'manifest.json');
    const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
    change(manifest);
    await writeFile(path, JSON.stringify(manifest));
    const ran = await offloader(['manifest', 'validate', path]);
    const lines = ran.err.trimEnd().split('\n');
    expect(ran.code).toBe(lines[0] === '' ? 0 : 1);
    return lines.slice(0, -1).map((line) => line.split(': ').slice(1, 3).join(': '));
  });

describe('a manifest and its local files', () => {
  test.each<[string, (manifest: Manifest) => unknown, string[]]>([
    ['what publish wrote is sound', () => undefined, []],
    ['a file that is not there', (m) => void (m['files'][0].path = 'gone.csv'), ['files[0].path: missing_file']],
    ['a file outside the folder', (m) => void (m['files'][0].path = '../../etc/hostname'), ['files[0].path: root_not_allowed']],
    ['a remote file is not probed', (m) => void (m['files'][0].path = 's3://elsewhere/x.csv'), []],
    ['a size that is not the file’s', (m) => void (m['files'][0].size_bytes = 1), ['files[0].size_bytes: size_mismatch']],
    ['a column that the CSV does not have', (m) => void (m['schema'][0].name = 'tenant'), ['files[0]: schema_data_mismatch']],
    [
      'a faulty manifest is held against its files all the same',
      (m) => {
        delete m['watermark'];
        m['files'][0].path = 'gone.csv';
      },
      ['files[0].path: missing_file', 'watermark: missing'],
    ],
    [
      'columns in another order are fine',
      (m) => {
        m['schema'].reverse();
      },
      [],
    ],
  ])('%s', async (_sentence, change, expected) => {
    expect(await findingsAfter(change)).toEqual(expected);
  });

  test.each([
    ['no file', undefined, 'missing_file'],
    ['no JSON', '{', 'invalid_json'],
    ['no object', '[]', 'invalid_type'],
  ])('%s is one finding', (_what, text, code) =>
    inFolder(async (folder) => {
      const path = join(folder, 'manifest.json');
      if (text !== undefined) await writeFile(path, text);
      const ran = await offloader(['manifest', 'validate', path]);
      expect(ran).toMatchObject({ code: 1, err: expect.stringContaining(`: ${code}: `) });
      expect(ran.err.trimEnd().split('\n')).toHaveLength(2);
    }),
  );
});
