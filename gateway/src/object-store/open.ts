/** One ObjectStore for a source, whatever schemes its manifest's files use. */
import { err, type Problem, type Result } from '@offloader/contract';
import type { ObjectStore, OpenStore } from '../snapshots/object-store.ts';
import { fileStore } from './file.ts';
import { gcsStore } from './gcs.ts';
import { httpsStore } from './https.ts';
import { s3Store } from './s3.ts';

const schemeOf = (url: string): string => url.slice(0, url.indexOf('://'));
const unknownScheme = (url: string): Result<never, Problem> =>
  err({ code: 'root_not_allowed', path: '', message: `${schemeOf(url)}:// is not a source` });

/** Clients are made when first used: a dataset on S3 alone never asks for a Google account. */
export const openStore: OpenStore = (source, credentials) => {
  const made = new Map<string, ObjectStore>();
  const makers: Readonly<Record<string, () => ObjectStore>> = {
    file: () => fileStore(source),
    s3: () => s3Store(source, credentials),
    gs: () => gcsStore(source, credentials),
    https: () => httpsStore(),
  };
  const storeFor = (url: string): ObjectStore | undefined => {
    const scheme = schemeOf(url);
    const held = made.get(scheme) ?? (Object.hasOwn(makers, scheme) ? makers[scheme]?.() : undefined);
    if (held !== undefined) made.set(scheme, held);
    return held;
  };
  return {
    read: async (url, etag, signal) => (await storeFor(url)?.read(url, etag, signal)) ?? unknownScheme(url),
    download: async (url, toFile, bytes, signal) => (await storeFor(url)?.download(url, toFile, bytes, signal)) ?? unknownScheme(url),
    list: async (prefix, signal) => (await storeFor(prefix)?.list(prefix, signal)) ?? unknownScheme(prefix),
  };
};
