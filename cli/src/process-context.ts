/** The Context of a real process. */
import type { Context } from './context.ts';

export const processContext: Context = {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  env: process.env,
  exit: (code) => {
    process.exitCode = code;
  },
};
