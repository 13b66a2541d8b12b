/** What is measured, as a process of its own; it goes when this process goes. */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';

export type Child = {
  readonly child: ChildProcess;
  /** Ends it and waits. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
};

/** Starts Node.js with these arguments. */
export const startNode = (args: readonly string[], env: NodeJS.ProcessEnv, stdio: StdioOptions): Child => {
  const child = spawn(process.execPath, args, { stdio, env });
  const takeAlong = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', takeAlong);
  child.once('exit', () => process.off('exit', takeAlong));
  return {
    child,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    },
  };
};
