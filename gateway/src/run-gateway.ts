/** Runs one gateway as this process: exits 1 with one clear message when it cannot start, 0 after a drained SIGTERM. */
import { crashText } from '@offloader/contract';
import { parseSettings } from './settings.ts';
import type { StartOptions } from './serve.ts';

/** Threads for files, names and hashes beside those that run queries. */
const otherThreads = 4;

const refuse = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

export const runGateway = async (environment: NodeJS.ProcessEnv, options: StartOptions = {}): Promise<void> => {
  process.on('uncaughtException', (error) => refuse(crashText(error)));
  const settings = parseSettings(environment);
  if (!settings.ok) return refuse(settings.error);
  // DuckDB's client runs every query on a thread of libuv's pool, which has four, and so do files: four slow queries would hold
  // up everything. Counts until the pool is first used.
  process.env['UV_THREADPOOL_SIZE'] ??= String(settings.value.poolSize + otherThreads);
  // Loaded here: DuckDB and the SDKs take most of a second, and a wrong variable is told at once.
  const { startGateway } = await import('./serve.ts');
  const gateway = await startGateway(settings.value, options).catch((error: unknown) =>
    refuse(error instanceof Error ? error.message : String(error)),
  );
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      // A second one means it.
      if (isStopping) process.exit(1);
      isStopping = true;
      void gateway.stop().then(() => process.exit(0));
    });
};
