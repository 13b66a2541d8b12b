/** What is known of each gateway pod, from its own reports. */
import type { DatasetReport, Report } from '@offloader/contract';
import type { Pod } from './kube-object.ts';

/** The last report of one pod and when it was asked for. */
export type Heard = { readonly uid: string; readonly report: Report; readonly atMs: number };

export type PodState = {
  readonly name: string;
  readonly uid: string;
  readonly ip: string | null;
  /** True: its time is up. What it serves counts until it is gone, but nothing waits for it. */
  readonly ending: boolean;
  /** null: never heard, or not within the grace. */
  readonly report: Report | null;
  /** Why there is no report, to follow the pod's name; null when there is one. */
  readonly why: string | null;
  /** The sequence of the configuration it serves; 0 when unknown. */
  readonly sequence: number;
  readonly rows: ReadonlyMap<string, DatasetReport>;
};

/** One lost answer does not make a pod unreachable; a pod is named within 15 s, polling and writing included. */
export const graceMs = 8_000;

/** The pods that may serve: all that have not ended. One that is ending does until it is gone, on a lost node for as long as that is. */
export const countedPods = (pods: readonly Pod[]): readonly Pod[] =>
  pods.filter((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed');

export type PodFacts = {
  readonly pods: readonly Pod[];
  /** The names of the pods that there should be. */
  readonly expected: readonly string[];
  readonly heard: ReadonlyMap<string, Heard>;
  /** Why a pod did not answer when it was asked last. */
  readonly silent: ReadonlyMap<string, string>;
  readonly nowMs: number;
};

/** Joins pods with what was heard from them; one that should be there and is not has a state too. */
export const podStates = (facts: PodFacts): readonly PodState[] => {
  const present = countedPods(facts.pods).map((pod) => stateOf(pod, facts));
  const names = new Set(present.map(({ name }) => name));
  return [...present, ...facts.expected.filter((name) => !names.has(name)).map(absent)].toSorted((a, b) =>
    a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
};

const absent = (name: string): PodState => ({
  name,
  uid: '',
  ip: null,
  ending: false,
  report: null,
  why: 'is not there',
  sequence: 0,
  rows: new Map(),
});

const stateOf = (pod: Pod, { heard, silent, nowMs }: PodFacts): PodState => {
  const last = heard.get(pod.metadata.name);
  const fresh = last !== undefined && last.uid === pod.metadata.uid && nowMs - last.atMs <= graceMs ? last.report : null;
  const ending = pod.metadata.deletionTimestamp !== undefined;
  const why = tellable(silent.get(pod.metadata.name) ?? '');
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid ?? '',
    ip: pod.status?.podIP ?? null,
    ending,
    report: fresh,
    why: fresh !== null ? null : ending ? `is ending and ${why}` : why,
    sequence: fresh === null ? 0 : configSequence(fresh),
    rows: new Map((fresh?.datasets ?? []).map((row) => [row.dataset, row])),
  };
};

/**
 * Why a pod is silent, as every object that waits for it tells: a thousand statuses must not follow a pod through its start, from
 * no address over no connection to 503. What else it answers stays until somebody acts.
 */
const tellable = (why: string): string => (why.startsWith('answered') && !why.startsWith('answered 503') ? why : 'gives no report');

/** The sequence of the configuration that a report says is applied. */
export const configSequence = (report: Report): number => (report.config_sync.enabled ? report.config_sync.sequence : 0);
