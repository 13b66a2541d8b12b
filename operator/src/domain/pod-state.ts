/** What is known of each gateway pod, from its own reports. */
import type { DatasetReport, Report } from '@offloader/contract';
import type { Pod } from './kube-object.ts';

/** The last report of one pod and when it was asked for. */
export type Heard = { readonly uid: string; readonly report: Report; readonly atMs: number };

export type PodState = {
  readonly name: string;
  readonly uid: string;
  readonly ip: string | null;
  /** null: never heard, or not within the grace. */
  readonly report: Report | null;
  /** The sequence of the configuration it serves; 0 when unknown. */
  readonly sequence: number;
  readonly rows: ReadonlyMap<string, DatasetReport>;
};

/** One lost answer does not make a pod unreachable; a pod is named within 15 s, polling and writing included. */
export const graceMs = 8_000;

/** The pods that count: neither ending nor ended. */
export const countedPods = (pods: readonly Pod[]): readonly Pod[] =>
  pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
    .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name, 'en', { numeric: true }));

/** Joins pods with what was heard from them. */
export const podStates = (pods: readonly Pod[], heard: ReadonlyMap<string, Heard>, nowMs: number): readonly PodState[] =>
  countedPods(pods).map((pod) => {
    const last = heard.get(pod.metadata.name);
    const fresh = last !== undefined && last.uid === pod.metadata.uid && nowMs - last.atMs <= graceMs ? last.report : null;
    return {
      name: pod.metadata.name,
      uid: pod.metadata.uid ?? '',
      ip: pod.status?.podIP ?? null,
      report: fresh,
      sequence: fresh === null ? 0 : configSequence(fresh),
      rows: new Map((fresh?.datasets ?? []).map((row) => [row.dataset, row])),
    };
  });

/** The sequence of the configuration that a report says is applied. */
export const configSequence = (report: Report): number => (report.config_sync.enabled ? report.config_sync.sequence : 0);
