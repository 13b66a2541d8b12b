/** Reads back the configuration that the cluster holds, so that a restart goes on where the last leader stopped. */
import { decodeBundle, mounted, objectNames } from '@offloader/contract';
import type { Bundle, BundleIndex } from '@offloader/contract';
import type { Releases } from '../domain/releases.ts';
import type { Caches } from './ports.ts';

export type StoredBundle = {
  /** null when there is none, or when its parts do not fit together (a leader died between two writes). */
  readonly bundle: Bundle | null;
  readonly index: BundleIndex | null;
  readonly why: string;
};

/** The bundle of the index and parts in the caches. */
export const readStoredBundle = (caches: Caches, release: string): StoredBundle => {
  const names = objectNames(release);
  const text = caches.configMaps.get(names.index)?.data?.[mounted.index];
  if (text === undefined) return { bundle: null, index: null, why: 'there is no index' };
  const raw = parseJson(text);
  const index = isIndex(raw) ? raw : null;
  const decoded = decodeBundle(raw, (file) => readPart(caches, release, file));
  return decoded.ok ? { bundle: decoded.value.bundle, index, why: '' } : { bundle: null, index, why: decoded.error };
};

/** The releases that a bundle carries. */
export const releasesOf = (bundle: Bundle | null): Releases =>
  Object.fromEntries(
    (bundle?.datasets ?? []).flatMap(({ name, snapshot }) => (snapshot.release === null ? [] : [[name, snapshot.release]])),
  );

const readPart = (caches: Caches, release: string, file: string): Uint8Array | undefined => {
  const names = objectNames(release);
  const encoded =
    file === mounted.keys
      ? caches.secrets.get(names.keys)?.data?.[file]
      : file === mounted.credentials
        ? caches.secrets.get(names.credentials)?.data?.[file]
        : caches.configMaps.list().find((part) => part.binaryData?.[file] !== undefined)?.binaryData?.[file];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64');
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isIndex = (raw: unknown): raw is BundleIndex =>
  typeof raw === 'object' &&
  raw !== null &&
  'sequence' in raw &&
  Number.isSafeInteger(raw.sequence) &&
  'parts' in raw &&
  Array.isArray(raw.parts);
