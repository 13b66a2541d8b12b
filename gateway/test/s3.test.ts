// S3 sources against a real MinIO: snapshots are served from it, and what can go wrong there is told apart.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledDataset, SourceCredentials } from '@offloader/contract';
import { createEngine } from '../src/duckdb/engine.ts';
import type { Engine } from '../src/domain/engine.ts';
import type { Snapshots } from '../src/domain/snapshot-store.ts';
import { openStore } from '../src/object-store/open.ts';
import { createSnapshots } from '../src/snapshots/snapshots.ts';
import { removeUsed } from './support/gateway.ts';
import { createLake, datasetOf, type Lake, visits } from './support/lake.ts';
import { minio, minioKeys, startMinio, type Store, uploadLake } from './support/stores.ts';

const suite = minio === undefined ? describe.skip : describe;

suite('an S3 source', () => {
  let server: Store;
  let endpoint: string;
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
  const report = () => snapshots.reports(Date.now())[0]!;
  const tryWith = async (one: CompiledDataset, credentials: SourceCredentials | null): Promise<unknown> => {
    snapshots.configure([one], credentials === null ? {} : { reader: credentials });
    await snapshots.refresh('visits', { force: true });
    const { refresh_error: error, source_reachable: reachable } = report();
    return error === null ? null : [error.code, error.owner, reachable];
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-s3-'));
    server = await startMinio(folder);
    endpoint = server.url;
    lake = await createLake();
    await lake.publish('a1', visits(1));
    await uploadLake(lake, server);
    engine = await createEngine({ cacheDir: folder, poolSize: 4, remoteScanConcurrency: 4, threads: 2, memoryLimit: '512MiB' });
    snapshots = await createSnapshots({
      cacheDir: folder,
      engine,
      openStore,
      observe: () => undefined,
      limits: { memoryLimit: '512MiB', threads: 1 },
      loadConcurrency: 1,
      quarantine: { maxBytes: 2 ** 30, maxAgeMs: 86_400_000 },
    });
  });
  afterAll(async () => {
    await snapshots.close();
    await engine.close();
    await server.end();
    await lake.remove();
    await removeUsed(folder);
  });

  test('is loaded with the credentials of its Secret, and an unchanged manifest costs one conditional request', async () => {
    expect(await tryWith(dataset(), minioKeys)).toBeNull();
    expect(report().active_snapshot?.snapshot_id).toBe('a1');
    await snapshots.refresh('visits', { force: false });
    expect(report().last_attempted).toMatchObject({ status: 'unchanged' });
    await lake.publish('a2', visits(2));
    await uploadLake(lake, server);
    await snapshots.refresh('visits', { force: false });
    expect(report().active_snapshot?.snapshot_id).toBe('a2');
  });

  test.each([
    [
      'rejected credentials',
      () => dataset(),
      { ...minioKeys, secretAccessKey: 'not-this-one' },
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
      minioKeys,
      ['source_bucket_missing', 'Environment', false],
    ],
    [
      'no such manifest',
      () => dataset({ manifest: { url: 's3://lake/other/manifest.json' } }),
      minioKeys,
      ['missing_file', 'UpstreamData', true],
    ],
    [
      'a host that does not answer',
      () => dataset({ s3: { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', forcePathStyle: true } }),
      minioKeys,
      ['source_unreachable', 'Environment', false],
    ],
  ] as const)('tells %s apart, and what served still serves', async (_what, make, credentials, expected) => {
    expect(await tryWith(make(), credentials)).toEqual(expected);
    expect(report().active_snapshot?.snapshot_id).toBe('a2');
    expect(JSON.stringify(report())).not.toMatch(/not-this-one|a-secret-of-the-tests|lake-reader/);
  });
});
