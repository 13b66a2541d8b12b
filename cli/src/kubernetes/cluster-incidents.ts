/** What the resources and pods of a release tell of incidents, beside what its gateways say of themselves. Pure. */
import { likelyOwner } from '@offloader/contract';
import type { Condition, Incident, Report, Result } from '@offloader/contract';
import type { NoReport } from '../admin-client.ts';
import type { Pod } from './cluster.ts';

export type ClusterFacts = {
  /** When they were read. */
  readonly atMs: number;
  readonly gateways: readonly { readonly pod: Pod; readonly report: Result<Report, NoReport> }[];
  readonly operators: readonly Pod[];
  readonly resources: readonly {
    readonly object: string;
    readonly conditions: readonly Condition[];
    readonly behind: readonly string[];
  }[];
};

/** Every incident once: the pods' own first, then what only the cluster shows. */
export const clusterIncidents = (facts: ClusterFacts): readonly Incident[] =>
  once([
    ...facts.gateways.flatMap(({ report }) => (report.ok ? report.value.incidents : [])),
    ...facts.gateways.flatMap((gateway) => gatewayIncident(gateway, facts.atMs)),
    ...operatorIncident(facts.operators),
    ...facts.resources.flatMap(rejectedIncident),
    ...behindIncident(facts.resources),
  ]);

const incident = (of: {
  class: keyof typeof likelyOwner;
  since?: string | null;
  evidence: readonly string[];
  action: string;
}): Incident => ({
  ...of,
  owner: likelyOwner[of.class],
  since: of.since ?? null,
  runbook: `runbooks/${of.class.replaceAll('_', '-')}.md`,
  escalate: 'kubectl offloader support-bundle',
});

/** A process that crashes at its start has done so by then, and any other answers. */
const startMs = 30_000;

/** Whether a pod's process has been ready, or runs for so long that what ails it is not its start. */
const hasStarted = (pod: Pod, atMs: number): boolean =>
  isReady(pod) ||
  pod.status?.containerStatuses?.every(({ state }) => atMs - Date.parse(state?.running?.startedAt ?? '') > startMs) === true;

const gatewayIncident = ({ pod, report }: ClusterFacts['gateways'][number], atMs: number): readonly Incident[] => {
  const waiting = pod.status?.containerStatuses?.flatMap(({ state }) => state?.waiting?.reason ?? []) ?? [];
  // A pod that answers has started, however unready it is: what ails it is in its report.
  if (report.ok) return [];
  const { why, isSilent } = report.error;
  const { name } = pod.metadata;
  if (hasStarted(pod, atMs) && waiting.length === 0) return isSilent ? [behind([`${name} runs and does not answer: ${why}`])] : [];
  return [
    incident({
      class: 'gateway_does_not_start',
      evidence: [`${name}: ${pod.status?.phase ?? 'unknown phase'}${waiting.length === 0 ? '' : `, ${waiting.join(', ')}`}`, why],
      action: `kubectl describe pod ${name}, and kubectl logs --previous`,
    }),
  ];
};

/** Which pods were judged without having been heard, and why; those of an incident are told there. */
export const unheard = ({ gateways, atMs }: ClusterFacts): readonly string[] =>
  gateways.flatMap((gateway) =>
    gateway.report.ok || gatewayIncident(gateway, atMs).length > 0
      ? []
      : [`${gateway.pod.metadata.name} was not heard: ${gateway.report.error.why}`],
  );

const operatorIncident = (operators: readonly Pod[]): readonly Incident[] =>
  operators.some(isReady)
    ? []
    : [
        incident({
          class: 'operator_down',
          evidence:
            operators.length === 0
              ? ['there is no operator pod']
              : operators.map(({ metadata, status }) => `${metadata.name}: ${status?.phase ?? 'unknown phase'}, not ready`),
          action: 'what is served goes on; edits and rollbacks wait: bring the operator back',
        }),
      ];

/** Waits for a human's edit: of the resource, whose message says which. */
const rejectedIncident = ({ object, conditions }: ClusterFacts['resources'][number]): readonly Incident[] => {
  const stalled = conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
  if (stalled === undefined) return [];
  return [
    incident({
      class: 'config_rejected',
      since: stalled.lastTransitionTime,
      evidence: [`${object}: ${stalled.reason}: ${stalled.message}`],
      action: `mend ${object}; its last good version keeps serving`,
    }),
  ];
};

const behindIncident = (resources: ClusterFacts['resources']): readonly Incident[] => {
  const pods = [...new Set(resources.flatMap(({ behind }) => behind))].sort();
  return pods.length === 0 ? [] : [behind(pods.map((pod) => `${pod} does not serve every resource as it is now`))];
};

const behind = (evidence: readonly string[]): Incident =>
  incident({ class: 'replica_behind', evidence, action: 'kubectl get pods; look at the pods named' });

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

/** Replicas tell the same incident; their evidence is put together. */
const once = (incidents: readonly Incident[]): readonly Incident[] =>
  [
    ...Map.groupBy(incidents, (one) =>
      [one.class, one.dataset, one.endpoint, one.class === 'config_rejected' ? one.evidence[0] : ''].join('\n'),
    ).values(),
  ].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ ...first, evidence: [...new Set([first, ...others].flatMap(({ evidence }) => evidence))] }],
  );
