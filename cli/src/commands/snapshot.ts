/** `offloader snapshot status`: one line per dataset, from the gateway's own report. */
import type { DatasetReport } from '@offloader/contract';
import { readReport } from '../admin-client.ts';
import { withAdmin } from '../admin-options.ts';
import type { AdminOptions } from '../admin-options.ts';
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import type { AddCommand } from '../program.ts';

export const addSnapshot: AddCommand = (program, context) => {
  const snapshot = program.command('snapshot').description('snapshots that a gateway serves');
  withAdmin(snapshot.command('status').description('one line per dataset')).action(
    runs(context, (options: AdminOptions) => status(options, context)),
  );
};

const status = async (options: AdminOptions, context: Context): Promise<ExitCode> => {
  const report = await readReport(options.adminUrl, options.adminToken);
  if (!report.ok) {
    context.err(report.error.why);
    return 1;
  }
  for (const dataset of report.value.datasets) context.out(renderDataset(dataset));
  if (report.value.datasets.length === 0) context.out('no datasets');
  return 0;
};

/** The line of one dataset. */
export const renderDataset = (dataset: DatasetReport): string => {
  const { active_snapshot: active, last_attempted: attempt, refresh_error: error } = dataset;
  return [
    dataset.dataset,
    `active=${active?.snapshot_id ?? 'none'}`,
    `watermark=${active?.watermark ?? 'unknown'}`,
    `age=${active?.age_seconds == null ? 'unknown' : `${active.age_seconds}s`}`,
    `last_attempt=${attempt === null ? 'none' : `${attempt.status}(${attempt.snapshot_id ?? 'none'}) at ${attempt.at}`}`,
    `stale=${dataset.stale ?? 'unknown'}`,
    ...(error === null ? [] : [`refresh_error=${error.code}${error.path === '' ? '' : ` at ${error.path}`}: ${error.message}`]),
  ].join(' ');
};
