/** The Context is all that a command may touch of the process: where it writes, the environment, the exit code. */
export type ExitCode = 0 | 1 | 2;

export type Context = {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Sets the code that the process ends with: 0 well, 1 a problem was found or something failed, 2 used wrongly. */
  readonly exit: (code: ExitCode) => void;
};

/** Makes a commander action out of a function that returns its exit code. */
export const runs =
  <A extends unknown[]>(context: Context, action: (...args: A) => Promise<ExitCode> | ExitCode) =>
  async (...args: A): Promise<void> => {
    context.exit(await action(...args));
  };

/** Says on stderr what went wrong. */
export const failed = (context: Context, lines: readonly string[]): ExitCode => {
  for (const line of lines) context.err(line);
  return 1;
};
