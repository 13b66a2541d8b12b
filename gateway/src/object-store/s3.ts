/** s3:// sources through the AWS SDK: credentials of the dataset's Secret, else the SDK's own chain, else anonymous. */
import { Readable } from 'node:stream';
import { GetObjectCommand, paginateListObjectsV2, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { type CompiledSource, err, ok, type SourceCredentials } from '@offloader/contract';
import { statusOf } from './problems.ts';
import { extentOf, type Patience, type Place, type Wanted } from './place.ts';

const connectionTimeoutMs = 5_000;

const identity = (credentials: SourceCredentials): NonNullable<S3ClientConfig['credentials']> => ({
  accessKeyId: credentials.accessKeyId ?? credentials.hmacAccessId ?? '',
  secretAccessKey: credentials.secretAccessKey ?? credentials.hmacSecret ?? '',
  ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
});

const clientOf = ({ s3, anonymous }: CompiledSource, credentials: SourceCredentials | null, { answerMs, silenceMs }: Patience): S3Client =>
  new S3Client({
    region: s3.region ?? process.env['AWS_REGION'] ?? 'us-east-1',
    ...(s3.endpoint === null ? {} : { endpoint: s3.endpoint }),
    forcePathStyle: s3.forcePathStyle,
    maxAttempts: 3,
    // Without throwOnRequestTimeout a store that does not answer would only be complained about.
    requestHandler: {
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
    },
    ...(credentials === null ? {} : { credentials: identity(credentials) }),
    // A signer that signs nothing: anonymous requests carry no Authorization header.
    // The SDK wants some identity before it asks the signer; nothing of it is sent.
    ...(anonymous
      ? { credentials: { accessKeyId: 'anonymous', secretAccessKey: 'anonymous' }, signer: { sign: async (request) => request } }
      : {}),
  });

const partsOf = (url: string): { Bucket: string; Key: string } => {
  const [, Bucket = '', Key = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(url) ?? [];
  return { Bucket, Key };
};

const conditionOf = (wanted: Wanted): { IfNoneMatch?: string; IfMatch?: string; Range?: string } =>
  wanted.kind === 'all'
    ? {}
    : wanted.kind === 'newer'
      ? { IfNoneMatch: wanted.than }
      : { IfMatch: wanted.of, Range: `bytes=${wanted.from}-` };

export const s3Place = (source: CompiledSource, credentials: SourceCredentials | null, patience: Patience): Place => {
  const client = clientOf(source, credentials, patience);
  return {
    open: async (url, wanted, abortSignal) => {
      try {
        const answer = await client.send(new GetObjectCommand({ ...partsOf(url), ...conditionOf(wanted) }), { abortSignal });
        return answer.Body instanceof Readable
          ? ok({
              kind: 'opened',
              body: answer.Body,
              version: answer.ETag ?? null,
              ...extentOf(answer.ContentLength ?? null, answer.ContentRange ?? null),
            })
          : err({ code: 'source_failed', path: '', message: 'the store answered without a body' });
      } catch (error) {
        if (statusOf(error) === 304) return ok({ kind: 'unchanged' });
        throw error;
      }
    },
    list: async (prefix, abortSignal) => {
      const { Bucket, Key } = partsOf(prefix);
      const found: { url: string; updatedAt: string }[] = [];
      for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: Key }, { abortSignal }))
        for (const object of page.Contents ?? [])
          found.push({ url: `s3://${Bucket}/${object.Key ?? ''}`, updatedAt: (object.LastModified ?? new Date(0)).toISOString() });
      return ok(found);
    },
  };
};
