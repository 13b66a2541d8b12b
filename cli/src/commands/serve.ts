/** `offloader serve`: the gateway standalone, settings from the environment, until SIGTERM or Ctrl-C. */
import type { AddCommand } from '../program.ts';

export const addServe: AddCommand = (program) => {
  program
    .command('serve')
    .description('serve the resources of the folder OFFLOADER_CONFIG; settings are OFFLOADER_* variables')
    .action(async () => {
      // Loaded here: the other commands start without an HTTP server and its libraries.
      const { runGateway } = await import('@offloader/gateway');
      await runGateway(process.env);
    });
};
