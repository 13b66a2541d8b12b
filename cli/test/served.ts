/** A gateway started by `offloader serve` in a real child process, on free ports. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { mainArguments, offloader, plainEnv, repository } from './run-offloader.ts';
import type { Ran } from './run-offloader.ts';

export const adminToken = 'admin-token-of-the-tests';
export type Served = {
  readonly api: string;
  readonly admin: string;
  /** Everything that it has logged so far. */
  readonly log: () => string;
  readonly pid: number;
  /** The code that it ends with. */
  readonly ended: Promise<number | null>;
  /** SIGTERM, and the exit code. */
  readonly stop: () => Promise<number | null>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};
export type Refused = { readonly code: number | null; readonly log: string };

/** Serves a folder; resolves when it listens, or when it has ended instead. */
export const serve = async (config: string, cache: string, extra: Readonly<Record<string, string>> = {}): Promise<Served | Refused> => {
  const child = spawn(process.execPath, [...mainArguments('main.ts'), 'serve'], {
    cwd: repository,
    env: plainEnv({
      OFFLOADER_CONFIG: config,
      OFFLOADER_CACHE_DIR: cache,
      OFFLOADER_SECRET_KEY_BASE: 'x'.repeat(32),
      OFFLOADER_ADMIN_TOKEN: adminToken,
      OFFLOADER_API_PORT: '0',
      OFFLOADER_ADMIN_PORT: '0',
      ...extra,
    }),
  });
  const lines: string[] = [];
  const ended = once(child, 'close') as Promise<[number | null]>;
  const ports = new Promise<{ apiPort: number; adminPort: number }>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', (line) => {
        lines.push(line);
        if (line.includes('"kind":"booted"')) resolve(JSON.parse(line) as { apiPort: number; adminPort: number });
      });
  });
  const log = (): string => lines.join('\n');
  const first = await Promise.race([ports, ended]);
  if (Array.isArray(first)) return { code: first[0], log: log() };
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM');
    return (await ended)[0];
  };
  return {
    api: `http://127.0.0.1:${String(first.apiPort)}`,
    admin: `http://127.0.0.1:${String(first.adminPort)}`,
    log,
    pid: child.pid ?? 0,
    ended: ended.then(([code]) => code),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
};

/** One call of an endpoint. */
export const ask = async ({ api }: Served, path: string, token: string): Promise<{ status: number; body: any }> => {
  const response = await fetch(`${api}/v1/endpoints/${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
};

/** The dataset's line of /diagnostics. */
export const datasetOf = async ({ admin }: Served, name: string): Promise<any> => {
  const response = await fetch(`${admin}/diagnostics`, { headers: { authorization: `Bearer ${adminToken}` } });
  const report = (await response.json()) as any;
  return report.datasets.find((row: any) => row.dataset === name);
};

/** Waits for a condition; the error says what was waited for. The limit is no measure of anything: it bounds a hang on a machine that is slow. */
export const until = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + 120_000;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > end) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

export const isReady = async ({ admin }: Served): Promise<boolean> => (await fetch(`${admin}/ready`)).status === 200;
export const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'offloader-serve-'));

/** The usage example's resources, reading every second from a lake in this folder; the result is their folder. */
export const layOutUsage = async (folder: string): Promise<string> => {
  const config = join(folder, 'config');
  await cp(join(repository, 'examples/usage/resources'), config, { recursive: true });
  const file = join(config, 'dataset.yaml');
  const lake = `${pathToFileURL(join(folder, 'lake')).href}/`;
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('file:///demo/', lake).replace('interval: 2s', 'interval: 1s'));
  return config;
};

/** Puts a manifest in place as a producer should: whoever polls reads the old one or the new one, and never half of one. */
export const placeManifest = async (path: string, text: string): Promise<void> => {
  await writeFile(`${path}.next`, text);
  await rename(`${path}.next`, path);
};

/** Publishes the usage example's rows into the folder's lake. */
export const publishUsage = (folder: string, id: string, ...more: readonly string[]): Promise<Ran> =>
  offloader(['publish', 'examples/usage/data', '--dataset', 'usage', '--snapshot-id', id, '--out', join(folder, 'lake/usage'), ...more]);
