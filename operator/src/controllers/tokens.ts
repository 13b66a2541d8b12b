/** Mints and rotates the tokens of ApiKeys that name a tokenSecret, and collects the hashes for the compiler. */
import { apiVersion, parseDurationMs } from '@offloader/contract';
import { ownLabels } from '../domain/apply-plan.ts';
import type { CustomResource, Metadata, OwnerReference, Secret } from '../domain/kube-object.ts';
import type { TokenStanding } from '../domain/api-key-status.ts';
import { decideToken, hashesOf, isOwnedBy, tokenAnnotations, tokenField } from '../domain/tokens.ts';
import type { TokenDecision, TokenFacts, TokenHash } from '../domain/tokens.ts';
import type { Cache, Cluster, SecretDraft } from './ports.ts';

export type TokenDeps = {
  readonly release: string;
  readonly keys: Cache<CustomResource>;
  readonly secrets: Cache<Secret>;
  readonly cluster: Cluster;
  readonly nowMs: () => number;
  /** A token that nobody can guess. */
  readonly newToken: () => string;
  /** The hashes that the gateways have for a key now. */
  readonly served: (key: string) => readonly TokenHash[];
  /** A token is to be minted for this key. */
  readonly due: (key: string) => void;
  /** What is known of a token has changed: the bundle wants another turn. */
  readonly changed: () => void;
  readonly minted: (key: CustomResource, rotated: boolean) => Promise<void>;
};

export type Tokens = {
  readonly hashes: Readonly<Record<string, readonly TokenHash[]>>;
  readonly standing: ReadonlyMap<string, TokenStanding>;
};

/**
 * The controller of minted tokens; one key per ApiKey. The bundle asks it only what there is: a token that cannot be minted, or
 * five thousand that must be, hold up nothing else.
 */
export class TokenController {
  readonly #deps: TokenDeps;
  /** What came of the last attempt for a key, when it was no token. */
  readonly #problems = new Map<string, Problem>();

  constructor(deps: TokenDeps) {
    this.#deps = deps;
  }

  /** What is known of every named token Secret; asks for a turn where one must be minted. */
  survey(keys: readonly CustomResource[]): Tokens {
    const hashes: Record<string, readonly TokenHash[]> = {};
    const standing = new Map<string, TokenStanding>();
    for (const key of keys) {
      const request = requestOf(key);
      if (request === undefined) continue;
      const { name } = key.metadata;
      const facts = this.#facts(key, request);
      const decision = decideToken(facts);
      const problem = this.#problemOf(key);
      // One that failed comes back by itself, later and later.
      if (decision.kind === 'mint' && problem === undefined) this.#deps.due(name);
      hashes[name] = hashesNow(facts);
      standing.set(name, { ...standingOf(decision, problem), secret: request.secretName, handled: handledBy(decision, facts) });
    }
    return { hashes, standing };
  }

  /** One turn for one key: mints when that is due, throws when the API server refuses it; a number asks to look again. */
  async reconcile(name: string): Promise<number | undefined> {
    const key = this.#deps.keys.get(name);
    const request = key === undefined || key.metadata.deletionTimestamp !== undefined ? undefined : requestOf(key);
    if (key === undefined || request === undefined) {
      this.#problems.delete(name);
      return undefined;
    }
    const facts = this.#facts(key, request);
    const decision = decideToken(facts);
    const done = decision.kind === 'mint' ? await this.#mint(key, request, decision, facts) : 'made';
    this.#note(key, done === 'conflict' ? { kind: 'conflict', why: null } : undefined);
    return done === 'conflict' ? conflictRetryMs : undefined;
  }

  #problemOf({ metadata }: CustomResource): Problem | undefined {
    const problem = this.#problems.get(metadata.name);
    return problem?.edition === editionOf(metadata) ? problem : undefined;
  }

  /** Remembers what came of an attempt and tells when that is news. */
  #note(key: CustomResource, problem: Pick<Problem, 'kind' | 'why'> | undefined): void {
    const { name } = key.metadata;
    const before = this.#problemOf(key);
    if (problem === undefined) this.#problems.delete(name);
    else this.#problems.set(name, { ...problem, edition: editionOf(key.metadata) });
    if (before?.kind !== problem?.kind || before?.why !== problem?.why) this.#deps.changed();
  }

  #facts(key: CustomResource, request: TokenRequest): TokenFacts {
    const { handledRotation: handled } = (key.status ?? {}) as { readonly handledRotation?: string };
    return {
      key: key.metadata,
      rotation: request.rotation,
      overlapMs: request.overlapMs,
      secret: this.#deps.secrets.get(request.secretName),
      handled: handled === undefined ? undefined : handled === '' ? null : handled,
      served: this.#deps.served(key.metadata.name),
      nowMs: this.#deps.nowMs(),
    };
  }

  async #mint(key: CustomResource, { secretName }: TokenRequest, decision: Minting, { secret }: TokenFacts): Promise<'made' | 'conflict'> {
    const { cluster, release, secrets, newToken } = this.#deps;
    const token = newToken();
    const draft: SecretDraft = {
      name: secretName,
      labels: ownLabels(release),
      annotations: {
        ...(decision.rotation === null ? {} : { [tokenAnnotations.rotation]: decision.rotation }),
        [tokenAnnotations.previous]: JSON.stringify(decision.previous),
      },
      owner: ownerOf(key),
      data: { [tokenField]: Buffer.from(token).toString('base64') },
    };
    try {
      // Creating refuses to overwrite, replacing demands the version that was read: two operators cannot both mint.
      const written =
        secret === undefined
          ? await cluster.createSecret(draft)
          : await cluster.replaceSecret(draft, secret.metadata.resourceVersion ?? '');
      if (written === 'exists') return await this.#existing(key, secretName);
      secrets.put(written);
    } catch (error) {
      const why = cluster.refusalOf(error);
      // What answers may have seen the Secret, a webhook for one, and may repeat of it what it likes.
      if (why !== undefined)
        this.#note(key, { kind: 'refused', why: why.replaceAll(token, '…').replaceAll(draft.data[tokenField] ?? token, '…') });
      throw error;
    }
    this.#deps.changed();
    await this.#deps.minted(key, secret !== undefined || decision.previous.length > 0);
    return 'made';
  }

  /** A Secret that the cache does not show: either just made by us, or somebody else's. */
  async #existing(key: CustomResource, name: string): Promise<'made' | 'conflict'> {
    const found = await this.#deps.cluster.readSecret(name);
    const labels = ownLabels(this.#deps.release);
    const ours =
      found !== undefined &&
      isOwnedBy(found, key.metadata) &&
      Object.entries(labels).every(([label, value]) => found.metadata.labels?.[label] === value);
    if (!ours) return 'conflict';
    this.#deps.secrets.put(found);
    this.#deps.changed();
    return 'made';
  }
}

type Minting = Extract<TokenDecision, { kind: 'mint' }>;
type Problem = { readonly kind: 'refused' | 'conflict'; readonly why: string | null; readonly edition: string };

/** A Secret of somebody else is not watched; whether it is still there is asked this often. */
const conflictRetryMs = 30_000;

const editionOf = ({ uid, generation }: Metadata): string => `${uid ?? ''} ${String(generation)}`;

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

const ownerOf = (key: CustomResource): OwnerReference => ({
  apiVersion,
  kind: 'ApiKey',
  name: key.metadata.name,
  uid: key.metadata.uid ?? '',
  controller: true,
});

const hashesNow = (facts: TokenFacts): readonly TokenHash[] =>
  facts.secret !== undefined && isOwnedBy(facts.secret, facts.key) ? hashesOf(facts.secret) : lastKnown(facts);

/** Without its Secret a key goes on with what it had, unless it is a new object that had nothing. */
const lastKnown = (facts: TokenFacts): readonly TokenHash[] => (facts.handled === undefined ? [] : facts.served);

const standingOf = ({ kind }: TokenDecision, problem: Problem | undefined): Pick<TokenStanding, 'kind' | 'why'> => {
  if (kind === 'missing') return { kind: 'missing', why: null };
  if (kind === 'wait') return { kind: 'waiting', why: null };
  if (kind === 'keep') return { kind: 'ready', why: null };
  return problem ?? { kind: 'minting', why: null };
};

/** What status remembers as minted; '' stands for a first token that no rotation asked for. */
const handledBy = ({ kind }: TokenDecision, { secret, handled }: TokenFacts): string | null => {
  if (kind === 'keep' && secret !== undefined) return secret.metadata.annotations?.[tokenAnnotations.rotation] ?? '';
  return handled === undefined ? null : (handled ?? '');
};
