/** From the outcome of an object to its conditions, by the kstatus rules: Ready always, Reconciling and Stalled only while True. */
import type { Condition } from '@offloader/contract';
import type { Reason } from './reasons.ts';

/** Where an object stands. Only an edit of the object (or of what it names) ends `stalled`; `waiting` ends by itself. */
export type Outcome = { readonly kind: 'settled' | 'waiting' | 'stalled'; readonly reason: Reason; readonly message: string };

/** A condition before it is known when it last changed. */
export type Finding = {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
};

export type ConditionFacts = {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  readonly generation: number;
  readonly previous: readonly Condition[];
  readonly now: string;
};

/** All conditions of an object; the time of a condition moves only when its status does. */
export const conditionsOf = ({ outcome, findings, generation, previous, now }: ConditionFacts): Condition[] =>
  [...summary(outcome), ...findings].map((finding) => {
    const before = previous.find((condition) => condition.type === finding.type);
    return {
      ...finding,
      observedGeneration: generation,
      lastTransitionTime: before?.status === finding.status ? before.lastTransitionTime : now,
    };
  });

const summary = ({ kind, reason, message }: Outcome): readonly Finding[] => {
  const ready: Finding = { type: 'Ready', status: kind === 'settled' ? 'True' : 'False', reason, message };
  if (kind === 'settled') return [ready];
  return [ready, { type: kind === 'waiting' ? 'Reconciling' : 'Stalled', status: 'True', reason, message }];
};

/** The condition of that type, if any. */
export const findCondition = (conditions: readonly Condition[] | undefined, type: string): Condition | undefined =>
  conditions?.find((condition) => condition.type === type);
