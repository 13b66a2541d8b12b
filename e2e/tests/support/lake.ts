/** The producer's side: snapshots published to MinIO with the CLI, and what the gateways read them with. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { given } from './kubectl.ts';

const run = promisify(execFile);
const bucket = 'lake';
/** A cluster may be used again: what an earlier run published stays out of the way. */
const folder = `run-${Date.now().toString(36)}`;
const region = 'us-east-1';
const cli = new URL('../../../cli/src/main.ts', import.meta.url).pathname;
const credentials = { accessKeyId: given('E2E_LAKE_KEY'), secretAccessKey: given('E2E_LAKE_SECRET') };
const endpoint = given('E2E_LAKE_ENDPOINT');

/** Where gateways reach the lake: the address of its Service. */
export const lakeAddress = new URL(endpoint).hostname;

/** Name of the Secret that Datasets of this suite name. */
export const lakeSecret = 'lake-reader';
export const lakeSecretObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: lakeSecret }, stringData: credentials };

/** spec.source of a Dataset in this lake. */
export const lakeSource = (dataset: string) => ({
  manifest: { url: `s3://${bucket}/${folder}/${dataset}/manifest.json` },
  credentialsSecretRef: { name: lakeSecret },
  s3: { region, endpoint, forcePathStyle: true },
  interval: '2s',
});

/** The bucket, made once. */
export const ensureLake = async (): Promise<void> => {
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { ...credentials } });
  await client.send(new CreateBucketCommand({ Bucket: bucket })).catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
  });
  client.destroy();
};

export type Visit = readonly [tenant: string, day: string, visits: number];

/** Publishes rows as a snapshot, as a producer would: files first, the manifest last. */
export const publish = async (dataset: string, snapshotId: string, rows: readonly Visit[]): Promise<void> => {
  const files = await mkdtemp(join(tmpdir(), 'offloader-publish-'));
  try {
    await writeFile(join(files, 'visits.csv'), ['tenant_id,day,visits', ...rows.map((row) => row.join(',')), ''].join('\n'));
    const args = ['publish', files, '--dataset', dataset, '--snapshot-id', snapshotId, '--out', `s3://${bucket}/${folder}/${dataset}`];
    const types = 'tenant_id=VARCHAR,day=DATE,visits=BIGINT';
    await run(
      process.execPath,
      ['--conditions=source', cli, ...args, '--types', types, '--s3-endpoint', endpoint, '--s3-region', region, '--s3-path-style'],
      { env: { ...process.env, AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey } },
    );
  } finally {
    await rm(files, { recursive: true });
  }
};
