/** gs:// sources through the Google Cloud SDK: a service account of the dataset's Secret, else the SDK's own chain, else anonymous. */
import type { Readable } from 'node:stream';
import { Storage, type StorageOptions } from '@google-cloud/storage';
import { JWT, PassThroughClient } from 'google-auth-library';
import { type CompiledSource, err, ok, type Problem, type Result, type SourceCredentials } from '@offloader/contract';
import type { ObjectStore, ReadResult } from '../snapshots/object-store.ts';
import { s3Store } from './s3.ts';
import { storeProblem } from './problems.ts';
import { writeStream } from './write-file.ts';

/** A manifest is small; one that takes longer is a store that does not answer. */
const readTimeoutMs = 30_000;

const partsOf = (url: string): { bucket: string; name: string } => {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/?(.*)$/.exec(url) ?? [];
  return { bucket, name };
};

/** The address of an emulator, which Google's own tools read too; used by tests and by people who run one. */
const isEmulated = (): boolean => process.env['STORAGE_EMULATOR_HOST'] !== undefined;

const accountOf = (json: string): Pick<StorageOptions, 'authClient' | 'projectId'> => {
  const account = JSON.parse(json) as { client_email?: string; private_key?: string; project_id?: string };
  const authClient = new JWT({
    email: account.client_email ?? '',
    key: account.private_key ?? '',
    scopes: ['https://www.googleapis.com/auth/devstorage.read_only'],
  });
  // Beside an emulator there is no token endpoint: the account signs its token itself.
  authClient.useJWTAccessWithScope = isEmulated();
  return {
    authClient,
    ...(account.project_id === undefined ? {} : { projectId: account.project_id }),
  };
};

/** HMAC keys speak the S3 dialect of GCS. */
const throughS3 = (source: CompiledSource, credentials: SourceCredentials): ObjectStore => {
  const store = s3Store(
    { ...source, s3: { region: 'auto', endpoint: 'https://storage.googleapis.com', forcePathStyle: true } },
    credentials,
  );
  const toS3 = (url: string): string => url.replace(/^gs:/, 's3:');
  return {
    read: async (url, ...rest) => store.read(toS3(url), ...rest),
    download: async (url, ...rest) => store.download(toS3(url), ...rest),
    list: async (prefix, signal) => {
      const listed = await store.list(toS3(prefix), signal);
      return listed.ok ? ok(listed.value.map((object) => ({ ...object, url: object.url.replace(/^s3:/, 'gs:') }))) : listed;
    },
  };
};

const storageOf = (source: CompiledSource, credentials: SourceCredentials | null): Storage => {
  const storage = new Storage({
    ...(credentials?.serviceAccountJson === undefined ? {} : accountOf(credentials.serviceAccountJson)),
    ...(source.anonymous || (isEmulated() && credentials === null) ? { authClient: new PassThroughClient(), projectId: 'anonymous' } : {}),
    retryOptions: { maxRetries: 2, totalTimeout: 60 },
  });
  // For an emulator the SDK leaves out the path of the API, and reads would be 404.
  if (isEmulated()) storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
  return storage;
};

export const gcsStore = (source: CompiledSource, credentials: SourceCredentials | null): ObjectStore => {
  if (credentials?.hmacAccessId !== undefined) return throughS3(source, credentials);
  // One client for all calls: it keeps the account's access token.
  let held: Storage | undefined;
  const attempt = async <T>(work: (storage: Storage) => Promise<Result<T, Problem>>): Promise<Result<T, Problem>> => {
    try {
      held ??= storageOf(source, credentials);
      return await work(held);
    } catch (error) {
      return err(storeProblem(error, ''));
    }
  };
  /**
   * One GET of an object, by the SDK's authenticated client. Not File.createReadStream: it pipes late answers into a stream that
   * is destroyed already, which nobody can catch, and hides the status of a refusal.
   */
  const get = async <T>({ authClient, baseUrl }: Storage, url: string, options: Readonly<Record<string, unknown>>): Promise<T> => {
    const { bucket, name } = partsOf(url);
    const path = `${baseUrl}/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}`;
    return (await authClient.request<T>({ url: path, retryConfig: { retry: 2, noResponseRetries: 2 }, ...options })).data;
  };
  return {
    read: async (url, etag, signal) =>
      attempt<ReadResult>(async (storage) => {
        const bounded = { signal, timeout: readTimeoutMs };
        const { generation } = await get<{ generation: string }>(storage, url, { ...bounded, params: { fields: 'generation' } });
        if (generation === etag) return ok({ kind: 'unchanged' });
        // The very generation that was looked at: a manifest overwritten meanwhile is read at the next poll.
        const media = { params: { alt: 'media', generation }, responseType: 'arraybuffer' };
        return ok({
          kind: 'read',
          bytes: new Uint8Array(await get<ArrayBuffer>(storage, url, { ...bounded, ...media })),
          etag: generation,
        });
      }),
    download: async (url, toFile, expectedBytes, signal) =>
      attempt(async (storage) => {
        const body = await get<Readable>(storage, url, { signal, params: { alt: 'media' }, responseType: 'stream' });
        return writeStream(body, toFile, expectedBytes, signal);
      }),
    list: async (prefix) =>
      attempt(async (storage) => {
        const { bucket, name } = partsOf(prefix);
        const [files] = await storage.bucket(bucket).getFiles({ prefix: name, autoPaginate: true });
        return ok(files.map((file) => ({ url: `gs://${bucket}/${file.name}`, updatedAt: file.metadata.updated ?? '' })));
      }),
  };
};
