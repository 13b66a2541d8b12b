/** Bundle ↔ the files that gateways mount: gzipped JSON parts and an index with the digest of each. Same input, same bytes. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Bundle, BundleIndex, CompiledDataset, CompiledEndpoint, CompiledKey, Credentials, LoadedConfig } from './bundle.ts';
import { canonicalJson, canonicalOf, sha256Hex } from './canonical.ts';
import { revisionOf } from './compile/compile.ts';
import { rememberingWith } from './memo.ts';
import { maxConfigParts, maxPartBytes, mounted } from './names.ts';
import { err, ok, type Result } from './result.ts';

export type EncodedBundle = {
  readonly index: BundleIndex;
  /** part-0, part-1, … */
  readonly config: readonly Uint8Array[];
  readonly keys: Uint8Array;
  readonly credentials: Uint8Array;
};

/** Gzip of canonical JSON. */
const pack = (json: string): Uint8Array => gzipSync(json, { level: 6 });
const listed = (items: readonly object[]): string => `[${items.map(canonicalOf).join()}]`;
const partOf = (items: readonly Item[]): Uint8Array => {
  const datasets = items.flatMap((item) => ('dataset' in item ? [item.dataset] : []));
  const endpoints = items.flatMap((item) => ('endpoint' in item ? [item.endpoint] : []));
  return pack(`{"datasets":${listed(datasets)},"endpoints":${listed(endpoints)}}`);
};
type Item = { readonly dataset: CompiledDataset } | { readonly endpoint: CompiledEndpoint };

/** Halves the list until each half fits; the order stays, so equal bundles split equally. */
const split = (items: readonly Item[]): readonly Uint8Array[] => {
  const bytes = partOf(items);
  if (bytes.length <= maxPartBytes || items.length < 2) return [bytes];
  const middle = Math.ceil(items.length / 2);
  return [...split(items.slice(0, middle)), ...split(items.slice(middle))];
};

const entry = (file: string, bytes: Uint8Array): BundleIndex['parts'][number] => ({ file, sha256: sha256Hex(bytes), bytes: bytes.length });

type Packed = Omit<EncodedBundle, 'index'>;

/** The parts without their index, or why they cannot be mounted. Asked twice for the same bundle, packed once. */
const packed = rememberingWith((bundle: Bundle, credentials: Credentials): Result<Packed, string> => {
  const items: readonly Item[] = [
    ...bundle.datasets.map((dataset) => ({ dataset })),
    ...bundle.endpoints.map((endpoint) => ({ endpoint })),
  ];
  const config = split(items);
  if (config.length > maxConfigParts)
    return err(`the configuration needs ${config.length} parts of ${maxPartBytes} bytes; ${maxConfigParts} are mounted`);
  const keys = pack(`{"keys":${listed(bundle.keys)}}`);
  const named = new Set(bundle.datasets.map(({ source }) => source.credentials));
  const own = Object.fromEntries(Object.entries(credentials).filter(([name]) => named.has(name)));
  const secrets = pack(canonicalJson({ credentials: own }));
  const biggest = Math.max(keys.length, secrets.length, ...config.map((part) => part.length));
  if (biggest > maxPartBytes) return err(`a part of the configuration takes ${biggest} bytes; ${maxPartBytes} are allowed`);
  return ok({ config, keys, credentials: secrets });
});

/** Whether the gateways can mount the bundle: maxConfigParts parts, none larger than maxPartBytes. */
export const fitsGateways = (bundle: Bundle, credentials: Credentials): boolean => packed(bundle, credentials).ok;

/** The parts and their index. `sequence` is the writer's count of writes. Throws RangeError for a bundle that fits no gateway. */
export const encodeBundle = (bundle: Bundle, credentials: Credentials, sequence: number): EncodedBundle => {
  const parts = packed(bundle, credentials);
  if (!parts.ok) throw new RangeError(parts.error);
  const { config, keys, credentials: secrets } = parts.value;
  const entries = [
    ...config.map((bytes, n) => entry(mounted.part(n), bytes)),
    entry(mounted.keys, keys),
    entry(mounted.credentials, secrets),
  ];
  return { index: { format: 1, revision: bundle.revision, sequence, auth: bundle.auth, parts: entries }, ...parts.value };
};

const isPart = (value: unknown): value is BundleIndex['parts'][number] => {
  const { file, sha256 } = (value ?? {}) as Record<string, unknown>;
  return typeof file === 'string' && typeof sha256 === 'string';
};

const isIndex = (value: unknown): value is BundleIndex => {
  const { format, revision, sequence, auth, parts } = (value ?? {}) as Record<string, unknown>;
  return (
    format === 1 &&
    typeof revision === 'string' &&
    Number.isInteger(sequence) &&
    (auth === 'required' || auth === 'none') &&
    Array.isArray(parts) &&
    parts.every(isPart)
  );
};

const unpack = (file: string, bytes: Uint8Array): Result<unknown, string> => {
  try {
    return ok(JSON.parse(gunzipSync(bytes).toString('utf8')));
  } catch {
    return err(`${file} is not gzipped JSON`);
  }
};

/** The value that a part holds, when its bytes are those that the index promises. */
const readPart = ({ file, sha256 }: BundleIndex['parts'][number], bytes: Uint8Array | undefined): Result<unknown, string> => {
  if (bytes === undefined) return err(`${file} is missing`);
  if (sha256Hex(bytes) !== sha256) return err(`${file} does not match its digest in ${mounted.index}`);
  return unpack(file, bytes);
};

const listIn = (parts: readonly unknown[], name: string): readonly unknown[] =>
  parts.flatMap((part) => {
    const list = ((part ?? {}) as Record<string, unknown>)[name];
    return Array.isArray(list) ? (list as readonly unknown[]) : [];
  });

/** Reads every part that the index names and refuses the set when one is missing, differs from its digest, or does not add up to the revision. */
export const decodeBundle = (index: unknown, read: (file: string) => Uint8Array | undefined): Result<LoadedConfig, string> => {
  if (!isIndex(index)) return err(`${mounted.index} is not an index of format 1`);
  const unlisted = [mounted.keys, mounted.credentials].find((file) => !index.parts.some((part) => part.file === file));
  if (unlisted !== undefined) return err(`${mounted.index} does not list ${unlisted}`);
  const parts = new Map<string, unknown>();
  for (const part of index.parts) {
    const value = readPart(part, read(part.file));
    if (!value.ok) return value;
    parts.set(part.file, value.value);
  }
  const config = [...parts].filter(([file]) => file !== mounted.keys && file !== mounted.credentials).map(([, value]) => value);
  const content = {
    auth: index.auth,
    datasets: listIn(config, 'datasets') as readonly CompiledDataset[],
    endpoints: listIn(config, 'endpoints') as readonly CompiledEndpoint[],
    keys: listIn([parts.get(mounted.keys)], 'keys') as readonly CompiledKey[],
  };
  if (revisionOf(content) !== index.revision) return err(`the parts do not add up to revision ${index.revision}`);
  const { credentials } = (parts.get(mounted.credentials) ?? {}) as { readonly credentials?: Credentials };
  if (credentials === undefined) return err(`${mounted.credentials} holds no credentials`);
  return ok({ bundle: { revision: index.revision, ...content }, credentials, sequence: index.sequence });
};
