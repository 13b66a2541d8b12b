/** Runs the command in this process: where many runs would be minutes of starting Node.js. */
import { commands } from '../src/commands.ts';
import { runProgram } from '../src/program.ts';
import type { Ran } from './run-offloader.ts';

/** One run to its end; commands that say nothing of their exit code end with 0, as a process does. */
export const inProcess = async (args: readonly string[], program = commands): Promise<Ran> => {
  const ran = { code: 0, out: '', err: '' };
  await runProgram('offloader', 'about', program, {
    argv: args,
    context: {
      out: (line) => (ran.out += `${line}\n`),
      err: (line) => (ran.err += `${line}\n`),
      env: {},
      exit: (code) => {
        ran.code = code;
      },
    },
  });
  return ran;
};
