/** The part of an outcome that all three kinds share: what the compiler said and how many gateways have it. */
import type { Problem, Verdict } from '@offloader/contract';
import type { Outcome } from './conditions.ts';
import type { Place } from './placement.ts';
import type { PodState } from './pod-state.ts';
import { pascal } from './reasons.ts';
import type { Reason } from './reasons.ts';

export type Judged = {
  readonly verdict: Verdict;
  /** undefined: nothing of this object is in the configuration. */
  readonly place: Place | undefined;
  readonly pods: readonly PodState[];
};

/** Longest message in a condition; what does not fit is counted. */
const maxMessage = 1000;

/** Stalled with the findings of the compiler, or undefined when it had none. */
export const invalid = (verdict: Verdict): Outcome | undefined => {
  const [first] = verdict.problems;
  if (first === undefined) return undefined;
  const serving = verdict.serving === 'last_good' ? ' The last good version keeps serving.' : '';
  return { kind: 'stalled', reason: pascal(first.code), message: `${listed(verdict.problems)}.${serving}` };
};

/** The names of the pods that have not applied the write that carried this object. */
export const behindOf = ({ place, pods }: Judged): readonly string[] =>
  pods.filter((pod) => place === undefined || pod.sequence < place.sequence).map((pod) => pod.name);

/** Waiting for gateways, or undefined when every one has it. */
export const rollingOut = (pods: readonly PodState[], behind: readonly string[]): Outcome | undefined => {
  if (pods.length === 0) return { kind: 'waiting', reason: 'NoGateways', message: 'There is no gateway pod to serve it.' };
  if (behind.length === 0) return undefined;
  const unreachable = pods.filter((pod) => pod.report === null && behind.includes(pod.name));
  const away = unreachable.length === 0 ? '' : ` No report: ${reasons(unreachable)}.`;
  return {
    kind: 'waiting',
    reason: unreachable.length === 0 ? 'RollingOut' : 'GatewayUnreachable',
    message: `Live on ${onGateways(pods.length - behind.length, pods.length)}; behind: ${named(behind)}.${away}`,
  };
};

/** Pods that are silent for the same reason are told together. */
const reasons = (silent: readonly PodState[]): string =>
  [...Map.groupBy(silent, ({ why }) => why ?? '')].map(([why, pods]) => `${named(pods.map(({ name }) => name))} ${why}`).join('; ');

/** Settled: every gateway has it. */
export const live = (pods: readonly PodState[], reason: Reason = 'Live', remark = ''): Outcome => ({
  kind: 'settled',
  reason,
  message: `Live on ${onGateways(pods.length, pods.length)}.${remark === '' ? '' : ` ${remark}`}`,
});

export const onGateways = (ready: number, total: number): string => `${String(ready)} of ${String(total)} gateways`;

/** A few names; a fleet is counted. */
export const named = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${String(names.length - 5)} more`;

const listed = (problems: readonly Problem[]): string => {
  const texts = problems.map((problem) => {
    const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
    return `${problem.path === '' ? '' : `${problem.path}: `}${problem.message.replace(/\.$/, '')} [${problem.code}]${hint}`;
  });
  let text = '';
  for (const [index, next] of texts.entries()) {
    if (text.length + next.length > maxMessage && index > 0) return `${text}; and ${String(texts.length - index)} more`;
    text = text === '' ? next.slice(0, maxMessage) : `${text}; ${next}`;
  }
  return text;
};
