/** gs:// sources through the Google Cloud SDK: a service account of the dataset's Secret, else the SDK's own chain, else anonymous. */
import { Storage, type StorageOptions } from '@google-cloud/storage';
import { JWT } from 'google-auth-library';
import { type CompiledSource, err, ok, type Problem, type Result, type SourceCredentials } from '@offloader/contract';
import type { ObjectStore, ReadResult } from '../snapshots/object-store.ts';
import { s3Store } from './s3.ts';
import { storeProblem } from './problems.ts';
import { writeStream } from './write-file.ts';

const partsOf = (url: string): { bucket: string; name: string } => {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/?(.*)$/.exec(url) ?? [];
  return { bucket, name };
};

const accountOf = (json: string): Pick<StorageOptions, 'authClient' | 'projectId'> => {
  const account = JSON.parse(json) as { client_email?: string; private_key?: string; project_id?: string };
  return {
    authClient: new JWT({
      email: account.client_email ?? '',
      key: account.private_key ?? '',
      scopes: ['https://www.googleapis.com/auth/devstorage.read_only'],
    }),
    ...(account.project_id === undefined ? {} : { projectId: account.project_id }),
  };
};

/** The emulator's address that Google's own tools read; used by tests and by people who run one. */
const endpoint = (): Pick<StorageOptions, 'apiEndpoint'> => {
  const host = process.env['STORAGE_EMULATOR_HOST'];
  return host === undefined ? {} : { apiEndpoint: host };
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

/** A preset client that sends no Authorization header. */
const anonymousClient = { getRequestHeaders: async () => new Headers(), request: undefined };

const storageOf = (source: CompiledSource, credentials: SourceCredentials | null): Storage =>
  new Storage({
    ...endpoint(),
    ...(credentials?.serviceAccountJson === undefined ? {} : accountOf(credentials.serviceAccountJson)),
    ...(source.anonymous
      ? { authClient: anonymousClient as unknown as NonNullable<StorageOptions['authClient']>, projectId: 'anonymous' }
      : {}),
    retryOptions: { maxRetries: 2, totalTimeout: 60 },
  });

export const gcsStore = (source: CompiledSource, credentials: SourceCredentials | null): ObjectStore => {
  if (credentials?.hmacAccessId !== undefined) return throughS3(source, credentials);
  const attempt = async <T>(work: (storage: Storage) => Promise<Result<T, Problem>>): Promise<Result<T, Problem>> => {
    try {
      return await work(storageOf(source, credentials));
    } catch (error) {
      return err(storeProblem(error, ''));
    }
  };
  return {
    read: async (url, etag) =>
      attempt<ReadResult>(async (storage) => {
        const { bucket, name } = partsOf(url);
        const file = storage.bucket(bucket).file(name);
        const [metadata] = await file.getMetadata();
        const generation = String(metadata.generation ?? '');
        if (generation !== '' && generation === etag) return ok({ kind: 'unchanged' });
        // The very generation that was looked at: a manifest overwritten meanwhile is read at the next poll.
        const [bytes] = await storage
          .bucket(bucket)
          .file(name, generation === '' ? {} : { generation })
          .download();
        return ok({ kind: 'read', bytes, etag: generation });
      }),
    download: async (url, toFile, expectedBytes, signal) =>
      attempt(async (storage) => {
        const { bucket, name } = partsOf(url);
        return writeStream(storage.bucket(bucket).file(name).createReadStream(), toFile, expectedBytes, signal);
      }),
    list: async (prefix) =>
      attempt(async (storage) => {
        const { bucket, name } = partsOf(prefix);
        const [files] = await storage.bucket(bucket).getFiles({ prefix: name, autoPaginate: true });
        return ok(files.map((file) => ({ url: `gs://${bucket}/${file.name}`, updatedAt: file.metadata.updated ?? '' })));
      }),
  };
};
