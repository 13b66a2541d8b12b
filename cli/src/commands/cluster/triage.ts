/** `kubectl offloader triage`: whose incident is it, judged from the gateways' reports, the resources and the pods. */
import type { KubeConfig } from '@kubernetes/client-node';
import { err, kinds } from '@offloader/contract';
import type { Condition, Kind, Result } from '@offloader/contract';
import { failed, runs } from '../../context.ts';
import type { Context, ExitCode } from '../../context.ts';
import type { Cluster } from '../../kubernetes/cluster.ts';
import { clusterIncidents } from '../../kubernetes/cluster-incidents.ts';
import type { ClusterFacts } from '../../kubernetes/cluster-incidents.ts';
import { connect, loadConfig, withCluster } from '../../kubernetes/cluster-options.ts';
import type { ClusterOptions } from '../../kubernetes/cluster-options.ts';
import { adminTokenOf, reportOf } from '../../kubernetes/gateway-reports.ts';
import type { AddCommand } from '../../program.ts';
import { renderIncidents } from '../triage.ts';

export const addClusterTriage: AddCommand = (program, context) => {
  withCluster(program.command('triage').description('name the incident, its owner and its runbook; exit 1 when there is one')).action(
    runs(context, (options: ClusterOptions) => triage(options, context)),
  );
};

const triage = async (options: ClusterOptions, context: Context): Promise<ExitCode> => {
  const config = await loadConfig(options);
  if (!config.ok) return failed(context, [config.error]);
  const cluster = await connect(options);
  if (!cluster.ok) return failed(context, [cluster.error]);
  const facts = await gather(cluster.value, config.value);
  if (!facts.ok) return failed(context, [`cannot judge: ${facts.error}`]);
  const incidents = clusterIncidents(facts.value);
  for (const line of renderIncidents(incidents)) context.out(line);
  return incidents.length === 0 ? 0 : 1;
};

type Status = { readonly conditions?: readonly Condition[]; readonly gateways?: { readonly behind?: readonly string[] } };

const gather = async (cluster: Cluster, config: KubeConfig): Promise<Result<ClusterFacts, string>> => {
  const [gateways, operators] = await Promise.all([cluster.pods('gateway'), cluster.pods('operator')]);
  if (!gateways.ok) return err(gateways.error.message);
  if (!operators.ok) return err(operators.error.message);
  const token = await adminTokenOf(cluster);
  const reported = gateways.value.map(async (pod) => ({ pod, report: await reportOf(cluster, config, pod.metadata.name, token) }));
  const resources: ClusterFacts['resources'][number][] = [];
  for (const kind of Object.keys(kinds) as Kind[]) {
    const list = await cluster.list(kind);
    if (!list.ok) return err(list.error.message);
    for (const { metadata, status } of list.value as readonly { metadata: { name: string }; status?: Status }[]) {
      resources.push({ object: `${kind}/${metadata.name}`, conditions: status?.conditions ?? [], behind: status?.gateways?.behind ?? [] });
    }
  }
  return { ok: true, value: { gateways: await Promise.all(reported), operators: operators.value, resources } };
};
