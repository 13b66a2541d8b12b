/** s3:// sources through the AWS SDK: credentials of the dataset's Secret, else the SDK's own chain, else anonymous. */
import { Readable } from 'node:stream';
import { GetObjectCommand, paginateListObjectsV2, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { type CompiledSource, err, ok, type Problem, type Result, type SourceCredentials } from '@offloader/contract';
import type { ObjectStore, ReadResult } from '../snapshots/object-store.ts';
import { storeError, storeProblem } from './problems.ts';
import { writeStream } from './write-file.ts';

/** Bounds that keep one slow store from holding a poll for ever; downloads are bounded by inactivity, not by length. */
const connectionTimeoutMs = 5_000;
const inactivityTimeoutMs = 30_000;

const identity = (credentials: SourceCredentials): NonNullable<S3ClientConfig['credentials']> => ({
  accessKeyId: credentials.accessKeyId ?? credentials.hmacAccessId ?? '',
  secretAccessKey: credentials.secretAccessKey ?? credentials.hmacSecret ?? '',
  ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
});

const clientOf = ({ s3, anonymous }: CompiledSource, credentials: SourceCredentials | null): S3Client =>
  new S3Client({
    region: s3.region ?? process.env['AWS_REGION'] ?? 'us-east-1',
    ...(s3.endpoint === null ? {} : { endpoint: s3.endpoint }),
    forcePathStyle: s3.forcePathStyle,
    maxAttempts: 3,
    requestHandler: { connectionTimeout: connectionTimeoutMs, requestTimeout: inactivityTimeoutMs },
    ...(credentials === null ? {} : { credentials: identity(credentials) }),
    // A signer that signs nothing: anonymous requests carry no Authorization header.
    // The SDK wants some identity before it asks the signer; nothing of it is sent.
    ...(anonymous
      ? { credentials: { accessKeyId: 'anonymous', secretAccessKey: 'anonymous' }, signer: { sign: async (request) => request } }
      : {}),
  });

const partsOf = (url: string): { Bucket: string; Key: string } => {
  const [, Bucket = '', Key = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(url) ?? [];
  return { Bucket, Key };
};

export const s3Store = (source: CompiledSource, credentials: SourceCredentials | null): ObjectStore => {
  const client = clientOf(source, credentials);
  const attempt = async <T>(work: () => Promise<Result<T, Problem>>): Promise<Result<T, Problem>> => {
    try {
      return await work();
    } catch (error) {
      return err(storeProblem(error, ''));
    }
  };
  return {
    read: async (url, etag, signal) =>
      attempt<ReadResult>(async () => {
        try {
          const answer = await client.send(new GetObjectCommand({ ...partsOf(url), ...(etag === null ? {} : { IfNoneMatch: etag }) }), {
            abortSignal: signal,
          });
          return ok({ kind: 'read', bytes: (await answer.Body?.transformToByteArray()) ?? new Uint8Array(), etag: answer.ETag ?? null });
        } catch (error) {
          if (storeError(error).status === 304) return ok({ kind: 'unchanged' });
          throw error;
        }
      }),
    download: async (url, toFile, expectedBytes, signal) =>
      attempt(async () => {
        const answer = await client.send(new GetObjectCommand(partsOf(url)), { abortSignal: signal });
        return answer.Body instanceof Readable
          ? writeStream(answer.Body, toFile, expectedBytes, signal)
          : err({ code: 'source_failed', path: '', message: 'the store answered without a body' });
      }),
    list: async (prefix, signal) =>
      attempt(async () => {
        const { Bucket, Key } = partsOf(prefix);
        const found: { url: string; updatedAt: string }[] = [];
        for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: Key }, { abortSignal: signal }))
          for (const object of page.Contents ?? [])
            found.push({ url: `s3://${Bucket}/${object.Key ?? ''}`, updatedAt: (object.LastModified ?? new Date(0)).toISOString() });
        return ok(found);
      }),
  };
};
