#!/usr/bin/env node
/** The `offloader` command: puts its parts together and ends the process with the right code. */
import { commands } from './commands.ts';
import { processContext } from './process-context.ts';
import { runProgram } from './program.ts';

await runProgram('offloader', 'Data snapshots become governed REST endpoints: check, publish, serve, look into.', commands, {
  argv: process.argv.slice(2),
  context: processContext,
});
// A failed command has nothing left to do; a call that was given up must not keep the process.
if (process.exitCode) process.exit();
