/** Publishes into Google Cloud Storage, with the application default credentials. */
import { Storage } from '@google-cloud/storage';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import type { Target } from './target.ts';

/** `gs://bucket/prefix` as a target. */
export const gcsBucket = (url: string): Target => {
  const { hostname: name, pathname } = new URL(url);
  const prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
  const bucket = new Storage().bucket(name);
  const key = (path: string): string => (prefix === '' ? path : `${prefix}/${path}`);
  const attempt = async <T>(path: string, work: () => Promise<T>): Promise<Result<T, string>> => {
    try {
      return ok(await work());
    } catch (error) {
      // The status only: messages of SDKs may quote what was sent.
      return err(`gs://${name}/${key(path)}: ${status(error)}`);
    }
  };
  return {
    name: url,
    readText: (path) =>
      attempt(path, async () => {
        try {
          const [bytes] = await bucket.file(key(path)).download();
          return bytes.toString('utf8');
        } catch (error) {
          if (status(error) === 'status 404') return null;
          throw error;
        }
      }),
    has: (path) => attempt(path, async () => (await bucket.file(key(path)).exists())[0]),
    putFile: (path, source) => attempt(path, () => bucket.upload(source, { destination: key(path) }).then(() => null)),
    putText: (path, text) =>
      attempt(path, () =>
        bucket
          .file(key(path))
          .save(text, { contentType: 'application/json' })
          .then(() => null),
      ),
  };
};

const status = (error: unknown): string => {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'number' || typeof code === 'string' ? `status ${code}` : 'unknown error';
};
