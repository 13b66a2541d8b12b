/** `offloader serve`: the gateway on a folder of resources, until SIGTERM or Ctrl-C. Its settings are the environment's. */
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import type { AddCommand } from '../program.ts';

type Options = { config?: string };

export const addServe: AddCommand = (program, context) => {
  program
    .command('serve')
    .description('run the gateway on a folder of resources; see docs for the OFFLOADER_ variables')
    .option('--config <dir>', 'the folder; default: OFFLOADER_CONFIG')
    .action(runs(context, (options: Options) => serve(options, context)));
};

const serve = async (options: Options, { env }: Context): Promise<ExitCode> => {
  // Loaded here: no other command needs the gateway, and it takes a second.
  const { runGateway } = await import('@offloader/gateway');
  await runGateway({ ...env, ...(options.config === undefined ? {} : { OFFLOADER_CONFIG: options.config }) });
  return 0;
};
