/** Publishes into Google Cloud Storage, with the application default credentials. */
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { smallCallMs } from './target.ts';
import type { Target } from './target.ts';

/** `gs://bucket/prefix` as a target. */
export const gcsBucket = (url: string): Target => {
  const { hostname: name, pathname } = new URL(url);
  const prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
  const isEmulated = process.env['STORAGE_EMULATOR_HOST'] !== undefined;
  const storage = new Storage(isEmulated ? { authClient: new PassThroughClient() } : {});
  // For an emulator the SDK leaves out the path of the API, and reads would be 404.
  if (isEmulated) storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
  const bucket = storage.bucket(name);
  const key = (path: string): string => (prefix === '' ? path : `${prefix}/${path}`);
  const attempt = async <T>(path: string, work: () => Promise<T>): Promise<Result<T, string>> => {
    try {
      return ok(await work());
    } catch (error) {
      // The status only: messages of SDKs may quote what was sent.
      return err(`gs://${name}/${key(path)}: ${status(error)}`);
    }
  };
  /**
   * One authenticated request. Not File.download: it runs an answer through a chain of joined streams, and Node takes the listeners
   * of a late answer for a leak and says so on stderr.
   */
  const read = async (path: string): Promise<string | null> => {
    const answer = await storage.authClient.request<string>({
      url: `${storage.baseUrl}/b/${encodeURIComponent(name)}/o/${encodeURIComponent(key(path))}`,
      params: { alt: 'media' },
      responseType: 'text',
      validateStatus: (code) => code === 200 || code === 404,
    });
    return answer.status === 404 ? null : answer.data;
  };
  return {
    name: url,
    readText: (path) => attempt(path, () => inTime(read(path))),
    has: (path) => attempt(path, async () => (await inTime(bucket.file(key(path)).exists()))[0]),
    putFile: (path, source) => attempt(path, () => bucket.upload(source, { destination: key(path) }).then(() => null)),
    putText: (path, text) =>
      attempt(path, () =>
        inTime(bucket.file(key(path)).save(text, { contentType: 'application/json', resumable: false })).then(() => null),
      ),
  };
};

/** The SDK takes a limit and does not keep it, so the wait is given up here; the failed command then ends the process. */
const inTime = <T>(call: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late()), smallCallMs);
  });
  return Promise.race([call, late]).finally(() => clearTimeout(timer));
};
class Late extends Error {}

const status = (error: unknown): string => {
  if (error instanceof Late) return `no answer within ${smallCallMs / 1000} s`;
  const code = (error as { code?: unknown }).code;
  if (code === 'ECONNREFUSED') return 'nothing listens there; see STORAGE_EMULATOR_HOST';
  return typeof code === 'number' || typeof code === 'string' ? `status ${code}` : 'unknown error';
};
