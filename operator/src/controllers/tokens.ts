/** Mints and rotates the tokens of ApiKeys that name a tokenSecret, and collects the hashes for the compiler. */
import { apiVersion, parseDurationMs, sha256Hex } from '@offloader/contract';
import { ownLabels } from '../domain/apply-plan.ts';
import type { CustomResource, Metadata, OwnerReference, Secret } from '../domain/kube-object.ts';
import type { TokenStanding } from '../domain/api-key-status.ts';
import { currentHashes, decideToken, isOwnedBy, rotationOf, tokenAnnotations, tokenField } from '../domain/tokens.ts';
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
  readonly wrote: (key: CustomResource, what: TokenWrite) => Promise<void>;
};

/** A first token, another one, or the same in a Secret of another name. */
export type TokenWrite = 'minted' | 'rotated' | 'moved';

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
  /** Secrets by the object that controls them, as the last survey saw them: thousands of keys ask for theirs, one after another. */
  #owned = new Map<string | undefined, Secret[]>();

  constructor(deps: TokenDeps) {
    this.#deps = deps;
  }

  /** What is known of every named token Secret; asks for a turn where one must be minted. */
  survey(keys: readonly CustomResource[]): Tokens {
    const hashes: Record<string, readonly TokenHash[]> = {};
    const standing = new Map<string, TokenStanding>();
    this.#owned = Map.groupBy(this.#deps.secrets.list(), ownerUid);
    for (const key of keys) {
      const request = requestOf(key);
      if (request === undefined) continue;
      const { name } = key.metadata;
      const facts = this.#facts(key, request);
      const decision = decideToken(facts);
      const problem = this.#problemOf(key);
      // One that failed comes back by itself, later and later.
      if (isWork(decision) && problem === undefined) this.#deps.due(name);
      hashes[name] = currentHashes(facts);
      const secret = decision.kind === 'damaged' ? decision.secret : request.secretName;
      standing.set(name, { ...standingOf(decision, problem), secret, handled: handledBy(decision, facts) });
    }
    return { hashes, standing };
  }

  /** One turn for one key: does what is due, throws when the API server refuses it; a number asks to look again. */
  async reconcile(name: string): Promise<number | undefined> {
    const key = this.#deps.keys.get(name);
    const request = key === undefined || key.metadata.deletionTimestamp !== undefined ? undefined : requestOf(key);
    if (key === undefined || request === undefined) {
      this.#problems.delete(name);
      return undefined;
    }
    const facts = this.#facts(key, request);
    const done = await this.#act(key, request, facts);
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
    const owned = this.#owned.get(key.metadata.uid) ?? [];
    const { handledRotation: handled } = (key.status ?? {}) as { readonly handledRotation?: string };
    return {
      key: key.metadata,
      rotation: request.rotation,
      overlapMs: request.overlapMs,
      secret: this.#deps.secrets.get(request.secretName),
      former: owned.filter(
        (secret) => secret.metadata.name !== request.secretName && secret.metadata.deletionTimestamp === undefined && this.#isOurs(secret),
      ),
      handled: handled === undefined ? undefined : handled === '' ? null : handled,
      served: this.#deps.served(key.metadata.name),
      nowMs: this.#deps.nowMs(),
    };
  }

  #isOurs({ metadata }: Secret): boolean {
    return Object.entries(ownLabels(this.#deps.release)).every(([label, value]) => metadata.labels?.[label] === value);
  }

  async #act(key: CustomResource, { secretName }: TokenRequest, facts: TokenFacts): Promise<Done> {
    const decision = decideToken(facts);
    const base = { name: secretName, labels: ownLabels(this.#deps.release), owner: ownerOf(key) };
    switch (decision.kind) {
      case 'mint': {
        const token = this.#deps.newToken();
        const annotations = {
          ...(decision.rotation === null ? {} : { [tokenAnnotations.rotation]: decision.rotation }),
          [tokenAnnotations.hash]: sha256Hex(token),
          [tokenAnnotations.previous]: JSON.stringify(decision.previous),
        };
        const what = facts.secret !== undefined || decision.previous.length > 0 ? 'rotated' : 'minted';
        return this.#write(
          key,
          { ...base, annotations, data: { [tokenField]: Buffer.from(token).toString('base64') } },
          facts.secret,
          what,
        );
      }
      case 'move': {
        const { data = {}, metadata } = decision.from;
        const annotations = Object.fromEntries(
          Object.values(tokenAnnotations).flatMap((name) => {
            const value = metadata.annotations?.[name];
            return value === undefined ? [] : [[name, value]];
          }),
        );
        return this.#write(key, { ...base, annotations, data: { [tokenField]: data[tokenField] ?? '' } }, undefined, 'moved');
      }
      case 'tidy':
        return this.#remove(key, decision.surplus);
      default:
        return 'made';
    }
  }

  async #write(key: CustomResource, draft: SecretDraft, over: Secret | undefined, what: TokenWrite): Promise<Done> {
    const { cluster, secrets } = this.#deps;
    try {
      // Creating refuses to overwrite, replacing demands the version that was read: two operators cannot both mint.
      const written =
        over === undefined ? await cluster.createSecret(draft) : await cluster.replaceSecret(draft, over.metadata.resourceVersion ?? '');
      if (written === 'exists') return await this.#existing(key, draft.name);
      secrets.put(written);
    } catch (error) {
      const why = cluster.refusalOf(error);
      // What answers may have seen the Secret, a webhook for one, and may repeat of it what it likes.
      if (why !== undefined) this.#note(key, { kind: 'refused', why: withoutToken(why, draft) });
      throw error;
    }
    this.#deps.changed();
    await this.#deps.wrote(key, what);
    return 'made';
  }

  /** Only as it was seen, and never one that has changed hands since. */
  async #remove(key: CustomResource, surplus: readonly Secret[]): Promise<Done> {
    const { cluster } = this.#deps;
    try {
      for (const { metadata } of surplus) await cluster.removeSecret(metadata);
    } catch (error) {
      this.#note(key, { kind: 'surplus', why: cluster.refusalOf(error) ?? null });
      throw error;
    }
    return 'made';
  }

  /** A Secret that the cache does not show: either just made by us, or somebody else's. */
  async #existing(key: CustomResource, name: string): Promise<Done> {
    const found = await this.#deps.cluster.readSecret(name);
    if (found === undefined || !this.#isOurs(found) || !isOwnedBy(found, key.metadata)) return 'conflict';
    this.#deps.secrets.put(found);
    this.#deps.changed();
    return 'made';
  }
}

type Done = 'made' | 'conflict';
type Problem = { readonly kind: 'refused' | 'conflict' | 'surplus'; readonly why: string | null; readonly edition: string };

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

/** The object that controls a Secret. */
const ownerUid = ({ metadata }: Secret): string | undefined =>
  metadata.ownerReferences?.find((reference) => reference.controller === true)?.uid;

const withoutToken = (text: string, { data }: SecretDraft): string => {
  const encoded = data[tokenField] ?? '';
  return [Buffer.from(encoded, 'base64').toString('utf8').trim(), encoded].reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
};

const isWork = ({ kind }: TokenDecision): boolean => kind === 'mint' || kind === 'move' || kind === 'tidy';

const standingOf = (decision: TokenDecision, problem: Problem | undefined): Pick<TokenStanding, 'kind' | 'why'> => {
  switch (decision.kind) {
    case 'missing':
    case 'damaged':
      return { kind: decision.kind, why: null };
    case 'wait':
      return { kind: 'waiting', why: null };
    case 'keep':
      return { kind: 'ready', why: null };
    case 'tidy':
      return { kind: 'ready', why: problem?.kind === 'surplus' ? problem.why : null };
    case 'mint':
    case 'move':
      return problem === undefined || problem.kind === 'surplus'
        ? { kind: 'minting', why: null }
        : { kind: problem.kind, why: problem.why };
  }
};

/** What status remembers as minted; '' stands for a first token that no rotation asked for. */
const handledBy = ({ kind }: TokenDecision, { secret, handled }: TokenFacts): string | null => {
  const known = handled === undefined ? null : (handled ?? '');
  if (secret === undefined || (kind !== 'keep' && kind !== 'tidy' && kind !== 'damaged')) return known;
  const minted = rotationOf(secret);
  return kind === 'damaged' ? (known ?? minted ?? '') : (minted ?? known ?? '');
};
