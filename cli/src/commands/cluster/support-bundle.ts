/** `kubectl offloader support-bundle`: the resources, events, logs and reports of a release, redacted, in one file. */
import { failed, runs } from '../../context.ts';
import type { Context, ExitCode } from '../../context.ts';
import { connect, loadConfig, withCluster } from '../../kubernetes/cluster-options.ts';
import type { ClusterOptions } from '../../kubernetes/cluster-options.ts';
import type { AddCommand } from '../../program.ts';
import { collectCluster } from '../../support/collect-cluster.ts';
import { saveBundle } from '../support-bundle.ts';

type Options = ClusterOptions & { readonly out: string; readonly force?: boolean };

export const addClusterSupportBundle: AddCommand = (program, context) => {
  withCluster(program.command('support-bundle').description('collect resources, events, logs and reports into a tar.gz, redacted'))
    .option('--out <file>', 'the archive', 'offloader-support-bundle.tar.gz')
    .option('--force', 'replace the file')
    .action(runs(context, (options: Options) => bundle(options, context)));
};

const bundle = async (options: Options, context: Context): Promise<ExitCode> => {
  const config = await loadConfig(options);
  if (!config.ok) return failed(context, [config.error]);
  const cluster = await connect(options);
  if (!cluster.ok) return failed(context, [cluster.error]);
  return saveBundle(await collectCluster(cluster.value, config.value), options, context);
};
