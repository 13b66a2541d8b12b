/** Cursors and ETags: opaque tokens bound to what they were made for, signed with a key derived from the secret. */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { canonicalJson, type CompiledEndpoint } from '@offloader/contract';
import type { Format } from './format.ts';
import type { Request } from './request.ts';

export type Signer = (purpose: 'cursor' | 'etag', text: string) => Buffer;

/** HKDF-SHA-256 gives each purpose a key of its own (RFC 5869). Made once: from bytes Node.js makes one for every signature, at seven times the cost. */
export const createSigner = (secretKeyBase: string): Signer => {
  const derive = (purpose: string): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', secretKeyBase, '', `offloader ${purpose}`, 32)));
  const keys = { cursor: derive('cursor'), etag: derive('etag') };
  return (purpose, text) => createHmac('sha256', keys[purpose]).update(text).digest();
};

export type Bound = { readonly endpoint: CompiledEndpoint; readonly request: Request; readonly tenant: string | null };

/** Everything but the page: what a cursor is bound to. bigints as text, since JSON has none. */
const question = ({ endpoint, request, tenant }: Bound): string =>
  canonicalJson({
    endpoint: endpoint.digest,
    tenant,
    columns: request.columns,
    values: Object.fromEntries(
      [...request.values].map(([name, value]) => [
        name,
        JSON.parse(JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one))) as unknown,
      ]),
    ),
  });

/** The text that names one page of one question: cache keys and ETags are made of it. Equal requests written differently share it. */
export const pageIdentity = (bound: Bound): string => `${question(bound)} ${bound.request.limit} ${bound.request.offset}`;

/** A cursor to `offset` in a snapshot: base64url of `offset.snapshot.signature`. */
export const makeCursor = (sign: Signer, bound: Bound, snapshotId: string, offset: bigint): string => {
  const payload = `${offset}.${Buffer.from(snapshotId).toString('base64url')}`;
  return Buffer.from(
    `${payload}.${sign('cursor', `${payload} ${question(bound)}`)
      .subarray(0, 16)
      .toString('base64url')}`,
  ).toString('base64url');
};

/** What a cursor says, or undefined when it is malformed, tampered with or made for another question. */
export const openCursor = (
  sign: Signer,
  bound: Bound,
  cursor: string,
): { readonly snapshotId: string; readonly offset: bigint } | undefined => {
  // Decoding forgives foreign characters and spare bits; a cursor that was touched in any way is refused.
  if (cursor.length > 1000 || Buffer.from(cursor, 'base64url').toString('base64url') !== cursor) return undefined;
  const parts = /^([0-9]{1,19})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (parts === null) return undefined;
  const [, offset = '', snapshot = '', signature = ''] = parts;
  const expected = sign('cursor', `${offset}.${snapshot} ${question(bound)}`)
    .subarray(0, 16)
    .toString('base64url');
  // As text: 22 characters have room for 4 bits more than a signature has.
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) return undefined;
  return { snapshotId: Buffer.from(snapshot, 'base64url').toString('utf8'), offset: BigInt(offset) };
};

/** A weak ETag of one page of one snapshot in one form; weak, because meta differs each time. */
export const etagOf = (sign: Signer, bound: Bound, snapshotId: string, format: Format): string =>
  `W/"${sign('etag', `${bound.endpoint.name} ${bound.endpoint.version} ${snapshotId} ${format} ${pageIdentity(bound)}`)
    .subarray(0, 18)
    .toString('base64url')}"`;

/** If-None-Match by weak comparison (RFC 9110 §13.1.2): `*`, or one of the listed tags exactly. */
export const matchesEtag = (header: string | undefined, etag: string): boolean => {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  // A comma within quotes parts nothing.
  const members = header.match(/(?:[^",]|"[^"]*")+/g) ?? [];
  return members.some((member) => member.trim().replace(/^W\//, '') === opaque);
};
