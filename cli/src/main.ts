/** The `offloader` command: puts its parts together and ends the process with the right code. */
import { commands } from './commands.ts';
import { runProgram } from './program.ts';

await runProgram('offloader', 'Data snapshots become governed REST endpoints: check, publish, serve, look into.', commands, {
  argv: process.argv.slice(2),
  context: {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    env: process.env,
    exit: (code) => {
      process.exitCode = code;
    },
  },
});
