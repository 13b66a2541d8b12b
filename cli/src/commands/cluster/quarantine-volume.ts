/** `kubectl offloader quarantine-volume`: a new cache volume for one replica, the old one kept; awaited until it serves again. */
import type { Command } from 'commander';
import { failed, runs } from '../../context.ts';
import type { Context, ExitCode } from '../../context.ts';
import { connect, withCluster } from '../../kubernetes/cluster-options.ts';
import type { ClusterOptions } from '../../kubernetes/cluster-options.ts';
import { replaceVolume } from '../../kubernetes/replace-volume.ts';
import { seconds } from '../../option-values.ts';
import type { AddCommand } from '../../program.ts';

type Options = ClusterOptions & { readonly timeout: number };

const about = 'replace the cache volume of one replica and keep the old one; the replica builds its cache anew';

export const addQuarantineVolume: AddCommand = (program: Command, context) => {
  withCluster(program.command('quarantine-volume').description(about))
    .argument('<pod>', 'a gateway pod')
    .option('--timeout <seconds>', 'the longest wait for the replica', seconds, 600)
    .action(runs(context, (pod: string, options: Options) => run(pod, options, context)));
};

const run = async (pod: string, options: Options, context: Context): Promise<ExitCode> => {
  const cluster = await connect(options);
  if (!cluster.ok) return failed(context, [cluster.error]);
  const token = new Date().toISOString();
  const done = await replaceVolume(cluster.value, pod, { token, timeoutMs: options.timeout * 1000, say: context.out });
  if (!done.ok) return failed(context, [done.error]);
  context.out(done.value);
  return 0;
};
