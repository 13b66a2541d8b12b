import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { inFolder, offloader } from './run-offloader.ts';

/** A project as the original Offloader reads it. */
const original: Readonly<Record<string, string>> = {
  'offloader.yml': 'version: 1\nkeys: keys/keys.yml\nobject_store_mode: local\n',
  'datasets/shop_visits.yml': [
    'id: shop_visits',
    'manifest: data/manifest.json',
    'tenant_column: chain',
    'schema: [{name: chain, type: VARCHAR}, {name: shop, type: VARCHAR}, {name: day, type: DATE}, {name: visits, type: BIGINT}]',
  ].join('\n'),
  'datasets/prices.yml': [
    'id: prices',
    'source: {type: databricks, bucket: lake, prefix: tables/prices/, interval_seconds: 90}',
    'schema: [{name: sku, type: VARCHAR}, {name: price, type: DOUBLE}]',
  ].join('\n'),
  'endpoints/shop_totals.yml': [
    'name: shop_totals',
    'version: 3',
    'owner: shops',
    'dataset: shop_visits',
    'serving_mode: local_table',
    'freshness: {max_staleness_minutes: 90}',
    'tenant: {column: chain}',
    'params: [{name: since, type: date, required: true}]',
    'combinations: [[since]]',
    'query:',
    '  group_by: [shop]',
    '  select: [{as: name, column: shop}, {as: total, column: visits, agg: sum}]',
    '  filters: [{column: day, op: gte, param: since}]',
    '  order_by: [{column: total, dir: desc}]',
    'columns: [name, total]',
    'pagination: {default_limit: 5, max_limit: 20}',
    'cache: {policy: snapshot}',
    'colour: blue',
  ].join('\n'),
  'endpoints/price.yml': [
    'name: price\nversion: 1\ndataset: prices\nserving_mode: remote_scan',
    'query: {select: [{as: sku, column: sku}, {as: price, column: price}]}\ncolumns: [sku, price]',
  ].join('\n'),
  'keys/keys.yml': `keys:\n  - {id: chain_a, hash: "${'ab'.repeat(32)}", tenant: a, endpoints: [shop_totals], status: revoked}\n`,
};

const write = async (folder: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
};
const read = async (path: string): Promise<any> => parseAllDocuments(await readFile(path, 'utf8'))[0]?.toJS();

describe('import', () => {
  test('makes the three kinds of a project, which then pass validate', () =>
    inFolder(async (folder) => {
      const [from, out] = [join(folder, 'from'), join(folder, 'out')];
      await write(from, original);
      const ran = await offloader(['import', from, '--out', out]);
      expect(ran).toMatchObject({ code: 0, err: 'endpoints/shop_totals.yml: colour: has no place here and was left out\n' });
      expect(await offloader(['validate', '--config', out])).toMatchObject({ code: 0, out: 'OK: 2 datasets, 2 endpoints, 1 keys\n' });
      const visits = await read(join(out, 'datasets/shop_visits.yaml'));
      const manifest = `${pathToFileURL(from).href}/data/manifest.json`;
      expect(visits).toMatchObject({
        metadata: { name: 'shop-visits' },
        spec: { source: { manifest: { url: manifest } }, tenantColumn: 'chain' },
      });
      expect((await read(join(out, 'datasets/prices.yaml'))).spec.source).toEqual({
        databricks: { url: 'gs://lake/tables/prices/' },
        interval: '90s',
      });
      expect((await read(join(out, 'endpoints/shop_totals.yaml'))).spec).toMatchObject({
        ...{ name: 'shop_totals', version: 3, datasetRef: { name: 'shop-visits' }, servingMode: 'LocalTable' },
        ...{ freshness: { maxStaleness: '90m' }, cache: { policy: 'Snapshot' }, pagination: { defaultLimit: 5, maxLimit: 20 } },
        query: { groupBy: ['name'], orderBy: [{ column: 'total', dir: 'desc' }] },
      });
      expect((await read(join(out, 'endpoints/price.yaml'))).spec).toMatchObject({ servingMode: 'RemoteScan', cache: { policy: 'None' } });
      expect((await read(join(out, 'keys.yaml'))).spec).toEqual({
        ...{ tenant: 'a', endpoints: ['shop_totals'], state: 'Revoked', hash: 'ab'.repeat(32) },
      });
      expect(await offloader(['import', from, '--out', out])).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
      expect(await offloader(['import', join(from, 'offloader.yml'), '--out', out, '--force'])).toMatchObject({ code: 0 });
    }));

  test('a project that breaks a rule is refused by the names of its own files, and nothing is written', () =>
    inFolder(async (folder) => {
      await write(join(folder, 'from'), {
        ...original,
        'endpoints/price.yml': 'name: price\nversion: 1\ndataset: costs\ncolumns: [sku]\n',
      });
      const ran = await offloader(['import', join(folder, 'from'), '--out', join(folder, 'out')]);
      expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('endpoints/price.yml: Endpoint/price: ') });
      expect(await readdir(folder)).toEqual(['from']);
    }));

  test.each([
    ['no project', {}, 'offloader.yml'],
    ['a file that is not YAML', { ...original, 'endpoints/price.yml': 'a: [' }, 'endpoints/price.yml'],
    ['a keys file that is not there', { ...original, 'offloader.yml': 'version: 1\nkeys: nope.yml\n' }, 'nope.yml'],
  ])('%s is named', (_what, files, named) =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'from'));
      await write(join(folder, 'from'), files);
      const ran = await offloader(['import', join(folder, 'from'), '--out', join(folder, 'out')]);
      expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining(named) });
    }),
  );
});
