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
  /** The hash of the token that was minted, by which another one in its place is noticed. */
  hash: 'offloader.dev/token-hash',
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
  /** Secrets of other names that this key owns: spec named them once. */
  readonly former: readonly Secret[];
  /** The rotation that status says was handled; undefined: no token was ever minted for this object. */
  readonly handled: string | null | undefined;
  /** The hashes that the gateways have for this key now. */
  readonly served: readonly TokenHash[];
  readonly nowMs: number;
};

export type TokenDecision =
  | { readonly kind: 'keep' }
  | { readonly kind: 'mint'; readonly rotation: string | null; readonly previous: readonly TokenHash[] }
  /** Spec names another Secret than before: the token moves there. */
  | { readonly kind: 'move'; readonly from: Secret }
  /** The token is where it should be; what spec named before can go. */
  | { readonly kind: 'tidy'; readonly surplus: readonly Secret[] }
  /** The Secret was deleted and nobody asked for a new token: the old one goes on working. */
  | { readonly kind: 'missing' }
  /** The Secret holds another token than the one minted, or none: the minted one goes on working. */
  | { readonly kind: 'damaged'; readonly secret: string }
  /** The Secret belongs to an earlier object of this name and is about to be collected. */
  | { readonly kind: 'wait' };

/** What to do about one key's token. */
export const decideToken = (facts: TokenFacts): TokenDecision => {
  const { secret, rotation, handled, former } = facts;
  if (secret === undefined) return withoutSecret(facts);
  if (!isOwnedBy(secret, facts.key)) return { kind: 'wait' };
  // What status has seen handled is not asked for again, whatever became of the annotation.
  if (rotation !== null && rotation !== rotationOf(secret) && rotation !== handled) return mint(facts);
  if (isDamaged(secret, facts)) return { kind: 'damaged', secret: secret.metadata.name };
  return former.length > 0 ? { kind: 'tidy', surplus: former } : { kind: 'keep' };
};

const withoutSecret = (facts: TokenFacts): TokenDecision => {
  const { rotation, handled, former } = facts;
  const [first] = former;
  if (handled === undefined && first === undefined) return mint(facts);
  if (handled !== undefined && rotation !== null && rotation !== handled) return mint(facts);
  if (first === undefined) return { kind: 'missing' };
  const from = soundOf(facts);
  return from === undefined ? { kind: 'damaged', secret: first.metadata.name } : { kind: 'move', from };
};

const mint = (facts: TokenFacts): TokenDecision => ({
  kind: 'mint',
  rotation: facts.rotation,
  previous: retire(currentHashes(facts), facts),
});

/** True when the Secret is controlled by exactly this object. */
export const isOwnedBy = (secret: Secret, owner: Metadata): boolean =>
  secret.metadata.ownerReferences?.some((reference) => reference.controller === true && reference.uid === owner.uid) ?? false;

/** The hashes that count now. Without a sound Secret a key goes on with what it had, unless it is a new object that had nothing. */
export const currentHashes = (facts: TokenFacts): readonly TokenHash[] => {
  const { secret, key, handled, served } = facts;
  const owned = secret !== undefined && isOwnedBy(secret, key) ? secret : undefined;
  if (owned !== undefined && !isDamaged(owned, facts)) return hashesOf(owned);
  if (handled !== undefined && served.length > 0) return served;
  const former = soundOf(facts);
  if (former !== undefined) return hashesOf(former);
  return owned === undefined ? [] : mintedHashes(owned);
};

/** Every hash that a minted Secret stands for: its token's, then those of earlier tokens. */
export const hashesOf = (secret: Secret): readonly TokenHash[] => withPrevious(tokenHash(secret), secret);

/** As far as its annotations tell. */
const mintedHashes = (secret: Secret): readonly TokenHash[] => withPrevious(mintedHash(secret), secret);

const withPrevious = (hash: string | undefined, secret: Secret): readonly TokenHash[] => {
  const previous = parsePrevious(secret.metadata.annotations?.[tokenAnnotations.previous]);
  return hash === undefined ? previous : [{ sha256: hash, notAfter: null }, ...previous];
};

/** The rotation for which a Secret's token was minted; null when none asked for it. */
export const rotationOf = (secret: Secret): string | null => secret.metadata.annotations?.[tokenAnnotations.rotation] ?? null;

const soundOf = (facts: TokenFacts): Secret | undefined => facts.former.find((secret) => !isDamaged(secret, facts));

/** True when a Secret no longer holds the token that was minted: emptied, edited, or put back as it was before a rotation. */
const isDamaged = (secret: Secret, { rotation, handled, served }: TokenFacts): boolean => {
  const hash = tokenHash(secret);
  if (hash === undefined) return true;
  const working = served.filter(({ notAfter }) => notAfter === null);
  if (working.some(({ sha256 }) => sha256 === hash)) return false;
  if (rotation !== null && rotation === handled && rotation !== rotationOf(secret)) return true;
  const minted = mintedHash(secret);
  return minted === undefined ? handled !== undefined && working.length > 0 : minted !== hash;
};

const tokenHash = (secret: Secret): string | undefined => {
  const token = Buffer.from(secret.data?.[tokenField] ?? '', 'base64')
    .toString('utf8')
    .trim();
  return token === '' ? undefined : sha256Hex(token);
};

const mintedHash = (secret: Secret): string | undefined => {
  const hash = secret.metadata.annotations?.[tokenAnnotations.hash] ?? '';
  return isSha256(hash) ? hash : undefined;
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

const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

const isTokenHash = (value: unknown): value is TokenHash =>
  typeof value === 'object' &&
  value !== null &&
  'sha256' in value &&
  typeof value.sha256 === 'string' &&
  isSha256(value.sha256) &&
  'notAfter' in value &&
  typeof value.notAfter === 'string';
