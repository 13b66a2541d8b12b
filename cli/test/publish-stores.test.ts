import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from '@jest/globals';
import { startGcs, startMinio } from './stores.ts';
import type { Store } from './stores.ts';
import { inFolder, offloader } from './run-offloader.ts';

const folder = await mkdtemp(join(tmpdir(), 'offloader-minio-'));
const minio = await startMinio(folder);
const there = minio === undefined ? describe.skip : describe;

there('publish into S3', () => {
  const { url, env, stop } = minio as Store;
  const publish = (id: string, bucket = 'lake', extra: Readonly<Record<string, string>> = {}) =>
    offloader(
      [
        'publish',
        'examples/usage/data',
        '--dataset',
        'usage',
        '--snapshot-id',
        id,
        '--out',
        `s3://${bucket}/some/usage`,
        '--s3-path-style',
      ],
      { env: { ...env, AWS_ENDPOINT_URL: url, ...extra } },
    );
  const read = async (key: string): Promise<string | undefined> => {
    const credentials = { accessKeyId: env['AWS_ACCESS_KEY_ID']!, secretAccessKey: env['AWS_SECRET_ACCESS_KEY']! };
    const client = new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials });
    const answer = await client.send(new GetObjectCommand({ Bucket: 'lake', Key: key }));
    return answer.Body?.transformToString();
  };
  afterAll(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('puts data, its manifest and the pointer in place, and moves the pointer on', async () => {
    expect(await publish('one')).toMatchObject({ code: 0, err: '' });
    expect(await publish('two')).toMatchObject({ code: 0, err: '' });
    expect(await read('some/usage/manifest.json')).toContain('"path": "snapshots/two/usage.csv"');
    expect(await read('some/usage/snapshots/one/manifest.json')).toContain('"path": "usage.csv"');
    expect((await read('some/usage/snapshots/one/usage.csv'))?.split('\n')).toHaveLength(38);
    expect(await publish('one')).toMatchObject({ code: 1, err: expect.stringContaining('published already') });
  });

  test.each([
    ['a bucket that is not there', 'nowhere', {}, 'NoSuchBucket'],
    ['a wrong secret', 'lake', { AWS_SECRET_ACCESS_KEY: 'canary-wrong' }, 'SignatureDoesNotMatch'],
  ])('%s is told, without a secret', async (_what, bucket, extra, name) => {
    const ran = await publish('three', bucket, extra);
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining(name) });
    expect(ran.out + ran.err).not.toContain('canary');
  });
});

const gcsFolder = await mkdtemp(join(tmpdir(), 'offloader-gcs-'));
const gcs = await startGcs(gcsFolder);
const gcsThere = gcs === undefined ? describe.skip : describe;

gcsThere('publish into GCS', () => {
  const { url, env, stop } = gcs as Store;
  const publish = (folder: string, id: string, bucket = 'lake') =>
    offloader(['publish', folder, '--dataset', 'usage', '--snapshot-id', id, '--out', `gs://${bucket}/some/usage`], { env });
  const read = async (name: string): Promise<string> =>
    (await fetch(`${url}/storage/v1/b/lake/o/${encodeURIComponent(name)}?alt=media`)).text();
  afterAll(async () => {
    await stop();
    await rm(gcsFolder, { recursive: true, force: true });
  });

  test('puts data, its manifest and the pointer in place, and moves the pointer on', () =>
    inFolder(async (folder) => {
      // More than one part of an upload that can be resumed.
      const rows = `n\n${'1234567\n'.repeat(800_000)}`;
      await writeFile(join(folder, 'big.csv'), rows);
      expect(await publish(folder, 'one')).toMatchObject({ code: 0, err: '' });
      expect(await publish(folder, 'two')).toMatchObject({ code: 0, err: '' });
      expect(await read('some/usage/manifest.json')).toContain('"path": "snapshots/two/big.csv"');
      expect(await read('some/usage/snapshots/one/manifest.json')).toContain('"row_count": 800000');
      expect(await read('some/usage/snapshots/one/big.csv')).toBe(rows);
      expect(await publish(folder, 'one')).toMatchObject({ code: 1, err: expect.stringContaining('published already') });
    }));

  test('a bucket that is not there is told', async () => {
    expect(await publish('examples/usage/data', 'one', 'nowhere')).toMatchObject({
      code: 1,
      err: expect.stringContaining('gs://nowhere/'),
    });
  });
});

describe('a store that takes a call and never answers is given up', () => {
  test.each([
    ['S3', 's3://lake/x', { AWS_REGION: 'r', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }, 'AWS_ENDPOINT_URL'],
    ['GCS', 'gs://lake/x', { GOOGLE_CLOUD_PROJECT: 'p' }, 'STORAGE_EMULATOR_HOST'],
  ])('%s', async (_store, out, env, variable) => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
    const ran = await offloader(['publish', 'examples/usage/data', '--dataset', 'usage', '--out', out], {
      env: { ...env, [variable]: url },
    });
    silent.close();
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('no answer within 5 s') });
  });
});
