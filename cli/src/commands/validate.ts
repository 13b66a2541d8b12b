/** `offloader validate`: every rule that the server has, over a folder of resources, in one pass. */
import { Option } from 'commander';
import type { AuthMode } from '@offloader/contract';
import { compileFolder } from '../compile-folder.ts';
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { renderFindings } from '../findings.ts';
import { ioProblem } from '../io-problem.ts';
import type { AddCommand } from '../program.ts';

type Options = { config: string; auth: AuthMode };

export const addValidate: AddCommand = (program, context) => {
  program
    .command('validate')
    .description('check a folder of Dataset, Endpoint and ApiKey manifests; exit 1 with every finding')
    .addOption(new Option('--config <dir>', 'the folder, read with its sub-folders').env('OFFLOADER_CONFIG').makeOptionMandatory())
    .addOption(
      new Option('--auth <mode>', 'as the gateway will run').choices(['required', 'none']).env('OFFLOADER_AUTH').default('required'),
    )
    .action(runs(context, (options: Options) => validate(options, context)));
};

const validate = async (options: Options, context: Context): Promise<ExitCode> => {
  try {
    const { bundle, findings, objects } = await compileFolder(options.config, options.auth);
    if (findings.length === 0 && objects > 0) {
      const { datasets, endpoints, keys } = bundle;
      context.out(`OK: ${datasets.length} datasets, ${endpoints.length} endpoints, ${keys.length} keys`);
      return 0;
    }
    for (const line of objects === 0 && findings.length === 0 ? [`${options.config}: no resource in it`] : renderFindings(findings))
      context.err(line);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    context.err(`${options.config}: cannot be read: ${ioProblem(error)}`);
  }
  return 1;
};
