#!/usr/bin/env node
/** The `kubectl offloader` plugin: the same habits as `offloader`, on a cluster. */
import { clusterCommands } from './cluster-commands.ts';
import { processContext } from './process-context.ts';
import { runProgram } from './program.ts';

await runProgram(
  'kubectl offloader',
  'Offloader on a cluster: look, roll back, refresh. Waits until every gateway reports an edit.',
  clusterCommands,
  {
    argv: process.argv.slice(2),
    context: processContext,
  },
);
