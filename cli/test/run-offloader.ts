/** Runs the command in a real child process, as users do. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const repository = join(import.meta.dirname, '..', '..');
export const mainArguments = (entry: string): string[] => [
  '--conditions=source',
  '--disable-warning=ExperimentalWarning',
  join(repository, 'cli/src', entry),
];

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** Environment without anything that would change what a command does. */
export const plainEnv = (extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  ...extra,
});

/** One run to its end. */
export const offloader = (
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; entry?: string; cwd?: string } = {},
): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...mainArguments(options.entry ?? 'main.ts'), ...args], {
      cwd: options.cwd ?? repository,
      env: plainEnv(options.env),
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });

/** A folder that is gone after the work. */
export const inFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-cli-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
