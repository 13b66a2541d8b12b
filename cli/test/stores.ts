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

type Started = {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly probe: string;
};

/** Starts a store and waits until it answers; the function ends it. */
const start = async ({ binary, args, env, probe }: Started): Promise<() => Promise<void>> => {
  const child = spawn(binary, args, { env: plainEnv(env), stdio: 'ignore' });
  const isUp = (): Promise<boolean> =>
    fetch(probe).then(
      ({ status }) => status === 200,
      () => false,
    );
  for (let tries = 0; tries < 300 && !(await isUp()); tries += 1) await wait(100);
  return async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
};

/** MinIO on a folder, with the bucket `lake`; undefined on a machine that cannot have it. */
export const startMinio = async (folder: string): Promise<Store | undefined> => {
  const binary = find('minio');
  if (binary === undefined) return undefined;
  const port = await freePort();
  await mkdir(join(folder, 'lake'), { recursive: true });
  const env = { MINIO_ROOT_USER: 'tester', MINIO_ROOT_PASSWORD: 'tester-secret' };
  const url = `http://127.0.0.1:${port}`;
  const args = ['server', folder, '--address', `127.0.0.1:${port}`, '--quiet'];
  const stop = await start({ binary, args, env, probe: `${url}/minio/health/ready` });
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
  const port = await freePort();
  await mkdir(join(folder, 'lake'), { recursive: true });
  const url = `http://127.0.0.1:${port}`;
  const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-external-url', url];
  const stop = await start({ binary, args: [...where, '-filesystem-root', folder], env: {}, probe: `${url}/storage/v1/b/lake` });
  return { url, env: { STORAGE_EMULATOR_HOST: url, GOOGLE_CLOUD_PROJECT: 'test' }, stop };
};
