/** Publishes into S3 and what speaks its language. Credentials and region come from the SDK's own chain (environment, profile, role). */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { silentUploadMs, smallCallMs } from './target.ts';
import type { S3Options, Target } from './target.ts';

/** The most that one PutObject takes. */
const maxPutBytes = 5 * 1024 ** 3;

/** `s3://bucket/prefix` as a target. */
export const s3Bucket = (url: string, options: S3Options): Target => {
  const { hostname: bucket, pathname } = new URL(url);
  const prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
  const client = new S3Client({
    forcePathStyle: options.pathStyle,
    requestHandler: { connectionTimeout: smallCallMs, socketTimeout: silentUploadMs },
    // Checksums in trailers are refused by several S3-compatible stores.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.region === undefined ? {} : { region: options.region }),
  });
  const key = (path: string): string => (prefix === '' ? path : `${prefix}/${path}`);
  const attempt = async <T>(path: string, work: () => Promise<T>): Promise<Result<T, string>> => {
    try {
      return ok(await work());
    } catch (error) {
      // The name only: messages of SDKs may quote what was signed.
      return err(`s3://${bucket}/${key(path)}: ${nameOf(error)}`);
    }
  };
  return {
    name: url,
    readText: (path) =>
      attempt(path, async () => {
        try {
          const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key(path) }), inTime());
          return (await answer.Body?.transformToString('utf8')) ?? '';
        } catch (error) {
          if (error instanceof Error && error.name === 'NoSuchKey') return null;
          throw error;
        }
      }),
    has: (path) =>
      attempt(path, async () => {
        try {
          await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key(path) }), inTime());
          return true;
        } catch (error) {
          // A HEAD has no body to name the error in.
          if (error instanceof Error && error.name === 'NotFound') return false;
          throw error;
        }
      }),
    putFile: async (path, source) => {
      const { size } = await stat(source);
      if (size > maxPutBytes) return err(`${source}: larger than 5 GiB; write smaller files`);
      return attempt(path, async () => {
        const body = createReadStream(source);
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: key(path), Body: body, ContentLength: size }));
        return null;
      });
    },
    putText: (path, text) =>
      attempt(path, async () => {
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: key(path), Body: text, ContentType: 'application/json' }), inTime());
        return null;
      }),
  };
};

const inTime = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(smallCallMs) });

/** What stores answer to who may not know more, in words. */
const told: Readonly<Record<string, string>> = {
  AbortError: `no answer within ${smallCallMs / 1000} s`,
  TimeoutError: 'no answer in time',
  ECONNREFUSED: 'nothing listens there; see --s3-endpoint and AWS_ENDPOINT_URL',
  CredentialsProviderError: 'no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
};

const nameOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown error';
  if (error.message === 'Region is missing') return 'no region; set --s3-region or AWS_REGION';
  const code = (error as NodeJS.ErrnoException).code;
  return told[error.name] ?? (code === undefined ? error.name : (told[code] ?? code));
};
