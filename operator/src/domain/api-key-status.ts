/** The status of an ApiKey: whether it works, on how many replicas, and when it was used last. No token, no hash. */
import type { ApiKeyStatus, CompiledKey } from '@offloader/contract';
import { conditionsOf } from './conditions.ts';
import type { Outcome } from './conditions.ts';
import { gatewaysOf } from './gateways.ts';
import { behindOf, invalid, live, rollingOut } from './judgement.ts';
import type { PodState } from './pod-state.ts';
import type { Stated, StatusFacts } from './status-facts.ts';

/** How a key's token Secret stands; null when the key brings its own hash. */
export type TokenStanding = {
  readonly kind: 'ready' | 'minting' | 'missing' | 'damaged' | 'waiting' | 'conflict' | 'refused';
  readonly secret: string;
  readonly handled: string | null;
  /** Refused, or ready with something left undone: in the API server's words. */
  readonly why: string | null;
};

/** The time of last use moves in steps: a busy key must not cost a write each time it is seen. */
const lastUsedStepMs = 5 * 60_000;

/** Builds the status from the compiler's verdict, the token's Secret and the pods' reports. */
export const apiKeyStatus = (facts: StatusFacts, compiled: CompiledKey | undefined, token: TokenStanding | null): Stated<ApiKeyStatus> => {
  const { object, pods, place, verdict } = facts;
  const before = (object.status ?? {}) as Partial<ApiKeyStatus>;
  const generation = object.metadata.generation ?? 0;
  const refused = invalid(verdict);
  const behind = refused === undefined ? behindOf(facts) : [];
  const serving = refused === undefined ? pods.length - behind.length : 0;
  const expiresInMs = expiryOf(compiled, facts.nowMs);
  const state = stateOf(compiled, expiresInMs);
  const outcome = refused ?? tokenOutcome(token) ?? rollingOut(pods, behind) ?? settled(pods, state, token);
  return {
    // Just after the moment, so that the clock has passed it for sure.
    againInMs: expiresInMs !== null && expiresInMs > 0 ? expiresInMs + 50 : undefined,
    status: {
      observedGeneration: generation,
      conditions: conditionsOf({ outcome, findings: [], generation, previous: before.conditions ?? [], now: facts.now }),
      gateways: gatewaysOf({ pods, serving, behind, place, before: before.gateways }),
      ...(state === undefined ? {} : { state }),
      ...lastUse(pods, object.metadata.name, before.lastUsed),
      ...rotation(token, before),
    },
  };
};

/** A webhook may say anything, at any length. */
const maxWhy = 700;

type State = 'Active' | 'Revoked' | 'Expired';

const expiryOf = (compiled: CompiledKey | undefined, nowMs: number): number | null =>
  compiled === undefined || compiled.expiresAt === null ? null : Date.parse(compiled.expiresAt) - nowMs;

const stateOf = (compiled: CompiledKey | undefined, expiresInMs: number | null): State | undefined => {
  if (compiled === undefined || compiled.state === 'Revoked') return compiled?.state;
  return expiresInMs !== null && expiresInMs <= 0 ? 'Expired' : 'Active';
};

/** What was minted last; it stays remembered when the Secret is gone. */
const rotation = (token: TokenStanding | null, before: Partial<ApiKeyStatus>): Pick<ApiKeyStatus, 'handledRotation'> => {
  const handledRotation = token?.handled ?? before.handledRotation;
  return handledRotation === undefined ? {} : { handledRotation };
};

/** What stands in the way of a working token, as far as somebody must act. */
const tokenOutcome = (token: TokenStanding | null): Outcome | undefined => {
  if (token?.kind === 'conflict') {
    const message = `Secret ${token.secret} exists and was not made for this key; it is left alone. Name another one in spec.tokenSecret, or remove it.`;
    return { kind: 'stalled', reason: 'TokenSecretConflict', message };
  }
  if (token?.kind === 'refused') {
    const message = `The API server refuses to take Secret ${token.secret}: ${wording(token.why)}. It is tried again; a token that was minted before works on.`;
    return { kind: 'stalled', reason: 'TokenSecretRefused', message };
  }
  if (token?.kind !== 'waiting') return undefined;
  const message = `Secret ${token.secret} belongs to another object. If that object is gone, a token is minted when the Secret is.`;
  return { kind: 'waiting', reason: 'TokenSecretTaken', message };
};

const settled = (pods: readonly PodState[], state: State | undefined, token: TokenStanding | null): Outcome => {
  if (state === 'Expired') return { kind: 'stalled', reason: 'Expired', message: 'The key has expired; move spec.expiresAt or delete it.' };
  if (state === 'Revoked') return live(pods, 'Revoked', 'Revoked: the token is refused.');
  if (token?.kind === 'damaged') {
    const message = `Secret ${token.secret} does not hold the token that was minted, which still works. A new spec.rotation.token mints another.`;
    return { kind: 'stalled', reason: 'TokenSecretDamaged', message };
  }
  if (token?.kind !== 'missing') return live(pods, 'Live', token?.kind === 'ready' ? remaining(token) : '');
  return live(
    pods,
    'TokenSecretMissing',
    `Secret ${token.secret} is gone; the token still works. A new spec.rotation.token mints another.`,
  );
};

const remaining = ({ why }: TokenStanding): string =>
  why === null ? '' : `A Secret that spec.tokenSecret named before is left over: ${wording(why)}.`;

/** What the API server said, in the middle of a sentence. */
const wording = (why: string | null): string => (why ?? '').slice(0, maxWhy).replace(/\.$/, '');

const lastUse = (pods: readonly PodState[], id: string, before: string | undefined): Pick<ApiKeyStatus, 'lastUsed'> => {
  const uses = pods.flatMap((pod) => (pod.report?.keys ?? []).filter((key) => key.id === id).map((key) => key.last_used_at));
  const latest = uses.toSorted((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
  const moved = latest !== undefined && (before === undefined || Date.parse(latest) - Date.parse(before) >= lastUsedStepMs);
  const lastUsed = moved ? latest : before;
  return lastUsed === undefined ? {} : { lastUsed };
};
