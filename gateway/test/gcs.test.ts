// GCS sources through Google's SDK against a fake GCS: read, listed and downloaded, and what can go wrong there is told apart.
import { createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SourceCredentials } from '@offloader/contract';
import { storesOf } from '../src/object-store/open.ts';
import { patience } from '../src/object-store/place.ts';
import type { ObjectStore } from '../src/snapshots/object-store.ts';
import { datasetOf } from './support/lake.ts';
import { type Asked, fakeGcs, startGcs, type Store } from './support/stores.ts';

const suite = fakeGcs === undefined ? describe.skip : describe;
const { signal } = new AbortController();
/** As patient as usual, in less time. */
const openStore = storesOf({ ...patience, pauseMs: 5 });
const manifest = 'gs://lake/visits/manifest.json';
const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const account = { serviceAccountJson: JSON.stringify({ client_email: 'reader@test', private_key: privateKey, project_id: 'test' }) };

/** Whether a request bore a token that the account signed. */
const isSigned = ({ authorization = '' }: Asked): boolean => {
  const [head = '', body = '', signature = ''] = authorization.replace(/^Bearer /, '').split('.');
  const issuer = () => (JSON.parse(Buffer.from(body, 'base64url').toString()) as { iss: string }).iss;
  return createVerify('RSA-SHA256').update(`${head}.${body}`).verify(publicKey, signature, 'base64url') && issuer() === 'reader@test';
};

suite('a GCS source', () => {
  let gcs: Store;
  let folder: string;
  let files = 0;
  const open = (anonymous: boolean, credentials: SourceCredentials | null): ObjectStore =>
    openStore(datasetOf(manifest, { source: { manifest: { url: manifest }, anonymous } }).source, credentials);
  const newFile = (): string => join(folder, String((files += 1)));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-gcs-'));
    gcs = await startGcs();
    process.env['STORAGE_EMULATOR_HOST'] = gcs.url;
    await gcs.put('visits/manifest.json', Buffer.from('{"n":1}'));
    for (const name of ['a b', 'ü/%41?#']) await gcs.put(`visits/${name}`, Buffer.from(name));
  });
  afterAll(async () => {
    delete process.env['STORAGE_EMULATOR_HOST'];
    await gcs.end();
    await rm(folder, { recursive: true, force: true });
  });

  describe.each([
    ['a service account', () => open(false, account), isSigned],
    ['nobody', () => open(true, null), ({ authorization }: Asked) => authorization === undefined],
  ] as const)('is asked as %s', (_who, make, isRight) => {
    test('a manifest is read once, and an unchanged one costs one small request', async () => {
      const store = make();
      gcs.asked.length = 0;
      const first = await store.read(manifest, null, signal);
      if (!first.ok || first.value.kind !== 'read') throw new Error(JSON.stringify(first));
      expect(Buffer.from(first.value.bytes).toString()).toBe('{"n":1}');
      expect(gcs.asked).toHaveLength(1);
      expect(await store.read(manifest, first.value.etag, signal)).toEqual({ ok: true, value: { kind: 'unchanged' } });
      expect(gcs.asked).toHaveLength(2);
      expect(gcs.asked.filter((asked) => !isRight(asked))).toEqual([]);
    });

    test.each(['a b', 'ü/%41?#'])('an object named %s is downloaded and listed', async (name) => {
      const [store, file] = [make(), newFile()];
      expect(await store.download(`gs://lake/visits/${name}`, file, Buffer.byteLength(name), signal)).toMatchObject({ ok: true });
      expect(await readFile(file, 'utf8')).toBe(name);
      const listed = await store.list('gs://lake/visits/', signal);
      expect(listed.ok && listed.value.map(({ url }) => url)).toContain(`gs://lake/visits/${name}`);
      expect(await store.download(`gs://lake/visits/${name}`, newFile(), 2, signal)).toMatchObject({ error: { code: 'size_mismatch' } });
    });

    test.each([
      [401, 'source_credentials_rejected'],
      [403, 'source_credentials_rejected'],
      [404, 'missing_file'],
      [500, 'source_failed'],
    ])('%i is %s, at a manifest and at a file', async (status, code) => {
      const store = make();
      gcs.answer = ({ path }) => (path.includes('/o/') ? status : undefined);
      expect(await store.read(manifest, null, signal)).toMatchObject({ ok: false, error: { code } });
      expect(await store.download('gs://lake/visits/a b', newFile(), 3, signal)).toMatchObject({ ok: false, error: { code } });
      gcs.answer = () => undefined;
      expect(await store.read(manifest, null, signal)).toMatchObject({ ok: true });
    });
  });

  test('a bucket that is not there is told apart from an object that is not there', async () => {
    const store = open(true, null);
    expect(await store.read('gs://nowhere/visits/manifest.json', null, signal)).toMatchObject({ error: { code: 'source_bucket_missing' } });
    expect(await store.list('gs://nowhere/visits/', signal)).toMatchObject({ error: { code: 'source_bucket_missing' } });
    expect(await store.read('gs://lake/none', null, signal)).toMatchObject({ error: { code: 'missing_file' } });
  });

  test('a Secret that is not there, or lacks what is needed, is told, and no other identity is tried', async () => {
    const { source } = datasetOf(manifest, { source: { manifest: { url: manifest }, credentialsSecretRef: { name: 'reader' } } });
    gcs.asked.length = 0;
    for (const held of [null, {}, { accessKeyId: 'a', secretAccessKey: 'b' }, { hmacAccessId: 'a' }])
      expect(await openStore(source, held).read(manifest, null, signal)).toMatchObject({ error: { code: 'source_credentials_missing' } });
    for (const serviceAccountJson of ['{', '{"client_email":"a","private_key":"b"}'])
      expect(await openStore(source, { serviceAccountJson }).read(manifest, null, signal)).toMatchObject({
        error: { code: 'source_credentials_rejected' },
      });
    expect(gcs.asked).toEqual([]);
  });

  test('a download that is given up ends at once', async () => {
    const given = new AbortController();
    gcs.answer = () => {
      given.abort();
      return 503;
    };
    expect(await open(true, null).download('gs://lake/visits/a b', newFile(), 3, given.signal)).toMatchObject({ ok: false });
    gcs.answer = () => undefined;
  });
});
