/**
 * When to mint a token for an ApiKey, and which hashes count. The token itself lives in its Secret and nowhere else; what an
 * older token leaves behind is its hash with the moment it stops working, kept as an annotation of the same Secret.
 */
import { sha256Hex } from '@offloader/contract';
import type { Metadata, Secret } from './kube-object.ts';

export type TokenHash = { readonly sha256: string; readonly notAfter: string | null };

export const tokenAnnotations = {
  /** The value of spec.rotation.token that the Secret's token was minted for. */
  rotation: 'offloader.dev/rotation-token',
  /** Hashes of earlier tokens, JSON. */
  previous: 'offloader.dev/previous-hashes',
} as const;

/** The key of the Secret that holds the token. */
export const tokenField = 'token';

export type TokenFacts = {
  readonly key: Metadata;
  readonly rotation: string | null;
  readonly overlapMs: number;
  /** The Secret of that name that carries this release's label. */
  readonly secret: Secret | undefined;
  /** The rotation that status says was handled; undefined: no token was ever minted for this object. */
  readonly handled: string | null | undefined;
  /** The hashes that the gateways have for this key now. */
  readonly served: readonly TokenHash[];
  readonly nowMs: number;
};

export type TokenDecision =
  | { readonly kind: 'keep' }
  | { readonly kind: 'mint'; readonly rotation: string | null; readonly previous: readonly TokenHash[] }
  /** The Secret was deleted and nobody asked for a new token: the old one goes on working. */
  | { readonly kind: 'missing' }
  /** The Secret belongs to an earlier object of this name and is about to be collected. */
  | { readonly kind: 'wait' };

/** What to do about one key's token. */
export const decideToken = (facts: TokenFacts): TokenDecision => {
  const { secret, rotation } = facts;
  if (secret === undefined) {
    if (facts.handled === undefined) return { kind: 'mint', rotation, previous: [] };
    if (rotation === null || rotation === facts.handled) return { kind: 'missing' };
    return { kind: 'mint', rotation, previous: retire(facts.served, facts) };
  }
  if (!isOwnedBy(secret, facts.key)) return { kind: 'wait' };
  if (rotation === null || rotation === (secret.metadata.annotations?.[tokenAnnotations.rotation] ?? null)) return { kind: 'keep' };
  return { kind: 'mint', rotation, previous: retire(hashesOf(secret), facts) };
};

/** True when the Secret is controlled by exactly this object. */
export const isOwnedBy = (secret: Secret, owner: Metadata): boolean =>
  secret.metadata.ownerReferences?.some((reference) => reference.controller === true && reference.uid === owner.uid) ?? false;

/** Every hash that a minted Secret stands for: its token's, then those of earlier tokens. */
export const hashesOf = (secret: Secret): readonly TokenHash[] => {
  const encoded = secret.data?.[tokenField] ?? '';
  const token = Buffer.from(encoded, 'base64').toString('utf8').trim();
  const previous = parsePrevious(secret.metadata.annotations?.[tokenAnnotations.previous]);
  return token === '' ? previous : [{ sha256: sha256Hex(token), notAfter: null }, ...previous];
};

/** Gives every hash an end: those that had none stop after the overlap, those that have ended are dropped. */
const retire = (hashes: readonly TokenHash[], facts: TokenFacts): readonly TokenHash[] => {
  const end = new Date(facts.nowMs + facts.overlapMs).toISOString();
  return hashes
    .map(({ sha256, notAfter }) => ({ sha256, notAfter: notAfter === null || Date.parse(notAfter) > Date.parse(end) ? end : notAfter }))
    .filter(({ notAfter }) => Date.parse(notAfter) > facts.nowMs);
};

const parsePrevious = (text: string | undefined): readonly TokenHash[] => {
  if (text === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter(isTokenHash) : [];
  } catch {
    return [];
  }
};

const isTokenHash = (value: unknown): value is TokenHash =>
  typeof value === 'object' &&
  value !== null &&
  'sha256' in value &&
  typeof value.sha256 === 'string' &&
  /^[0-9a-f]{64}$/.test(value.sha256) &&
  'notAfter' in value &&
  typeof value.notAfter === 'string';
