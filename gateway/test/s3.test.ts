// S3 sources against a real MinIO: snapshots are served from it, and what can go wrong there is told apart.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledDataset, SourceCredentials } from '@offloader/contract';
import { createEngine } from '../src/duckdb/engine.ts';
import type { Engine } from '../src/domain/engine.ts';
import type { Snapshots } from '../src/domain/snapshot-store.ts';
import { openStore } from '../src/object-store/open.ts';
import { createSnapshots } from '../src/snapshots/snapshots.ts';
import { createLake, datasetOf, type Lake, visits } from './support/lake.ts';

const keys = { accessKeyId: 'lake-reader', secretAccessKey: 'a-secret-of-the-tests' };
const tool = new URL('../../e2e/cluster/tool', import.meta.url).pathname;

/** The MinIO binary: MINIO_BIN, PATH, else built from its Go module. Undefined where that cannot be, which in CI is an error. */
const findMinio = (): string | undefined => {
  const found = [
    process.env['MINIO_BIN'] ?? '',
    ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'minio')),
  ].find((path) => path !== '' && existsSync(path));
  if (found !== undefined) return found;
  try {
    return execFileSync(tool, ['minio'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .split('\n')
      .at(-1);
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return undefined;
  }
};
const freePort = async (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const minio = findMinio();
const suite = minio === undefined ? describe.skip : describe;
if (minio === undefined) process.stderr.write('skipped: S3 sources (no MinIO, and it could not be built from its Go module)\n');

suite('an S3 source', () => {
  let server: ChildProcess;
  let endpoint: string;
  let client: S3Client;
  let lake: Lake;
  let folder: string;
  let engine: Engine;
  let snapshots: Snapshots;

  const dataset = (source: Record<string, unknown> = {}): CompiledDataset =>
    datasetOf('s3://lake/visits/manifest.json', {
      source: {
        manifest: { url: 's3://lake/visits/manifest.json' },
        interval: '1s',
        credentialsSecretRef: { name: 'reader' },
        s3: { endpoint, region: 'us-east-1', forcePathStyle: true },
        ...source,
      },
    });
  const upload = async (): Promise<void> => {
    const files = (await readdir(lake.folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    // The manifest last, as a producer does it.
    for (const file of files.toSorted((a, b) => b.length - a.length))
      await client.send(new PutObjectCommand({ Bucket: 'lake', Key: `visits/${relative(lake.folder, file)}`, Body: await readFile(file) }));
  };
  const report = () => snapshots.reports(Date.now())[0]!;
  const tryWith = async (one: CompiledDataset, credentials: SourceCredentials | null): Promise<unknown> => {
    snapshots.configure([one], credentials === null ? {} : { reader: credentials });
    await snapshots.refresh('visits', { force: true });
    const { refresh_error: error, source_reachable: reachable } = report();
    return error === null ? null : [error.code, error.owner, reachable];
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-s3-'));
    const port = await freePort();
    endpoint = `http://127.0.0.1:${port}`;
    server = spawn(minio!, ['server', join(folder, 'data'), '--address', `127.0.0.1:${port}`, '--quiet'], {
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, MINIO_ROOT_USER: keys.accessKeyId, MINIO_ROOT_PASSWORD: keys.secretAccessKey },
      stdio: 'ignore',
    });
    while (
      !(await fetch(`${endpoint}/minio/health/live`)
        .then((answer) => answer.ok)
        .catch(() => false))
    )
      await new Promise((resolve) => setTimeout(resolve, 50));
    client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: keys });
    await client.send(new CreateBucketCommand({ Bucket: 'lake' }));
    lake = await createLake();
    await lake.publish('a1', visits(1));
    await upload();
    engine = await createEngine({ cacheDir: folder, poolSize: 4, remoteScanConcurrency: 4, threads: 2, memoryLimit: '512MiB' });
    snapshots = await createSnapshots({
      cacheDir: folder,
      engine,
      openStore,
      observe: () => undefined,
      limits: { memoryLimit: '512MiB', threads: 1 },
      loadConcurrency: 1,
    });
  });
  afterAll(async () => {
    await snapshots.close();
    await engine.close();
    client.destroy();
    server.kill('SIGKILL');
    await lake.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('is loaded with the credentials of its Secret, and an unchanged manifest costs one conditional request', async () => {
    expect(await tryWith(dataset(), keys)).toBeNull();
    expect(report().active_snapshot?.snapshot_id).toBe('a1');
    await snapshots.refresh('visits', { force: false });
    expect(report().last_attempted).toMatchObject({ status: 'unchanged' });
    await lake.publish('a2', visits(2));
    await upload();
    await snapshots.refresh('visits', { force: false });
    expect(report().active_snapshot?.snapshot_id).toBe('a2');
  });

  test.each([
    [
      'rejected credentials',
      () => dataset(),
      { ...keys, secretAccessKey: 'not-this-one' },
      ['source_credentials_rejected', 'Environment', false],
    ],
    [
      'an anonymous reader who is not let in',
      () => dataset({ anonymous: true, credentialsSecretRef: undefined }),
      null,
      ['source_credentials_rejected', 'Environment', false],
    ],
    [
      'no such bucket',
      () => dataset({ manifest: { url: 's3://nowhere/visits/manifest.json' } }),
      keys,
      ['source_bucket_missing', 'Environment', false],
    ],
    [
      'no such manifest',
      () => dataset({ manifest: { url: 's3://lake/other/manifest.json' } }),
      keys,
      ['missing_file', 'UpstreamData', true],
    ],
    [
      'a host that does not answer',
      () => dataset({ s3: { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', forcePathStyle: true } }),
      keys,
      ['source_unreachable', 'Environment', false],
    ],
  ] as const)('tells %s apart, and what served still serves', async (_what, make, credentials, expected) => {
    expect(await tryWith(make(), credentials)).toEqual(expected);
    expect(report().active_snapshot?.snapshot_id).toBe('a2');
    expect(JSON.stringify(report())).not.toMatch(/not-this-one|a-secret-of-the-tests|lake-reader/);
  });
});
