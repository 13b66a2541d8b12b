/** The program: which commands there are, and how commander's outcomes become exit codes. */
import { Command, CommanderError } from 'commander';
import type { Context } from './context.ts';
import { version } from './version.ts';

export type AddCommand = (program: Command, context: Context) => void;

/** Runs a command line with the given commands. Help and version are 0, everything commander refuses is 2. */
export const runProgram = async (
  name: string,
  about: string,
  commands: readonly AddCommand[],
  { argv, context }: { readonly argv: readonly string[]; readonly context: Context },
): Promise<void> => {
  const program = build(name, about, context);
  for (const add of commands) add(program, context);
  for (const command of everyCommand(program)) settle(command, context);
  if (argv.length === 0) {
    context.out(program.helpInformation().trimEnd());
    return;
  }
  try {
    const topic = unknownTopic(program, argv);
    if (topic !== undefined) program.error(`error: unknown command '${topic}'`);
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    context.exit(error.exitCode === 0 ? 0 : 2);
  }
};

const build = (name: string, about: string, context: Context): Command => {
  const program = new Command(name).description(about).version(version, '-v, --version');
  program.showSuggestionAfterError().showHelpAfterError();
  program
    .command('version')
    .description('print the version')
    .action(() => context.out(version));
  return program;
};

/** The word after `help` when no command has this name: commander would show the usage without a reason. */
const unknownTopic = (program: Command, [first, topic]: readonly string[]): string | undefined =>
  first === 'help' && topic !== undefined && !program.commands.some((command) => command.name() === topic) ? topic : undefined;

const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

/** Output through the context, and no process.exit from inside commander. */
const settle = (command: Command, context: Context): void => {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => context.out(text.replace(/\n$/, '')),
    writeErr: (text) => context.err(text.replace(/\n$/, '')),
  });
  // A group such as `keys` without its sub-command is used wrongly.
  if (command.parent !== null && command.commands.length > 0) {
    command.allowExcessArguments().action(() => {
      const [word] = command.args;
      command.error(word === undefined ? 'error: a sub-command is missing' : `error: unknown command '${word}'`);
    });
  }
};
