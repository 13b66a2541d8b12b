/** The commands of `kubectl offloader`, in the order of its help. */
import { addBlock, addPin, addRebuild, addRefresh, addRollback, addUnpin } from './commands/cluster/dataset-edits.ts';
import { addQuarantineVolume } from './commands/cluster/quarantine-volume.ts';
import { addStatus } from './commands/cluster/status.ts';
import { addClusterSupportBundle } from './commands/cluster/support-bundle.ts';
import { addClusterTriage } from './commands/cluster/triage.ts';
import type { AddCommand } from './program.ts';

const edits = [addRollback, addPin, addUnpin, addBlock, addRefresh, addRebuild];
export const clusterCommands: readonly AddCommand[] = [addStatus, addClusterTriage, ...edits, addQuarantineVolume, addClusterSupportBundle];
