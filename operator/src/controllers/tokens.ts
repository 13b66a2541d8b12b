/** Mints and rotates the tokens of ApiKeys that name a tokenSecret, and collects the hashes for the compiler. */
import { apiVersion, parseDurationMs } from '@offloader/contract';
import { ownLabels } from '../domain/apply-plan.ts';
import type { CustomResource, OwnerReference, Secret } from '../domain/kube-object.ts';
import type { TokenStanding } from '../domain/api-key-status.ts';
import { decideToken, hashesOf, isOwnedBy, tokenAnnotations, tokenField } from '../domain/tokens.ts';
import type { TokenDecision, TokenFacts, TokenHash } from '../domain/tokens.ts';
import type { Cache, Cluster, SecretDraft } from './ports.ts';

export type TokenDeps = {
  readonly release: string;
  readonly secrets: Cache<Secret>;
  readonly cluster: Cluster;
  readonly nowMs: () => number;
  /** A token that nobody can guess. */
  readonly newToken: () => string;
  readonly minted: (key: CustomResource, rotated: boolean) => Promise<void>;
};

export type Tokens = {
  readonly hashes: Readonly<Record<string, readonly TokenHash[]>>;
  readonly standing: ReadonlyMap<string, TokenStanding>;
};

/** Brings every named token Secret to its desired state; `served` is what the gateways have now, by key. */
export const reconcileTokens = async (
  deps: TokenDeps,
  keys: readonly CustomResource[],
  served: ReadonlyMap<string, readonly TokenHash[]>,
): Promise<Tokens> => {
  const hashes: Record<string, readonly TokenHash[]> = {};
  const standing = new Map<string, TokenStanding>();
  for (const key of keys) {
    const request = requestOf(key);
    if (request === undefined) continue;
    const { name } = key.metadata;
    const facts = factsOf(deps, key, request, served.get(name) ?? []);
    const decision = decideToken(facts);
    const secret = decision.kind === 'mint' ? await mint(deps, key, request.secretName, decision, facts) : facts.secret;
    const kind = standingOf(decision, secret);
    hashes[name] = kind === 'ready' && typeof secret === 'object' ? hashesOf(secret) : lastKnown(facts);
    standing.set(name, { kind, secret: request.secretName, handled: handledBy(decision, secret, facts) });
  }
  return { hashes, standing };
};

type TokenRequest = { readonly secretName: string; readonly rotation: string | null; readonly overlapMs: number };

/** The part of an ApiKey that asks for a token; undefined when it brings its own hash. */
const requestOf = (key: CustomResource): TokenRequest | undefined => {
  const spec = key.spec as { tokenSecret?: { name?: unknown }; rotation?: { token?: unknown; overlap?: unknown } } | undefined;
  const secretName = spec?.tokenSecret?.name;
  if (typeof secretName !== 'string' || secretName === '') return undefined;
  const { token, overlap } = spec?.rotation ?? {};
  return {
    secretName,
    rotation: typeof token === 'string' ? token : null,
    overlapMs: (typeof overlap === 'string' ? parseDurationMs(overlap) : undefined) ?? 0,
  };
};

const factsOf = (deps: TokenDeps, key: CustomResource, request: TokenRequest, served: readonly TokenHash[]): TokenFacts => {
  const status = key.status as { handledRotation?: string } | undefined;
  const handled = status?.handledRotation;
  return {
    key: key.metadata,
    rotation: request.rotation,
    overlapMs: request.overlapMs,
    secret: deps.secrets.get(request.secretName),
    handled: handled === undefined ? undefined : handled === '' ? null : handled,
    served,
    nowMs: deps.nowMs(),
  };
};

const mint = async (
  deps: TokenDeps,
  key: CustomResource,
  secretName: string,
  decision: Extract<TokenDecision, { kind: 'mint' }>,
  { secret }: TokenFacts,
): Promise<Secret | 'conflict'> => {
  const draft: SecretDraft = {
    name: secretName,
    labels: ownLabels(deps.release),
    annotations: {
      ...(decision.rotation === null ? {} : { [tokenAnnotations.rotation]: decision.rotation }),
      [tokenAnnotations.previous]: JSON.stringify(decision.previous),
    },
    owner: ownerOf(key),
    data: { [tokenField]: Buffer.from(deps.newToken()).toString('base64') },
  };
  // Creating refuses to overwrite, replacing demands the version that was read: two operators cannot both mint.
  const written =
    secret === undefined
      ? await deps.cluster.createSecret(draft)
      : await deps.cluster.replaceSecret(draft, secret.metadata.resourceVersion ?? '');
  if (written === 'exists') return existing(deps, key, secretName);
  deps.secrets.put(written);
  await deps.minted(key, secret !== undefined || decision.previous.length > 0);
  return written;
};

/** A Secret that the cache does not show: either just made by us, or somebody else's. */
const existing = async (deps: TokenDeps, key: CustomResource, name: string): Promise<Secret | 'conflict'> => {
  const found = await deps.cluster.readSecret(name);
  const labels = ownLabels(deps.release);
  const ours =
    found !== undefined &&
    isOwnedBy(found, key.metadata) &&
    Object.entries(labels).every(([label, value]) => found.metadata.labels?.[label] === value);
  if (!ours) return 'conflict';
  deps.secrets.put(found);
  return found;
};

const ownerOf = (key: CustomResource): OwnerReference => ({
  apiVersion,
  kind: 'ApiKey',
  name: key.metadata.name,
  uid: key.metadata.uid ?? '',
  controller: true,
});

/** Without its Secret a key goes on with what it had, unless it is a new object that had nothing. */
const lastKnown = (facts: TokenFacts): readonly TokenHash[] => (facts.handled === undefined ? [] : facts.served);

const standingOf = (decision: TokenDecision, secret: Secret | 'conflict' | undefined): TokenStanding['kind'] => {
  if (decision.kind === 'missing') return 'missing';
  if (decision.kind === 'wait') return 'waiting';
  return secret === 'conflict' ? 'conflict' : 'ready';
};

/** What status remembers as minted; '' stands for a first token that no rotation asked for. */
const handledBy = (decision: TokenDecision, secret: Secret | 'conflict' | undefined, facts: TokenFacts): string | null => {
  const unchanged = facts.handled === undefined ? null : (facts.handled ?? '');
  if (decision.kind === 'missing' || decision.kind === 'wait' || secret === 'conflict' || secret === undefined) return unchanged;
  return secret.metadata.annotations?.[tokenAnnotations.rotation] ?? '';
};
