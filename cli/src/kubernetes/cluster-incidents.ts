/** What the resources and pods of a release tell of incidents, beside what its gateways say of themselves. Pure. */
import { likelyOwner } from '@offloader/contract';
import type { Condition, Incident, Report, Result } from '@offloader/contract';
import type { Pod } from './cluster.ts';

export type ClusterFacts = {
  readonly gateways: readonly { readonly pod: Pod; readonly report: Result<Report, string> }[];
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
    ...facts.gateways.flatMap(gatewayIncident),
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

const gatewayIncident = ({ pod, report }: ClusterFacts['gateways'][number]): readonly Incident[] => {
  const waiting = pod.status?.containerStatuses?.flatMap(({ state }) => state?.waiting?.reason ?? []) ?? [];
  // A pod that answers has started, however unready it is: what ails it is in its report.
  if (report.ok || (isReady(pod) && waiting.length === 0)) return [];
  return [
    incident({
      class: 'gateway_does_not_start',
      evidence: [
        `${pod.metadata.name}: ${pod.status?.phase ?? 'unknown phase'}${waiting.length === 0 ? '' : `, ${waiting.join(', ')}`}`,
        report.error,
      ],
      action: `kubectl describe pod ${pod.metadata.name}, and kubectl logs --previous`,
    }),
  ];
};

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
  if (pods.length === 0) return [];
  return [
    incident({
      class: 'replica_behind',
      evidence: pods.map((pod) => `${pod} does not serve every resource as it is now`),
      action: 'kubectl get pods; look at the pods named',
    }),
  ];
};

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
