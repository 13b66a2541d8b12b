// A whole gateway in this process over a lake in a folder: standalone, free ports, everything real.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Observation } from '../../src/domain/observation.ts';
import { type Gateway, parseSettings, startGateway, type StartOptions } from '../../src/index.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const object = (kind: string, name: string, spec: Record<string, unknown>) => ({
  apiVersion: 'offloader.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

export const visitsDataset = (url: string, spec: Record<string, unknown> = {}) =>
  object('Dataset', 'visits', {
    source: { manifest: { url }, interval: '1s' },
    schema: [
      { name: 'tenant_id', type: 'VARCHAR' },
      { name: 'day', type: 'DATE' },
      { name: 'visits', type: 'BIGINT' },
    ],
    tenantColumn: 'tenant_id',
    ...spec,
  });
export const endpoint = (name: string, spec: Record<string, unknown> = {}) =>
  object('Endpoint', name.replaceAll('_', '-'), {
    name,
    datasetRef: { name: 'visits' },
    tenant: { column: 'tenant_id' },
    params: [{ name: 'from', type: 'date' }, { name: 'to', type: 'date' }],
    query: {
      select: [{ as: 'day', column: 'day' }, { as: 'visits', column: 'visits', agg: 'sum' }, { as: 'rows', column: 'visits', agg: 'count' }],
      filters: [{ column: 'day', op: 'gte', param: 'from' }, { column: 'day', op: 'lte', param: 'to' }],
      groupBy: ['day'],
      orderBy: [{ column: 'day', dir: 'desc' }],
    },
    columns: ['day', 'visits', 'rows'],
    ...spec,
  }); // prettier-ignore
export const apiKey = (name: string, spec: Record<string, unknown> = {}) =>
  object('ApiKey', name, { tenant: name, endpoints: ['*'], hash: sha256(`${name}-token`), ...spec });

export type World = {
  readonly gateway: Gateway;
  readonly observed: readonly Observation[];
  readonly cacheDir: string;
  readonly configDir: string;
  /** Replaces the configuration folder's one file. */
  write(resources: readonly unknown[]): Promise<void>;
  get(path: string, token?: string | null, init?: RequestInit): Promise<Response>;
  admin(path: string, token?: string): Promise<Response>;
  stop(): Promise<void>;
  /** Stops and starts again on the same cache, as another version when one is named. */
  restart(version?: string): Promise<void>;
  end(): Promise<void>;
};

export const secretKeyBase = 'a secret of the tests that is long enough for them';

/**
 * What replaces a folder's one file: at once, as whoever reads it meanwhile must see all that was or all that is, and in the order of
 * its calls.
 */
export const manifestsOf = (folder: string): World['write'] => {
  const file = join(folder, 'all.yaml');
  let last: Promise<unknown> = Promise.resolve();
  return async (resources) => {
    const text = resources.map((one) => stringify(one)).join('---\n');
    const mine = last.then(async () => writeFile(`${file}.next`, text)).then(async () => rename(`${file}.next`, file));
    last = mine.catch(() => undefined);
    return mine;
  };
};

/** Removes a folder that somebody has used until now: a loader that was ended, or a file that goes in the background, may still be at it. */
export const removeUsed = async (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });

/** Starts a gateway and waits until it is ready. */
export const startWorld = async (
  resources: readonly unknown[],
  environment: Record<string, string> = {},
  options: StartOptions = {},
): Promise<World> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-world-'));
  const [configDir, cacheDir] = [join(folder, 'config'), environment['OFFLOADER_CACHE_DIR'] ?? join(folder, 'cache')];
  await mkdir(configDir);
  const observed: Observation[] = [];
  const write = manifestsOf(configDir);
  const start = async (version = 'test'): Promise<Gateway> => {
    const settings = parseSettings({
      OFFLOADER_CONFIG: configDir,
      OFFLOADER_CACHE_DIR: cacheDir,
      OFFLOADER_API_PORT: '0',
      OFFLOADER_ADMIN_PORT: '0',
      OFFLOADER_ADMIN_TOKEN: 'admin-token',
      OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
      OFFLOADER_DUCKDB_THREADS: '2',
      ...environment,
    });
    if (!settings.ok) throw new Error(settings.error);
    return startGateway(settings.value, { observe: (event) => observed.push(event), version, ...options });
  };
  await write(resources);
  let gateway = await start();
  const world: World = {
    get gateway() {
      return gateway;
    },
    observed,
    cacheDir,
    configDir,
    write,
    get: async (path, token = null, init = {}) =>
      fetch(`http://127.0.0.1:${gateway.apiPort}${path}`, {
        ...init,
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(init.headers as Record<string, string>) },
      }),
    admin: async (path, token) =>
      fetch(`http://127.0.0.1:${gateway.adminPort}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    stop: async () => gateway.stop(),
    restart: async (version) => {
      await gateway.stop();
      gateway = await start(version);
    },
    end: async () => {
      await gateway.stop();
      await removeUsed(folder);
    },
  };
  await until(async () => (await world.admin('/ready')).status === 200);
  return world;
};

/** Awaits a condition; a test's own timeout ends a wait that is in vain. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
};
