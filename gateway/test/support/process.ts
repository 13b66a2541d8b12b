// A gateway as a process of its own, as an image runs it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { manifestsOf, removeUsed, secretKeyBase, until } from './gateway.ts';

export type GatewayProcess = {
  readonly apiPort: number;
  readonly adminPort: number;
  readonly child: ChildProcess;
  /** The code it ends with. */
  readonly exit: Promise<number | null>;
  /** What it has logged so far, a line each. */
  readonly lines: readonly string[];
  /** Replaces its configuration, unless that lies in another folder. */
  write(resources: readonly unknown[]): Promise<void>;
  /** Ends it if it still runs, and removes its folders. */
  end(): Promise<void>;
};

const main = new URL('../../src/main.ts', import.meta.url).pathname;
/** How the process is started. */
export const command: readonly string[] = [process.execPath, '--conditions=source', '--disable-warning=ExperimentalWarning', main];
/** As an image has it, where `npm run build` was run. */
export const builtCommand: readonly string[] = [process.execPath, new URL('../../dist/src/main.js', import.meta.url).pathname];

/** Runs a process to its end, with nothing in its environment but this; `under` is a command that starts it. */
export const runToEnd = async (
  environment: Readonly<Record<string, string>>,
  under: readonly string[] = [],
): Promise<{ readonly code: number | null; readonly output: string }> => {
  const [program = '', ...args] = [...under, ...command];
  // One that does not end is ended: its code is null then.
  const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', ...environment }, timeout: 60_000, killSignal: 'SIGKILL' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
};

/** Starts a process on these resources and waits until it is ready. */
export const startProcess = async (
  resources: readonly unknown[],
  environment: Record<string, string> = {},
  by: readonly string[] = command,
): Promise<GatewayProcess> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-process-'));
  await mkdir(join(folder, 'config'));
  const write = manifestsOf(join(folder, 'config'));
  await write(resources);
  const [program = '', ...args] = by;
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      OFFLOADER_CONFIG: join(folder, 'config'),
      OFFLOADER_CACHE_DIR: join(folder, 'cache'),
      OFFLOADER_API_PORT: '0',
      OFFLOADER_ADMIN_PORT: '0',
      OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
      OFFLOADER_DUCKDB_THREADS: '2',
      ...environment,
    },
  });
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const lines: string[] = [];
  const booted = new Promise<{ apiPort: number; adminPort: number }>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', (line) => {
        lines.push(line);
        if (line.includes('"kind":"booted"')) resolve(JSON.parse(line) as { apiPort: number; adminPort: number });
      });
  });
  const first = await Promise.race([booted, exit]);
  if (first === null || typeof first === 'number') throw new Error(lines.join('\n'));
  await until(async () => (await fetch(`http://127.0.0.1:${first.adminPort}/ready`)).status === 200);
  return {
    ...first,
    child,
    exit,
    lines,
    write,
    end: async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await exit;
      await removeUsed(folder);
    },
  };
};
