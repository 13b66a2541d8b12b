/** The commands of `offloader`, in the order that help lists them. */
import { addDoctor } from './commands/doctor.ts';
import { addEndpoint } from './commands/endpoint.ts';
import { addImport } from './commands/import.ts';
import { addInit } from './commands/init.ts';
import { addKeys } from './commands/keys.ts';
import { addManifest } from './commands/manifest.ts';
import { addPublish } from './commands/publish.ts';
import { addScaffoldDataset } from './commands/scaffold-dataset.ts';
import { addServe } from './commands/serve.ts';
import { addSnapshot } from './commands/snapshot.ts';
import { addSupportBundle } from './commands/support-bundle.ts';
import { addTriage } from './commands/triage.ts';
import { addValidate } from './commands/validate.ts';
import type { AddCommand } from './program.ts';

export const commands: readonly AddCommand[] = [
  ...[addInit, addImport, addScaffoldDataset, addKeys, addValidate, addManifest, addPublish, addServe],
  ...[addEndpoint, addSnapshot, addTriage, addDoctor, addSupportBundle],
];
