#!/usr/bin/env node
/** The `kubectl offloader` plugin: the same habits as `offloader`, on a cluster. */
import { addBlock, addPin, addRebuild, addRefresh, addRollback, addUnpin } from './commands/cluster/dataset-edits.ts';
import { addStatus } from './commands/cluster/status.ts';
import { processContext } from './process-context.ts';
import { runProgram } from './program.ts';

const commands = [addStatus, addRollback, addPin, addUnpin, addBlock, addRefresh, addRebuild];

await runProgram(
  'kubectl offloader',
  'Offloader on a cluster: look, roll back, refresh. Waits until every gateway reports an edit.',
  commands,
  {
    argv: process.argv.slice(2),
    context: processContext,
  },
);
