/** A real MinIO and a fake GCS with one bucket each: from PATH, else built from Go modules by e2e/cluster/tool (minutes the first time). */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { plainEnv, repository } from './run-offloader.ts';

export type Store = { readonly url: string; readonly env: Readonly<Record<string, string>>; readonly stop: () => Promise<void> };

const find = (tool: 'minio' | 'fake-gcs-server'): string | undefined => {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, tool));
  const found = onPath.find((file) => existsSync(file));
  if (found !== undefined) return found;
  try {
    const printed = execFileSync(join(repository, 'e2e/cluster/tool'), [tool], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return printed.trim().split('\n').at(-1);
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return undefined;
  }
};

type Program = {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly probe: string;
};
type Started = { readonly url: string; readonly stop: () => Promise<void> };

/** A port can be taken between asking for it and using it; a store that fails three times has another trouble. */
const attempts = 3;

/** Starts a store at a free port and waits until it answers. */
const start = async (programAt: (port: number, url: string) => Program): Promise<Started> => {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const { binary, args, env, probe } = programAt(port, url);
    const child = spawn(binary, args, { env: plainEnv(env), stdio: 'ignore' });
    const ended = once(child, 'exit');
    const isUp = (): Promise<boolean> =>
      fetch(probe).then(
        ({ status }) => status === 200,
        () => false,
      );
    let up = false;
    while (child.exitCode === null && !(up = await isUp())) await wait(100);
    if (up)
      return {
        url,
        stop: async () => {
          child.kill('SIGKILL');
          await ended;
        },
      };
  }
  throw new Error(`no store came up in ${String(attempts)} attempts`);
};

/** MinIO on a folder, with the bucket `lake`; undefined on a machine that cannot have it. */
export const startMinio = async (folder: string): Promise<Store | undefined> => {
  const binary = find('minio');
  if (binary === undefined) return undefined;
  await mkdir(join(folder, 'lake'), { recursive: true });
  const env = { MINIO_ROOT_USER: 'tester', MINIO_ROOT_PASSWORD: 'tester-secret' };
  const { url, stop } = await start((port, at) => ({
    ...{ binary, env, probe: `${at}/minio/health/ready` },
    args: ['server', folder, '--address', `127.0.0.1:${port}`, '--quiet'],
  }));
  return {
    url,
    env: { AWS_ACCESS_KEY_ID: env.MINIO_ROOT_USER, AWS_SECRET_ACCESS_KEY: env.MINIO_ROOT_PASSWORD, AWS_REGION: 'us-east-1' },
    stop,
  };
};

/** A fake GCS on a folder, with the bucket `lake`; undefined on a machine that cannot have it. */
export const startGcs = async (folder: string): Promise<Store | undefined> => {
  const binary = find('fake-gcs-server');
  if (binary === undefined) return undefined;
  await mkdir(join(folder, 'lake'), { recursive: true });
  const { url, stop } = await start((port, at) => {
    const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-external-url', at];
    return { binary, args: [...where, '-filesystem-root', folder], env: {}, probe: `${at}/storage/v1/b/lake` };
  });
  return { url, env: { STORAGE_EMULATOR_HOST: url, GOOGLE_CLOUD_PROJECT: 'test' }, stop };
};
