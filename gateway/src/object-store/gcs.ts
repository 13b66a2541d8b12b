/** gs:// sources through the Google Cloud SDK: a service account of the dataset's Secret, else the SDK's own chain, else anonymous. */
import type { Readable } from 'node:stream';
import { Storage, type StorageOptions } from '@google-cloud/storage';
import { JWT, PassThroughClient } from 'google-auth-library';
import { type CompiledSource, err, ok, type Problem, type SourceCredentials } from '@offloader/contract';
import type { ListedObject } from '../snapshots/object-store.ts';
import { statusOf, storeProblem } from './problems.ts';
import { extentOf, type Patience, type Place, type Wanted } from './place.ts';
import { s3Place } from './s3.ts';

const partsOf = (url: string): { bucket: string; name: string } => {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/?(.*)$/s.exec(url) ?? [];
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
const throughS3 = (source: CompiledSource, credentials: SourceCredentials, patience: Patience): Place => {
  const endpoint = process.env['STORAGE_EMULATOR_HOST'] ?? 'https://storage.googleapis.com';
  const place = s3Place({ ...source, s3: { region: 'auto', endpoint, forcePathStyle: true } }, credentials, patience);
  const toS3 = (url: string): string => url.replace(/^gs:/, 's3:');
  return {
    open: async (url, ...rest) => place.open(toS3(url), ...rest),
    list: async (prefix, signal) => {
      const listed = await place.list(toS3(prefix), signal);
      return listed.ok ? ok(listed.value.map((object) => ({ ...object, url: object.url.replace(/^s3:/, 'gs:') }))) : listed;
    },
  };
};

const storageOf = (source: CompiledSource, credentials: SourceCredentials | null): Storage => {
  const isOpen = source.anonymous || (isEmulated() && credentials === null);
  const storage = new Storage({
    ...(credentials?.serviceAccountJson === undefined ? {} : accountOf(credentials.serviceAccountJson)),
    ...(isOpen ? { authClient: new PassThroughClient(), projectId: 'anonymous' } : {}),
  });
  // For an emulator the SDK leaves out the path of the API, and reads would be 404.
  if (isEmulated()) storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
  return storage;
};

type Answer<T> = { readonly data: T; readonly headers: Headers };
type Options = {
  readonly signal: AbortSignal;
  readonly params: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly responseType?: 'stream';
};
/**
 * One GET by the SDK's authenticated client. Not File.createReadStream: it pipes late answers into a stream that is destroyed
 * already, which nobody can catch, and hides the status of a refusal.
 */
const get = async <T>({ authClient, baseUrl }: Storage, path: string, options: Options): Promise<Answer<T>> =>
  authClient.request<T>({ url: `${baseUrl}/b/${path}`, retryConfig: { retry: 2, noResponseRetries: 2 }, ...options });

/** A 404 says the same of a missing object and of a missing bucket. Who may not look at the bucket knows that it is there. */
const isBucketMissing = async (storage: Storage, bucket: string, signal: AbortSignal): Promise<boolean> =>
  get(storage, encodeURIComponent(bucket), { signal, params: { fields: 'name' } }).then(
    () => false,
    (error: unknown) => statusOf(error) === 404,
  );
const noBucket = (): Problem => storeProblem({ name: 'NoSuchBucket' });

const conditionOf = (wanted: Wanted): { params: Record<string, string>; headers: Record<string, string> } =>
  wanted.kind === 'all'
    ? { params: {}, headers: {} }
    : wanted.kind === 'newer'
      ? { params: { ifGenerationNotMatch: wanted.than }, headers: {} }
      : { params: { ifGenerationMatch: wanted.of }, headers: { range: `bytes=${wanted.from}-` } };

type Page = { readonly items?: readonly { readonly name: string; readonly updated: string }[]; readonly nextPageToken?: string };

export const gcsPlace = (source: CompiledSource, credentials: SourceCredentials | null, patience: Patience): Place => {
  if (credentials?.hmacAccessId !== undefined) return throughS3(source, credentials, patience);
  // One client for all calls: it keeps the account's access token.
  let held: Storage | undefined;
  const storage = (): Storage => (held ??= storageOf(source, credentials));
  return {
    open: async (url, wanted, signal) => {
      const { bucket, name } = partsOf(url);
      const { params, headers } = conditionOf(wanted);
      try {
        const path = `${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}`;
        const answer = await get<Readable>(storage(), path, {
          signal,
          // As it lies there: a body that is packed on the way has other sizes than the file.
          headers: { 'accept-encoding': 'identity', ...headers },
          params: { alt: 'media', ...params },
          responseType: 'stream',
        });
        const length = answer.headers.get('content-length');
        return ok({
          kind: 'opened',
          body: answer.data,
          version: answer.headers.get('x-goog-generation'),
          ...extentOf(length === null ? null : Number(length), answer.headers.get('content-range')),
        });
      } catch (error) {
        if (statusOf(error) === 304) return ok({ kind: 'unchanged' });
        if (statusOf(error) === 404 && (await isBucketMissing(storage(), bucket, signal))) return err(noBucket());
        throw error;
      }
    },
    list: async (prefix, signal) => {
      const { bucket, name } = partsOf(prefix);
      const found: ListedObject[] = [];
      let pageToken: string | undefined;
      try {
        do {
          const params = { prefix: name, fields: 'items(name,updated),nextPageToken', ...(pageToken === undefined ? {} : { pageToken }) };
          const { data } = await get<Page>(storage(), `${encodeURIComponent(bucket)}/o`, { signal, params });
          for (const item of data.items ?? []) found.push({ url: `gs://${bucket}/${item.name}`, updatedAt: item.updated });
          pageToken = data.nextPageToken;
        } while (pageToken !== undefined && pageToken !== '');
        return ok(found);
      } catch (error) {
        return statusOf(error) === 404 ? err(noBucket()) : err(storeProblem(error));
      }
    },
  };
};
