/** `kubectl offloader triage`: whose incident is it, judged from the gateways' reports, the resources and the pods. */
import { failed, runs } from '../../context.ts';
import type { Context, ExitCode } from '../../context.ts';
import { clusterIncidents, unheard } from '../../kubernetes/cluster-incidents.ts';
import { connect, loadConfig, withCluster } from '../../kubernetes/cluster-options.ts';
import type { ClusterOptions } from '../../kubernetes/cluster-options.ts';
import { gatherFacts } from '../../kubernetes/gather-facts.ts';
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
  const facts = await gatherFacts(cluster.value, config.value);
  if (!facts.ok) return failed(context, [`cannot judge: ${facts.error}`]);
  const incidents = clusterIncidents(facts.value);
  for (const line of unheard(facts.value)) context.err(`note: ${line}`);
  for (const line of renderIncidents(incidents)) context.out(line);
  return incidents.length === 0 ? 0 : 1;
};
