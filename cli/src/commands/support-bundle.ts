/** `offloader support-bundle`: what a supporter needs to see, without secrets, in one file. */
import { withOptionalAdmin } from '../admin-options.ts';
import { failed, runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import type { AddCommand } from '../program.ts';
import { writeArchive } from '../support/archive.ts';
import { collectGateway, joined, without } from '../support/collect.ts';
import { collectConfig } from '../support/collect-config.ts';
import type { Collected } from '../support/collect.ts';

type Options = { config?: string; adminUrl?: string; adminToken?: string; out: string; force?: boolean };

export const addSupportBundle: AddCommand = (program, context) => {
  withOptionalAdmin(
    program
      .command('support-bundle')
      .description('collect configuration, diagnostics and metrics into a tar.gz, redacted')
      .option('--config <dir>', 'the project folder')
      .option('--out <file>', 'the archive', 'offloader-support-bundle.tar.gz')
      .option('--force', 'replace the file'),
  ).action(runs(context, (options: Options) => bundle(options, context)));
};

const bundle = async (options: Options, context: Context): Promise<ExitCode> => {
  const parts = [
    options.config === undefined ? without('configuration', 'no --config was given') : await collectConfig(options.config),
    options.adminUrl === undefined
      ? without('diagnostics, metrics, status, triage', 'no --admin-url was given')
      : await collectGateway(options.adminUrl, options.adminToken),
    without('resources, events and logs of a cluster', 'kubectl offloader support-bundle collects these'),
  ];
  return saveBundle(joined(parts), options, context);
};

/** Writes the archive and prints what is in it and what is not. */
export const saveBundle = async (collected: Collected, options: { out: string; force?: boolean }, context: Context): Promise<ExitCode> => {
  const written = await writeArchive(options.out, collected, { force: options.force ?? false, createdAt: new Date().toISOString() });
  if (!written.ok) return failed(context, [written.error]);
  context.out('manifest.json');
  for (const { path } of collected.pieces) context.out(path);
  for (const { what, why } of collected.missing) context.out(`not fetched: ${what}: ${why}`);
  context.out(`wrote ${options.out}; secrets are masked, but read it before you send it`);
  return 0;
};
