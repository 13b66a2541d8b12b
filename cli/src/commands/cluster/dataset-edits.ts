/** `kubectl offloader rollback, pin, unpin, block, refresh, rebuild`: an edit of a Dataset, awaited on every replica. */
import type { Command } from 'commander';
import { failed, runs } from '../../context.ts';
import type { Context, ExitCode } from '../../context.ts';
import { connect, withCluster } from '../../kubernetes/cluster-options.ts';
import type { ClusterOptions } from '../../kubernetes/cluster-options.ts';
import { editDataset } from '../../kubernetes/edit-dataset.ts';
import type { Edit } from '../../kubernetes/edit-dataset.ts';
import { block, pin, rebuild, refresh, rollback, unpin } from '../../kubernetes/rollback-edits.ts';
import type { AddCommand } from '../../program.ts';
import { seconds } from '../../option-values.ts';

type Options = ClusterOptions & { readonly timeout: number };

const editCommand = (program: Command, name: string, about: string): Command =>
  withCluster(program.command(name).description(about))
    .argument('<dataset>', 'metadata.name of the Dataset')
    .option('--timeout <seconds>', 'the longest wait for the replicas', seconds, 120);

export const addRollback: AddCommand = (program, context) => {
  editCommand(program, 'rollback', 'go back from the active snapshot to the newest one kept, or to a given one')
    .option('--to <id>', 'pin this snapshot instead of blocking the active one')
    .action(
      runs(context, (dataset: string, options: Options & { to?: string }) =>
        run(dataset, options.to === undefined ? rollback : pin(options.to), options, context),
      ),
    );
};

export const addPin: AddCommand = (program, context) => {
  editCommand(program, 'pin', 'serve exactly this snapshot until unpinned')
    .argument('<id>', 'the snapshot')
    .action(runs(context, (dataset: string, id: string, options: Options) => run(dataset, pin(id), options, context)));
};

export const addUnpin: AddCommand = (program, context) => {
  editCommand(program, 'unpin', 'let newer snapshots through again').action(
    runs(context, (dataset: string, options: Options) => run(dataset, unpin, options, context)),
  );
};

export const addBlock: AddCommand = (program, context) => {
  editCommand(program, 'block', 'never serve this snapshot')
    .argument('<id>', 'the snapshot')
    .action(runs(context, (dataset: string, id: string, options: Options) => run(dataset, block(id), options, context)));
};

export const addRefresh: AddCommand = (program, context) => {
  editCommand(program, 'refresh', 'read the source now, on every replica').action(
    runs(context, (dataset: string, options: Options) => run(dataset, refresh(new Date().toISOString()), options, context)),
  );
};

export const addRebuild: AddCommand = (program, context) => {
  editCommand(program, 'rebuild', 'build the cache of a dataset anew from its source, on every replica').action(
    runs(context, (dataset: string, options: Options) => run(dataset, rebuild(new Date().toISOString()), options, context)),
  );
};

const run = async (dataset: string, edit: Edit, options: Options, context: Context): Promise<ExitCode> => {
  const cluster = await connect(options);
  if (!cluster.ok) return failed(context, [cluster.error]);
  const done = await editDataset(cluster.value, dataset, edit, { timeoutMs: options.timeout * 1000, say: context.out });
  if (!done.ok) return failed(context, [done.error]);
  context.out(done.value);
  return 0;
};
