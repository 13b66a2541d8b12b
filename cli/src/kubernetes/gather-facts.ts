/** Reads what triage of a release judges by: its pods, their reports, and the conditions of its resources. */
import type { KubeConfig } from '@kubernetes/client-node';
import { err, kinds, ok } from '@offloader/contract';
import type { Condition, Kind, Result } from '@offloader/contract';
import type { ClusterFacts } from './cluster-incidents.ts';
import type { Cluster } from './cluster.ts';
import { adminTokenOf, reportOf } from './gateway-reports.ts';

type Status = { readonly conditions?: readonly Condition[]; readonly gateways?: { readonly behind?: readonly string[] } };
type Resource = ClusterFacts['resources'][number];

/** The facts, or why they cannot be had. */
export const gatherFacts = async (cluster: Cluster, config: KubeConfig): Promise<Result<ClusterFacts, string>> => {
  const [gateways, operators] = await Promise.all([cluster.pods('gateway'), cluster.pods('operator')]);
  if (!gateways.ok) return err(gateways.error.message);
  if (!operators.ok) return err(operators.error.message);
  const token = await adminTokenOf(cluster);
  const reported = gateways.value.map(async (pod) => ({ pod, report: await reportOf(cluster, config, pod.metadata.name, token) }));
  const resources: Resource[] = [];
  for (const kind of Object.keys(kinds) as Kind[]) {
    const list = await cluster.list(kind);
    if (!list.ok) return err(list.error.message);
    for (const { metadata, status } of list.value as readonly { metadata: { name: string }; status?: Status }[]) {
      resources.push({ object: `${kind}/${metadata.name}`, conditions: status?.conditions ?? [], behind: status?.gateways?.behind ?? [] });
    }
  }
  return ok({ atMs: Date.now(), gateways: await Promise.all(reported), operators: operators.value, resources });
};
