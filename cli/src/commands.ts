/** The commands of `offloader`, in the order that help lists them. */
import { addEndpoint } from './commands/endpoint.ts';
import { addKeys } from './commands/keys.ts';
import { addManifest } from './commands/manifest.ts';
import { addPublish } from './commands/publish.ts';
import { addSnapshot } from './commands/snapshot.ts';
import { addTriage } from './commands/triage.ts';
import { addValidate } from './commands/validate.ts';
import type { AddCommand } from './program.ts';

export const commands: readonly AddCommand[] = [addValidate, addManifest, addPublish, addKeys, addEndpoint, addSnapshot, addTriage];
