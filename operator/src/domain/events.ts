/** Which Kubernetes events a change of status is worth. Derived from the change alone, so a restart repeats none. */
import type { Condition } from '@offloader/contract';
import type { Metadata } from './kube-object.ts';
import { findCondition } from './conditions.ts';

export type EventSubject = { readonly apiVersion: string; readonly kind: string; readonly metadata: Metadata };
export type EventNote = {
  readonly subject: EventSubject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
};

export type Statused = { readonly conditions?: readonly Condition[]; readonly activeSnapshot?: { readonly id: string } };

/** The events of going from one status to the next. */
export const eventsOf = (subject: EventSubject, before: Statused, after: Statused): readonly EventNote[] => [
  ...readiness(subject, before, after),
  ...failures(subject, before, after),
  ...snapshots(subject, before, after),
];

const readiness = (subject: EventSubject, before: Statused, after: Statused): readonly EventNote[] => {
  const was = findCondition(before.conditions, 'Ready');
  const is = findCondition(after.conditions, 'Ready');
  const stalled = findCondition(after.conditions, 'Stalled');
  if (is === undefined) return [];
  if (stalled !== undefined) {
    const same = findCondition(before.conditions, 'Stalled')?.message === stalled.message;
    return same ? [] : [{ subject, type: 'Warning', reason: stalled.reason, message: stalled.message }];
  }
  // Going live is what every edit does; it is worth an event after something was wrong, or when it says more than that.
  const recovered = findCondition(before.conditions, 'Stalled') !== undefined;
  if (is.status !== 'True' || (was?.status === 'True' && was.reason === is.reason) || (is.reason === 'Live' && !recovered)) return [];
  return [{ subject, type: 'Normal', reason: is.reason, message: is.message }];
};

/** Conditions other than the summary that have just turned False. */
const failures = (subject: EventSubject, before: Statused, after: Statused): readonly EventNote[] =>
  (after.conditions ?? [])
    .filter((condition) => condition.type !== 'Ready' && condition.status === 'False')
    .filter((condition) => {
      const was = findCondition(before.conditions, condition.type);
      return was?.status !== 'False' || was.reason !== condition.reason;
    })
    .map((condition) => ({
      subject,
      type: 'Warning',
      reason: `${condition.type}False`,
      message: `${condition.reason}: ${condition.message}`,
    }));

const snapshots = (subject: EventSubject, before: Statused, after: Statused): readonly EventNote[] => {
  const id = after.activeSnapshot?.id;
  if (id === undefined || id === before.activeSnapshot?.id) return [];
  return [{ subject, type: 'Normal', reason: 'SnapshotActivated', message: `Snapshot ${id} is active.` }];
};
