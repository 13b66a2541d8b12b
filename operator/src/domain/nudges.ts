/** When to touch a gateway pod's annotation, so that its kubelet refreshes the mounted configuration at once. */
import type { PodState } from './pod-state.ts';

export type Nudge = { readonly sequence: number; readonly attempt: number; readonly nextMs: number };

/** A nudge can be lost while the kubelet's own watch is down; the last delay repeats. */
const delaysMs = [1000, 2000, 5000, 10_000] as const;

export type Written = {
  readonly sequence: number;
  /** False after a restart, until this process has written: then a silent pod has been nudged by the one before. */
  readonly here: boolean;
};

/** The nudge that is due for a pod now; undefined when it is not behind or was nudged too recently. */
export const dueNudge = (pod: PodState, { sequence, here }: Written, last: Nudge | undefined, nowMs: number): Nudge | undefined => {
  if (pod.sequence >= sequence || (pod.report === null && !here)) return undefined;
  if (last?.sequence !== sequence) return { sequence, attempt: 0, nextMs: nowMs + delaysMs[0] };
  // A pod that says nothing is starting or cut off from here: one nudge per write is for the second case, more would not help.
  if (nowMs < last.nextMs || pod.report === null) return undefined;
  const attempt = last.attempt + 1;
  return { sequence, attempt, nextMs: nowMs + (delaysMs[Math.min(attempt, delaysMs.length - 1)] ?? 10_000) };
};

/** The annotation's value: another one for every nudge, since only a change wakes the kubelet. */
export const nudgeValue = (revision: string, nudge: Nudge): string =>
  `${String(nudge.sequence)}-${revision.slice(0, 12)}${nudge.attempt === 0 ? '' : `-${String(nudge.attempt)}`}`;
