/**
 * Whole-volume quarantine: whether a replica's cache volume may be replaced now, and what is next for one that is being
 * replaced. One replica at a time, never the last one that serves, never twice for one token.
 */
import { emptyVolumeRecord } from '@offloader/contract';
import type { VolumeCause, VolumePhase, VolumeRecord, VolumeRecords } from '@offloader/contract';
import type { Replica } from './replica.ts';

export type QuarantineRules = {
  /** False: the operator has no right to touch volumes. */
  readonly enabled: boolean;
  readonly automatic: boolean;
  /** A volume must have failed for this long, as the operator saw it, before it is replaced unasked: storage may stall and recover. */
  readonly settleMs: number;
  /** A replica is not replaced unasked more often than this: a new volume that fails too is the disk's trouble. */
  readonly intervalMs: number;
};

export type QuarantineFacts = {
  readonly replicas: readonly Replica[];
  readonly records: VolumeRecords;
  readonly rules: QuarantineRules;
  readonly nowMs: number;
  /** Pods whose replacement has been refused in this turn: the others come next. */
  readonly refused?: ReadonlySet<string>;
};

export type Act =
  | { readonly kind: 'begin'; readonly replica: Replica; readonly token: string; readonly cause: VolumeCause }
  | { readonly kind: 'remove_claim'; readonly replica: Replica }
  | { readonly kind: 'evict'; readonly replica: Replica };

export type Quarantine = {
  readonly records: VolumeRecords;
  /** The one thing to do now. */
  readonly act: Act | null;
};

/** Enough that a manifest applied again never acts again, few enough for a ConfigMap. */
const maxHandled = 20;

/** What is to be remembered from now on, and the next thing to do. */
export const decideQuarantine = (facts: QuarantineFacts): Quarantine => {
  const busy = Object.keys(facts.records).find((pod) => facts.records[pod]?.request?.phase === 'replacing');
  const records: Record<string, VolumeRecord> = { ...facts.records };
  let act: Act | null = null;
  if (busy !== undefined) {
    const next = goOn(busy, facts);
    act = next.act;
    if (next.message !== undefined) records[busy] = moved(facts, busy, next.phase, next.message);
  }
  for (const replica of byUrgency(facts.replicas).filter(({ pod }) => pod !== busy)) {
    const wish = wishOf(replica, facts);
    const objection = wish === undefined ? undefined : objectionTo(replica, wish, busy, facts);
    if (wish === undefined) Object.assign(records, forgotten(replica.pod, facts.records));
    else if (objection !== undefined) records[replica.pod] = noted(facts, replica, wish, objection);
    else if (facts.refused?.has(replica.pod) !== true) act ??= { kind: 'begin', replica, ...wish };
  }
  return { records, act };
};

/** An annotation taken back, or a volume that works again: there is nothing more to wait for. */
const forgotten = (pod: string, records: VolumeRecords): VolumeRecords => {
  const before = records[pod];
  const phase = before?.request?.phase;
  return before !== undefined && (phase === 'waiting' || phase === 'refused') ? { [pod]: { ...before, request: null } } : {};
};

/** The record once its old volume is kept and its claim and pod are to go; written before either goes. */
export const begun = (facts: QuarantineFacts, { replica, token, cause }: Extract<Act, { kind: 'begin' }>): VolumeRecord => {
  const before = facts.records[replica.pod] ?? emptyVolumeRecord;
  const volume = replica.claim?.volume ?? null;
  const why =
    cause === 'asked' ? `as token ${token} asks` : `since the gateway reports that its volume is ${replica.volumeFailed ?? 'failed'}`;
  return {
    handled: [token, ...before.handled].slice(0, maxHandled),
    automaticAt: cause === 'failed' ? timeOf(facts.nowMs) : before.automaticAt,
    request: {
      ...{ token, cause, phase: 'replacing', since: timeOf(facts.nowMs), volume },
      ...{ claimUid: replica.claim?.uid ?? null, podUid: replica.podUid },
      message: `PersistentVolume ${volume ?? ''} is retained; claim and pod of ${replica.pod} are replaced, ${why}.`,
    },
  };
};

/** The record of a wish that was found impossible while acting. */
export const refused = (
  facts: QuarantineFacts,
  { replica, token, cause }: Extract<Act, { kind: 'begin' }>,
  message: string,
): VolumeRecord => noted(facts, replica, { token, cause }, { phase: 'refused', message });

type Wish = { readonly token: string; readonly cause: VolumeCause };
type Objection = { readonly phase: 'waiting' | 'refused'; readonly message: string };

/** What people ask for goes first. */
const byUrgency = (replicas: readonly Replica[]): readonly Replica[] =>
  replicas.toSorted((a, b) => Number(b.asked !== null) - Number(a.asked !== null));

const wishOf = ({ pod, podUid, asked, volumeFailed }: Replica, { records }: QuarantineFacts): Wish | undefined => {
  const handled = records[pod]?.handled ?? [];
  if (asked !== null && !handled.includes(asked)) return { token: asked, cause: 'asked' };
  const own = `automatic-${podUid ?? ''}`;
  return volumeFailed !== null && podUid !== null && !handled.includes(own) ? { token: own, cause: 'failed' } : undefined;
};

const objectionTo = (replica: Replica, wish: Wish, busy: string | undefined, facts: QuarantineFacts): Objection | undefined => {
  const { pod, claim, podUid } = replica;
  const unasked = wish.cause === 'failed' ? objectionToUnasked(replica, wish, facts) : undefined;
  if (unasked !== undefined) return unasked;
  if (!facts.rules.enabled) return { phase: 'refused', message: byHand(replica) };
  if (podUid === null || claim?.volume == null || claim.ending)
    return { phase: 'waiting', message: `${pod} has no pod with a bound volume now; there is nothing to replace.` };
  if (busy !== undefined) return { phase: 'waiting', message: `${pod} waits for ${busy}: one replica at a time.` };
  return isLast(replica, facts.replicas) ? { phase: 'waiting', message: lastServing(pod) } : undefined;
};

const objectionToUnasked = (
  { pod, volumeFailed }: Replica,
  { token }: Wish,
  { rules, records, nowMs }: QuarantineFacts,
): Objection | undefined => {
  const failed = `The cache volume of ${pod} is ${volumeFailed ?? 'failed'}`;
  if (!rules.automatic) return { phase: 'refused', message: `${failed}; replace it with: kubectl offloader quarantine-volume ${pod}` };
  const lastMs = Date.parse(records[pod]?.automaticAt ?? '');
  if (nowMs - lastMs < rules.intervalMs)
    return { phase: 'waiting', message: `${failed} again; it was replaced at ${timeOf(lastMs)}. Look at the disk of its node.` };
  const noticed = records[pod]?.request;
  const sinceMs = noticed?.token === token && noticed.phase === 'waiting' ? Date.parse(noticed.since) : nowMs;
  return nowMs - sinceMs < rules.settleMs
    ? { phase: 'waiting', message: `${failed}; it is replaced unless it works again before ${timeOf(sinceMs + rules.settleMs)}.` }
    : undefined;
};

/** Replacing it would end serving. One that does not serve takes nothing away. */
const isLast = (replica: Replica, replicas: readonly Replica[]): boolean =>
  replica.mayServe && !replicas.some((other) => other.pod !== replica.pod && other.serves);

const lastServing = (pod: string): string =>
  `${pod} is the only replica that serves: it is replaced when another one serves too (gateway.replicas of 2 or more), or never if the annotation goes.`;

const byHand = ({ pod, claim }: Replica): string =>
  [
    'The operator may not touch volumes (operator.volumeQuarantine.enabled is false). By hand, while another replica is Ready:',
    `kubectl patch pv ${claim?.volume ?? 'VOLUME'} -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' &&`,
    `kubectl label pv ${claim?.volume ?? 'VOLUME'} offloader.dev/quarantined-from=${pod} &&`,
    `kubectl delete pvc cache-${pod} --wait=false && kubectl delete pod ${pod}`,
  ].join(' ');

type Next = { readonly act: Act | null; readonly phase: VolumePhase; readonly message: string | undefined };

const goOn = (pod: string, { replicas, records }: QuarantineFacts): Next => {
  const request = records[pod]?.request;
  const replica = replicas.find((one) => one.pod === pod);
  if (replica === undefined || request == null) return rest;
  const isOldPod = replica.podUid !== null && replica.podUid === request.podUid;
  // The old claim goes first: it stays until its pod has gone, and no new pod can take it up again.
  if (replica.claim?.uid === request.claimUid && !replica.claim.ending) return { ...rest, act: { kind: 'remove_claim', replica } };
  if (isOldPod) return endOfPod(replica, replicas);
  if (!replica.serves || replica.claim === null || replica.claim.uid === request.claimUid) return rest;
  return {
    ...rest,
    phase: 'replaced',
    message: `${pod} serves from a new volume; the old data is in PersistentVolume ${request.volume ?? ''}.`,
  };
};

const rest: Next = { act: null, phase: 'replacing', message: undefined };

/** What served when it began may have stopped serving since. */
const endOfPod = (replica: Replica, replicas: readonly Replica[]): Next => {
  if (replica.podEnding) return rest;
  return isLast(replica, replicas) ? { ...rest, message: lastServing(replica.pod) } : { ...rest, act: { kind: 'evict', replica } };
};

const moved = (facts: QuarantineFacts, pod: string, phase: VolumePhase, message: string): VolumeRecord => {
  const before = facts.records[pod] ?? emptyVolumeRecord;
  if (before.request === null) return before;
  const since = before.request.phase === phase ? before.request.since : timeOf(facts.nowMs);
  return { ...before, request: { ...before.request, phase, message, since } };
};

const noted = (facts: QuarantineFacts, { pod }: Replica, { token, cause }: Wish, { phase, message }: Objection): VolumeRecord => {
  const before = facts.records[pod] ?? emptyVolumeRecord;
  const last = before.request;
  const since = last?.token === token && last.phase === phase ? last.since : timeOf(facts.nowMs);
  return { ...before, request: { token, cause, phase, message, since, volume: null, claimUid: null, podUid: null } };
};

/** Whole seconds, as the API server writes times. */
const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
