import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from '@jest/globals';
import { startMinio } from './minio.ts';
import type { Minio } from './minio.ts';
import { offloader } from './run-offloader.ts';

const folder = await mkdtemp(join(tmpdir(), 'offloader-minio-'));
const minio = await startMinio(folder);
const there = minio === undefined ? describe.skip : describe;

there('publish into S3', () => {
  const { url, env, stop } = minio as Minio;
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
