/** One ObjectStore for a source, whatever schemes its manifest's files use. */
import { type CompiledSource, err, type Problem, type SourceCredentials } from '@offloader/contract';
import type { ObjectStore, OpenStore } from '../snapshots/object-store.ts';
import { lackOfCredentials } from './credentials.ts';
import { confirmingFrom, downloadingFrom } from './download.ts';
import { filePlace, probeFile } from './file.ts';
import { gcsPlace } from './gcs.ts';
import { httpsPlace } from './https.ts';
import { patience as usual, type Patience, type Place } from './place.ts';
import { readingFrom } from './read-object.ts';
import { s3Place } from './s3.ts';
import { within } from './within.ts';

const schemeOf = (url: string): string => url.slice(0, url.indexOf('://')).toLowerCase();

/** A store that answers everything with one problem. */
const refusing = (problem: Problem): ObjectStore => ({
  read: async () => err(problem),
  probe: async () => problem,
  download: async () => err(problem),
  confirm: async () => err(problem),
  list: async () => err(problem),
});

const storeOver = (place: Place, patience: Patience, probe: ObjectStore['probe'] = async () => null): ObjectStore => ({
  read: readingFrom(place, patience),
  probe,
  download: downloadingFrom(place, patience),
  confirm: confirmingFrom(place, patience),
  list: async (prefix, signal) => within(patience.answerMs, signal, async (bounded) => place.list(prefix, bounded)),
});

const storeFor = (scheme: string, source: CompiledSource, credentials: SourceCredentials | null, patience: Patience): ObjectStore => {
  const lack = lackOfCredentials(scheme, source, credentials);
  if (lack !== null) return refusing(lack);
  if (scheme === 's3') return storeOver(s3Place(source, credentials, patience), patience);
  if (scheme === 'gs') return storeOver(gcsPlace(source, credentials, patience), patience);
  if (scheme === 'https') return storeOver(httpsPlace(), patience);
  if (scheme !== 'file') return refusing({ code: 'root_not_allowed', path: '', message: `${scheme}:// is not a source` });
  const place = filePlace(source);
  return storeOver(place, patience, probeFile(place));
};

/** Opens stores of this patience. Clients are made when first used: a dataset on S3 alone never asks for a Google account. */
export const storesOf =
  (patience: Patience): OpenStore =>
  (source, credentials) => {
    const made = new Map<string, ObjectStore>();
    const at = (url: string): ObjectStore => {
      const scheme = schemeOf(url);
      const store = made.get(scheme) ?? storeFor(scheme, source, credentials, patience);
      made.set(scheme, store);
      return store;
    };
    return {
      read: async (url, ...rest) => at(url).read(url, ...rest),
      probe: async (url, ...rest) => at(url).probe(url, ...rest),
      download: async (url, ...rest) => at(url).download(url, ...rest),
      confirm: async (url, ...rest) => at(url).confirm(url, ...rest),
      list: async (prefix, ...rest) => at(prefix).list(prefix, ...rest),
    };
  };

export const openStore: OpenStore = storesOf(usual);
