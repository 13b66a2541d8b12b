/** The real Prometheus: its programs, and a server that scrapes what it is told. Skipped by name where it cannot be had, except in CI. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from '@jest/globals';
import { stringify } from 'yaml';

const run = promisify(execFile);
const findPrograms = (): string | undefined => {
  try {
    const program = new URL('../../cluster/prometheus', import.meta.url).pathname;
    return execFileSync(program, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return undefined;
  }
};
const folder = findPrograms();
export const describePrometheus: typeof describe.skip = folder === undefined ? describe.skip : describe;

/** Runs promtool; its findings are the message of what it throws. */
export const promtool = async (args: readonly string[], input = ''): Promise<string> => {
  const running = run(join(folder ?? '', 'promtool'), [...args]);
  running.child.stdin?.end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`promtool ${args.join(' ')}:\n${stdout}\n${stderr}`, { cause: error });
  }
};

export type Series = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] };
export type Prometheus = {
  /** GET of its API; throws unless it says success. */
  api(path: string, query?: Readonly<Record<string, string>>): Promise<any>;
  query(expr: string): Promise<readonly Series[]>;
  end(): Promise<void>;
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

/** A port can be taken between asking for it and using it; a server that fails three times has another trouble. */
const attempts = 3;

/** The program, as soon as it is ready. */
const launch = async (home: string): Promise<{ readonly child: ChildProcess; readonly port: number }> => {
  const said: string[] = [];
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = await freePort();
    const child = spawn(
      join(folder ?? '', 'prometheus'),
      [`--config.file=${home}/prometheus.yaml`, `--storage.tsdb.path=${home}/data`, `--web.listen-address=127.0.0.1:${port}`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    child.stderr.on('data', (text: Buffer) => said.push(text.toString()));
    while (child.exitCode === null) {
      if ((await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => null))?.status === 200) return { child, port };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(said.join(''));
};

/** Starts a server on loopback with this configuration and rules, its data in a folder that goes when it ends. */
export const startPrometheus = async (config: object, rules: object): Promise<Prometheus> => {
  const home = await mkdtemp(join(tmpdir(), 'offloader-prometheus-'));
  await writeFile(join(home, 'rules.yaml'), stringify(rules));
  await writeFile(join(home, 'prometheus.yaml'), stringify({ ...config, rule_files: [join(home, 'rules.yaml')] }));
  const { child, port } = await launch(home);
  const exit = once(child, 'exit');
  const api = async (path: string, query: Readonly<Record<string, string>> = {}): Promise<any> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
    const answer = (await response.json()) as { status: string; error?: string; data: unknown };
    if (answer.status !== 'success') throw new Error(`${path} ${JSON.stringify(query)}: ${answer.error ?? response.status}`);
    return answer.data;
  };
  return {
    api,
    query: async (expr) => (await api('query', { query: expr })).result as readonly Series[],
    end: async () => {
      child.kill('SIGTERM');
      await exit;
      await rm(home, { recursive: true, force: true });
    },
  };
};
