// The contract's "Manifest validation", as far as it takes the Dataset and what lies beside the manifest. Each test bears the sentence it proves.
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore, storesOf } from '../../src/object-store/open.ts';
import { patience } from '../../src/object-store/place.ts';
import { visits } from '../support/lake.ts';
import { type Change, type Manifest, type Offers, openOffers } from '../support/offers.ts';
import { startWeb, type Web } from '../support/web.ts';

let offers: Offers;
let web: Web;
let folder: string;

const path =
  (name: string): Change =>
  (manifest) =>
    (manifest['files'][0].path = name);
const manifestPath = (): string => join(offers.room.lake.folder, 'manifest.json');
const replaceManifest = async (text: string): Promise<void> => writeFile(manifestPath(), text);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-manifests-'));
  web = await startWeb(folder);
  offers = await openOffers({ openStore: storesOf({ ...patience, attempts: 1 }) });
});
afterAll(async () => {
  await offers.end();
  await web.end();
  await rm(folder, { recursive: true, force: true });
});

describe('Unreadable ⇒ `missing_file`; bad JSON ⇒ `invalid_json`; not an object ⇒ `invalid_type`.', () => {
  test.each<[string, string, () => Promise<unknown>]>([
    ['no file', 'missing_file', async () => undefined],
    ['a folder', 'missing_file', async () => mkdir(manifestPath())],
    ['a link to itself', 'missing_file', async () => symlink('manifest.json', manifestPath())],
    ['half a manifest', 'invalid_json', async () => replaceManifest('{"dataset_id": "visits", "snapsh')],
    ['nothing', 'invalid_json', async () => replaceManifest('')],
    ['a list', 'invalid_type', async () => replaceManifest('[{}]')],
    ['null', 'invalid_type', async () => replaceManifest('null')],
    ['more than a manifest can be', 'invalid_value', async () => replaceManifest(' '.repeat(65 * 1024 * 1024))],
  ])('%s', async (_what, code, place) => {
    const before = await offers.room.answer();
    await rename(manifestPath(), `${manifestPath()}.good`);
    await place();
    expect(await offers.attempt()).toEqual([code]);
    expect(offers.room.report()).toMatchObject({
      last_attempted: { status: 'rejected', snapshot_id: null },
      source_reachable: true,
      manifest_valid: false,
    });
    expect(await offers.room.answer()).toEqual(before);
    await rm(manifestPath(), { recursive: true, force: true });
    await rename(`${manifestPath()}.good`, manifestPath());
    expect(await offers.attempt()).toEqual([]);
  });

  test('a file that this process may not read', async () => {
    const { source } = offers.dataset();
    await offers.room.lake.publish('unreadable', visits(1, 1));
    // Nobody, for as long as it takes: the one who owns a machine may read everything.
    const who = process.geteuid!();
    const secret = join(folder, 'manifest.json');
    await writeFile(secret, '{}', { mode: who === 0 ? 0o600 : 0o000 });
    if (who === 0) process.seteuid!(65534);
    try {
      const read = await openStore({ ...source, url: `file://${secret}` }, null).read(
        `file://${secret}`,
        null,
        new AbortController().signal,
      );
      expect(read).toMatchObject({ ok: false, error: { code: 'missing_file' } });
    } finally {
      if (who === 0) process.seteuid!(who);
    }
  });
});
describe('dataset_id must be an identifier and must equal the dataset it is used for.', () => {
  test.each([
    ['Visits', 'unsafe_identifier'],
    ['../visits', 'unsafe_identifier'],
    [7, 'unsafe_identifier'],
    ['visit', 'dataset_mismatch'],
    ['visits2', 'dataset_mismatch'],
  ])('%j is %s', async (id, code) => {
    expect(await offers.refused({ change: (m) => (m['dataset_id'] = id) })).toEqual([`${code} at dataset_id`]);
  });
});

describe("files: non-empty list (`missing`); entry not object ⇒ `invalid_type`; path missing ⇒ `missing`; format outside csv|parquet ⇒ `unsupported_type`; local path (relative to the manifest) not there ⇒ `missing_file`; a remote URL is not probed at validation but must lie under a root the Dataset allows (its manifest's bucket and prefix, or `source.allowedRoots`): a manifest can never make the gateway read another bucket, another host with our credentials, or a local path outside its directory.", () => {
  test.each<[string, Change, string]>([
    ['an empty list', (m) => (m['files'] = []), 'missing at files'],
    ['an entry that is no object', (m) => (m['files'] = ['part-0.parquet']), 'invalid_type at files[0]'],
    ['no path', (m) => delete m['files'][0].path, 'missing at files[0].path'],
    ['another format', (m) => (m['files'][0].format = 'avro'), 'unsupported_type at files[0].format'],
    ['a local file that is not there', path('snapshots/other.parquet'), 'missing_file at files[0].path'],
    ['a folder in its place', path('snapshots'), 'missing_file at files[0].path'],
    ['a folder above', path('../manifest.json'), 'root_not_allowed at files[0].path'],
    ['a folder above, in escapes', path('%2e%2e/x.parquet'), 'root_not_allowed at files[0].path'],
    ['a place on the disk, as a URL', path('file:///etc/hostname'), 'root_not_allowed at files[0].path'],
    ['a place on the disk, as a path, which stands below the manifest', path('/etc/hostname'), 'missing_file at files[0].path'],
    ['a bucket that nobody allows', path('s3://lake/visits/part-0.parquet'), 'root_not_allowed at files[0].path'],
  ])('%s', async (_what, change, expected) => expect(await offers.refused({ change })).toEqual([expected]));

  test('a link that leads out, to a file or by a folder', async () => {
    await symlink('/etc/hostname', join(offers.room.lake.folder, 'out.parquet'));
    await symlink('/etc', join(offers.room.lake.folder, 'out'));
    for (const name of ['out.parquet', 'out/hostname'])
      expect(await offers.refused({ change: path(name) })).toEqual(['root_not_allowed at files[0].path']);
  });

  test('a remote file is not asked for while the manifest is judged, and comes from where the Dataset allows it', async () => {
    await offers.room.lake.publish('remote', visits(5, 100));
    const { files } = (await offers.room.lake.readManifest()) as { files: Manifest[] };
    await web.put('shared/part-0.parquet', await readFile(offers.room.lake.fileOf('remote')));
    const remote = { ...files[0], path: `${web.url}/lake/shared/part-0.parquet` };
    await offers.configure({}, { allowedRoots: [`${web.url}/lake/shared/`] });
    const absent = { ...remote, path: `${web.url}/lake/shared/absent.parquet` };
    const outside = { ...remote, path: `${web.url}/lake/part-0.parquet` };
    expect(await offers.refused({ change: (m) => Object.assign(m, { dataset_id: 'x', files: [remote, absent, outside] }) })).toEqual([
      'dataset_mismatch at dataset_id',
      'root_not_allowed at files[2].path',
    ]);
    expect(web.asked).toEqual([]);
    expect(await offers.offer({ change: (m) => (m['files'] = [absent]) })).toEqual(['missing_file at files[0].path']);
    expect(offers.room.report().last_attempted?.status).toBe('failed');
    await offers.taken({ change: (m) => (m['files'] = [remote]) });
    expect((await offers.room.answer()).values).toEqual([5]);
    await offers.configure();
  });

  test('no other bucket is asked for, and the store of the Dataset is not asked with our keys by another name', async () => {
    const asked: string[] = [];
    const store = createServer((request, answer) => {
      asked.push(String(request.url).split('?')[0]!);
      answer.writeHead(404).end();
    });
    await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
    const s3 = { endpoint, region: 'us-east-1', forcePathStyle: true };
    offers.room.snapshots.configure(
      [offers.dataset({}, { s3, credentialsSecretRef: { name: 'reader' }, allowedRoots: ['s3://lake/visits/'] })],
      {
        reader: { accessKeyId: 'a', secretAccessKey: 'b' },
      },
    );
    const foreign = [
      's3://other/visits/a.parquet',
      's3://lake/sales/a.parquet',
      's3://lake/visits/../sales/a.parquet',
      `${endpoint}/lake/visits/a.parquet`,
      'gs://lake/visits/a.parquet',
    ];
    for (const name of foreign) expect(await offers.refused({ change: path(name) })).toEqual(['root_not_allowed at files[0].path']);
    expect(asked).toEqual([]);
    await offers.offer({ change: path('s3://lake/visits/a.parquet') });
    expect(asked).toEqual(['/lake/visits/a.parquet']);
    store.closeAllConnections();
    store.close();
    await offers.configure();
  });
});

test('Several defects in one manifest ⇒ one error for each, all reported.', async () => {
  const change: Change = (m) => {
    const good = m['files'][0];
    const more = ['absent.parquet', '../out.parquet', 's3://other/x.parquet'].map((name) => ({ ...good, path: name }));
    const files = [good, 'x', { ...good, format: 'avro' }, { ...good, path: '' }, { ...good, size_bytes: 1 }, ...more];
    Object.assign(m, {
      dataset_id: 'other',
      snapshot_id: 'a b',
      created_at: 'yesterday',
      watermark: '2026-01-31',
      files,
      row_count: -1,
      size_bytes: '1',
    });
    Object.assign(m, {
      partition_columns: 'day',
      sort_columns: ['month'],
      schema_version: 0,
      producer: '',
      upstream_run_id: null,
      data_quality_status: 'good',
      compatibility_policy: 'loose',
    });
    m['schema'][2].type = 'INTEGER';
  };
  expect((await offers.refused({ change })).toSorted()).toEqual([
    'dataset_mismatch at dataset_id',
    'incompatible_schema at schema[2].type',
    'invalid_compatibility_policy at compatibility_policy',
    'invalid_snapshot_id at snapshot_id',
    'invalid_timestamp at created_at',
    'invalid_timestamp at watermark',
    'invalid_type at files[1]',
    'invalid_type at partition_columns',
    'invalid_value at data_quality_status',
    'invalid_value at producer',
    'invalid_value at row_count',
    'invalid_value at schema_version',
    'invalid_value at size_bytes',
    'missing at files[3].path',
    'missing at upstream_run_id',
    'missing_file at files[5].path',
    'root_not_allowed at files[6].path',
    'root_not_allowed at files[7].path',
    'size_mismatch at files[4].size_bytes',
    'unknown_column at sort_columns[0]',
    'unsupported_type at files[2].format',
  ]);
});
