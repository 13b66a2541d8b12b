/** Publishes into S3 and what speaks its language. Credentials and region come from the SDK's own chain (environment, profile, role). */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import type { S3Options, Target } from './target.ts';

/** The most that one PutObject takes. */
const maxPutBytes = 5 * 1024 ** 3;

/** `s3://bucket/prefix` as a target. */
export const s3Bucket = (url: string, options: S3Options): Target => {
  const { hostname: bucket, pathname } = new URL(url);
  const prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
  const client = new S3Client({
    forcePathStyle: options.pathStyle,
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
      return err(`s3://${bucket}/${key(path)}: ${error instanceof Error ? error.name : 'unknown error'}`);
    }
  };
  return {
    name: url,
    readText: (path) =>
      attempt(path, async () => {
        try {
          const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key(path) }));
          return (await answer.Body?.transformToString('utf8')) ?? '';
        } catch (error) {
          if (error instanceof Error && error.name === 'NoSuchKey') return null;
          throw error;
        }
      }),
    has: (path) =>
      attempt(path, async () => {
        try {
          await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key(path) }));
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
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: key(path), Body: text, ContentType: 'application/json' }));
        return null;
      }),
  };
};
