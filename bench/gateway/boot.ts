/** The gateway as users run it: built, with the command of its image, a process of its own. */
import { execFile } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startNode } from '../child.ts';
import { freePort } from '../free-port.ts';
import { metric } from '../metric.ts';
import { secretKeyBase } from './parts.ts';
import type { World } from './world.ts';

export type Booted = {
  readonly url: string;
  /** From its start until /ready was 200. */
  readonly readyMs: number;
  metric(name: string): Promise<number>;
  end(): Promise<void>;
};

const root = new URL('../../', import.meta.url).pathname;
const pollMs = 100;

/** Brings gateway/dist up to date. */
export const buildGateway = async (): Promise<void> => {
  await promisify(execFile)(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', join(root, 'gateway')]);
};

/** What the image runs, after `node`. */
export const imageCommand = async (): Promise<readonly string[]> => {
  const [, command = '[]'] = /^CMD (\[.*\])$/m.exec(await readFile(join(root, 'Dockerfile.gateway'), 'utf8')) ?? [];
  const [node, ...args] = JSON.parse(command) as string[];
  const main = args.pop();
  if (node !== 'node' || main === undefined) throw new Error('Dockerfile.gateway runs something else');
  return [...args, join(root, main)];
};

/** Asks every 100 ms until the answer is 200; throws when it is over before that. */
export const untilReady = async (port: number, isOver: () => boolean): Promise<void> => {
  for (;;) {
    const status = await fetch(`http://127.0.0.1:${port}/ready`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    if (isOver()) throw new Error('the gateway has ended before it was ready');
    await pause(pollMs);
  }
};

/** Starts it on a world's cache, whatever is there, and waits until it is ready. */
export const boot = async ({ folder, configDir, cacheDir }: World): Promise<Booted> => {
  const [args, apiPort, adminPort] = [await imageCommand(), await freePort(), await freePort()];
  const log = await open(join(folder, 'gateway.log'), 'a');
  const startedMs = performance.now();
  const environment = {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    MALLOC_ARENA_MAX: '2',
    OFFLOADER_CONFIG: configDir,
    OFFLOADER_CACHE_DIR: cacheDir,
    OFFLOADER_API_PORT: String(apiPort),
    OFFLOADER_ADMIN_PORT: String(adminPort),
    OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
  };
  const { child, end } = startNode(args, environment, ['ignore', log.fd, log.fd]);
  await log.close();
  try {
    await untilReady(adminPort, () => child.exitCode !== null || child.signalCode !== null);
  } catch (error) {
    await end('SIGKILL');
    throw new Error(await readFile(join(folder, 'gateway.log'), 'utf8'), { cause: error });
  }
  return {
    url: `http://127.0.0.1:${apiPort}/v1/endpoints/`,
    readyMs: performance.now() - startedMs,
    metric: async (name) => metric(adminPort, name),
    end: async () => end('SIGTERM'),
  };
};
