#!/usr/bin/env node
/** The `kubectl offloader` plugin: the same habits as `offloader`, on a cluster. */
import { addBlock, addPin, addRebuild, addRefresh, addRollback, addUnpin } from './commands/cluster/dataset-edits.ts';
import { addQuarantineVolume } from './commands/cluster/quarantine-volume.ts';
import { addStatus } from './commands/cluster/status.ts';
import { addClusterSupportBundle } from './commands/cluster/support-bundle.ts';
import { addClusterTriage } from './commands/cluster/triage.ts';
import { processContext } from './process-context.ts';
import { runProgram } from './program.ts';

const edits = [addRollback, addPin, addUnpin, addBlock, addRefresh, addRebuild];
const commands = [addStatus, addClusterTriage, ...edits, addQuarantineVolume, addClusterSupportBundle];

await runProgram(
  'kubectl offloader',
  'Offloader on a cluster: look, roll back, refresh. Waits until every gateway reports an edit.',
  commands,
  {
    argv: process.argv.slice(2),
    context: processContext,
  },
);
