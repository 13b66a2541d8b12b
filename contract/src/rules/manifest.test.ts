import { describe, expect, test } from '@jest/globals';
import { compiledDataset, parsed } from '../../test/support/manifest.ts';
import type { CompiledDataset } from '../bundle.ts';
import { checkManifest, isUnderRoot, resolveFileUrl } from './manifest.ts';

const codes = (more: object, dataset: CompiledDataset = compiledDataset(), url = dataset.source.url): readonly string[] =>
  checkManifest(parsed(more), dataset, url).map((problem) => `${problem.code} at ${problem.path}`);
const from = (url: string, allowedRoots: readonly string[] = []): CompiledDataset => {
  const dataset = compiledDataset();
  return { ...dataset, source: { ...dataset.source, url, allowedRoots } };
};
const files = (...paths: readonly string[]): object => ({
  files: paths.map((path) => ({ path, format: 'csv', row_count: 1, size_bytes: 1 })),
});
const outside = 'root_not_allowed at files[0].path';

describe('a manifest for a dataset', () => {
  test('of its own is taken', () => expect(codes({})).toEqual([]));

  test('is named like the Dataset, or with _ for -', () => {
    const dataset = compiledDataset({ name: 'account-metrics-v2' });
    expect(codes({ dataset_id: 'account-metrics-v2' }, dataset)).toEqual([]);
    expect(codes({ dataset_id: 'account_metrics_v2' }, dataset)).toEqual([]);
    expect(codes({ dataset_id: 'account_metrics-v2' }, dataset)).toEqual(['dataset_mismatch at dataset_id']);
    expect(codes({ dataset_id: 'other' }, dataset)).toEqual(['dataset_mismatch at dataset_id']);
  });

  test('of failed quality is refused unless the guards allow it; a warning is taken', () => {
    const lenient = compiledDataset({ guards: { ...compiledDataset().guards, allowFailedQuality: true } });
    expect(codes({ data_quality_status: 'failed' })).toEqual(['quality_failed at data_quality_status']);
    expect(codes({ data_quality_status: 'failed' }, lenient)).toEqual([]);
    expect(codes({ data_quality_status: 'warning' })).toEqual([]);
  });

  test('with findings is judged by what is sound of it', () => {
    const { source } = compiledDataset();
    const files = [null, { path: 's3://other/a.csv' }];
    expect(checkManifest({ files }, compiledDataset(), source.url).map(({ path }) => path)).toEqual(['files[1].path']);
  });

  test('is told every fault at once', () => {
    expect(codes({ dataset_id: 'x', data_quality_status: 'failed', ...files('a.csv', 's3://other/a.csv', '../a.csv') })).toEqual([
      'dataset_mismatch at dataset_id',
      'root_not_allowed at files[1].path',
      'root_not_allowed at files[2].path',
      'quality_failed at data_quality_status',
    ]);
  });
});

describe('where files may lie', () => {
  test.each([
    ['s3://lake/visits/manifest.json', 'a.parquet'],
    ['s3://lake/visits/manifest.json', 'day=1/a.parquet'],
    ['s3://lake/visits/manifest.json', './a.parquet'],
    ['s3://lake/visits/manifest.json', 's3://lake/visits/x/a.parquet'],
    ['s3://lake/manifest.json', 's3://lake/a.parquet'],
    ['file:///data/visits/manifest.json', 'a..b/c.csv'],
    ['file:///data/visits/manifest.json', 'a.csv?b#c'],
    ['https://host:8443/visits/manifest.json?sig=a/b', 'a.csv'],
    ['https://host:8443/visits/manifest.json?sig=a/b', 'https://host:8443/visits/a.csv?sig=c'],
    ['HTTPS://host/visits/manifest.json', 'https://host/visits/a.csv'],
  ])('%s may name %s', (url, path) => expect(codes(files(path), from(url))).toEqual([]));

  test.each([
    ['another bucket', 's3://lake/visits/manifest.json', 's3://other/visits/a.csv'],
    ['a bucket whose name begins alike', 's3://lake/manifest.json', 's3://lake2/a.csv'],
    ['another cloud', 's3://lake/visits/manifest.json', 'gs://lake/visits/a.csv'],
    ['a folder beside', 's3://lake/visits/manifest.json', 's3://lake/sales/a.csv'],
    ['a folder whose name begins alike', 's3://lake/visits/manifest.json', 's3://lake/visits2/a.csv'],
    ['the folder itself', 's3://lake/visits/manifest.json', 's3://lake/visits'],
    ['a folder above', 'file:///data/visits/manifest.json', '../secret.csv'],
    ['a folder above, further in', 'file:///data/visits/manifest.json', 'a/../../secret.csv'],
    ['a folder above in escapes', 'file:///data/visits/manifest.json', '%2e%2e/secret.csv'],
    ['a folder above in mixed escapes', 'file:///data/visits/manifest.json', '.%2E/secret.csv'],
    ['a folder above behind an escaped slash', 'file:///data/visits/manifest.json', 'a%2f..%2f..%2fsecret.csv'],
    ['a folder above behind a backslash', 'file:///data/visits/manifest.json', '..\\secret.csv'],
    ['a folder above behind a tab', 'file:///data/visits/manifest.json', '.\t./secret.csv'],
    ['a folder above behind a question mark', 'file:///data/visits/manifest.json', 'a?/../../../etc/passwd'],
    ['another place on disk', 'file:///data/visits/manifest.json', 'file:///etc/passwd'],
    ['the disk, from a bucket', 's3://lake/visits/manifest.json', 'file:///etc/passwd'],
    ['another host', 'https://host/visits/manifest.json', 'https://evil/visits/a.csv'],
    ['another host behind a user name', 'https://host/visits/manifest.json', 'https://host@evil/visits/a.csv'],
    ['another port', 'https://host/visits/manifest.json', 'https://host:444/visits/a.csv'],
    ['the host in the clear', 'https://host/visits/manifest.json', 'http://host/visits/a.csv'],
    ['a URL of no host', 'https://host/visits/manifest.json', 'https:///visits/a.csv'],
  ])('never %s', (_what, url, path) => expect(codes(files(path), from(url))).toEqual([outside]));

  test('also under the roots that the Dataset allows, with or without a slash at the end', () => {
    for (const root of ['s3://lake/shared', 's3://lake/shared/', 'gs://other']) {
      const path = root.startsWith('gs') ? 'gs://other/a.csv' : 's3://lake/shared/a.csv';
      expect(codes(files(path), from('s3://lake/visits/manifest.json', [root]))).toEqual([]);
      expect(codes(files('s3://lake/share/a.csv'), from('s3://lake/visits/manifest.json', [root]))).toEqual([outside]);
    }
  });

  test('an absolute path is taken for one below the manifest', () => {
    const url = resolveFileUrl('file:///data/visits/manifest.json', '/etc/passwd');
    expect(url).toBe('file:///data/visits//etc/passwd');
    expect(isUnderRoot(url, 'file:///data/visits/')).toBe(true);
  });

  test.each([
    ['s3://lake/visits/manifest.json', 'a.csv', 's3://lake/visits/a.csv'],
    ['s3://lake/visits/m?x/manifest.json', 'a.csv', 's3://lake/visits/m?x/a.csv'],
    ['https://host/visits/manifest.json?sig=a/b#c/d', 'a.csv', 'https://host/visits/a.csv'],
    ['s3://lake/visits/manifest.json', 'gs://other/a.csv', 'gs://other/a.csv'],
  ])('from %s, %s is %s', (url, path, resolved) => expect(resolveFileUrl(url, path)).toBe(resolved));
});
