// The contract's "Environment and boot": what each variable does, seen from outside of processes of their own.
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseSettings } from '../../src/settings.ts';
import { valueOf } from '../support/exposition.ts';
import { apiKey, endpoint, removeUsed, secretKeyBase, until, visitsDataset } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { freePort } from '../support/stores.ts';

const ask = async (port: number, path: string, token: string | null = 'acme-token', headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: token === null ? headers : { authorization: `Bearer ${token}`, ...headers } });
const daily = async ({ apiPort }: GatewayProcess, query = ''): Promise<any> => (await ask(apiPort, `/v1/endpoints/daily${query}`)).json();

describe('Ports OFFLOADER_API_PORT 4000 and OFFLOADER_ADMIN_PORT 4001; others: OFFLOADER_CACHE_DIR, OFFLOADER_ADMIN_TOKEN (unset ⇒ /diagnostics fails closed, 503), OFFLOADER_LOG_LEVEL, OFFLOADER_CORS_ORIGINS, OFFLOADER_POOL_SIZE, OFFLOADER_REMOTE_SCAN_CONCURRENCY, OFFLOADER_DUCKDB_THREADS, OFFLOADER_DUCKDB_MEMORY_LIMIT, OFFLOADER_CACHE_MAX_ENTRIES, OFFLOADER_CACHE_MAX_BYTES, OFFLOADER_QUERY_TIMEOUT.', () => {
  let folder: string;
  let lake: Lake;
  let plain: GatewayProcess;
  let tuned: GatewayProcess;
  let ports: readonly number[];
  const origin = 'https://app.example';
  /** Of Node.js, which would follow the size of the pool. */
  const sameThreads = { UV_THREADPOOL_SIZE: '4' };
  /** Enough to start with. */
  const required = { OFFLOADER_SECRET_KEY_BASE: secretKeyBase, OFFLOADER_CONFIG: tmpdir() };
  const resources = () => [
    visitsDataset(lake.url),
    endpoint('daily'),
    endpoint('days', { query: { select: [{ as: 'day', column: 'day' }] }, columns: ['day'], params: [] }),
    endpoint('uncached', { cache: { policy: 'None' } }),
    apiKey('acme'),
  ];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-environment-'));
    lake = await createLake();
    await lake.publish('a1', visits(1, 300_000));
    ports = [await freePort(), await freePort()];
    [plain, tuned] = await Promise.all([
      startProcess(resources(), { OFFLOADER_DUCKDB_THREADS: '1', ...sameThreads }),
      startProcess(resources(), {
        OFFLOADER_API_PORT: String(ports[0]),
        OFFLOADER_ADMIN_PORT: String(ports[1]),
        OFFLOADER_CACHE_DIR: join(folder, 'elsewhere'),
        OFFLOADER_ADMIN_TOKEN: 'admin-token',
        OFFLOADER_LOG_LEVEL: 'debug',
        OFFLOADER_CORS_ORIGINS: origin,
        OFFLOADER_POOL_SIZE: '5',
        OFFLOADER_REMOTE_SCAN_CONCURRENCY: '3',
        OFFLOADER_DUCKDB_THREADS: '6',
        ...sameThreads,
        OFFLOADER_CACHE_MAX_ENTRIES: '2',
        OFFLOADER_CACHE_MAX_BYTES: '2000',
      }),
    ]);
  });
  afterAll(async () => {
    await plain.end();
    await tuned.end();
    await lake.remove();
    await removeUsed(folder);
  });
  const metric = async ({ adminPort }: GatewayProcess, name: string): Promise<number | undefined> =>
    valueOf(await (await ask(adminPort, '/metrics', null)).text(), `offloader_${name}`);
  const both = async <T>(look: (gateway: GatewayProcess) => Promise<T>): Promise<readonly T[]> => [await look(plain), await look(tuned)];

  test('the ports', async () => {
    expect(parseSettings(required)).toMatchObject({ value: { apiPort: 4000, adminPort: 4001 } });
    expect([tuned.apiPort, tuned.adminPort]).toEqual(ports);
    expect([(await ask(ports[0]!, '/healthz', null)).status, (await ask(ports[1]!, '/live', null)).status]).toEqual([200, 200]);
  });

  test('the folder of the cache', async () => {
    const lying = async (): Promise<readonly string[]> => readdir(join(folder, 'elsewhere'));
    await until(async () => (await lying()).includes('index.json'));
    expect(await lying()).toContain('snapshots');
  });

  test('the admin token: without one /diagnostics is closed to everybody', async () => {
    for (const token of [null, '', 'admin-token', 'undefined', 'null']) expect((await ask(plain.adminPort, '/diagnostics', token)).status).toBe(503);
    const statuses = [null, 'another', 'admin-token'].map(async (token) => (await ask(tuned.adminPort, '/diagnostics', token)).status);
    expect(await Promise.all(statuses)).toEqual([401, 401, 200]);
  }); // prettier-ignore

  test('the level of the log', async () => {
    for (const { apiPort } of [plain, tuned]) expect((await ask(apiPort, '/v1/endpoints/daily', 'another')).status).toBe(401);
    const failures = ({ lines }: GatewayProcess): number => lines.filter((line) => line.includes('"kind":"auth_failed"')).length;
    await until(() => failures(tuned) === 1);
    expect(failures(plain)).toBe(0);
  });

  test('the origins', async () => {
    const allowed = async ({ apiPort }: GatewayProcess) =>
      (await ask(apiPort, '/v1/endpoints/daily', 'acme-token', { origin })).headers.get('access-control-allow-origin');
    expect(await both(allowed)).toEqual([null, origin]);
  });

  test('the pool, and what remote scans may have of it', async () => {
    expect(await both(async (gateway) => metric(gateway, 'pool_connections'))).toEqual([16, 5]);
    expect(((await (await ask(tuned.adminPort, '/diagnostics', 'admin-token')).json()) as any).pool.remote_cap).toBe(3);
  });

  requiring('proc').test('the threads of the engine', async () => {
    const threads = async ({ child }: GatewayProcess): Promise<number> => (await readdir(`/proc/${child.pid}/task`)).length;
    const [few = 0, many = 0] = await both(threads);
    expect(many - few).toBe(5);
  });

  test('the memory of the engine', () => {
    // That the engine keeps to it is shown in pool-connections.test.ts.
    expect(parseSettings({ ...required, OFFLOADER_DUCKDB_MEMORY_LIMIT: '300MiB' })).toMatchObject({
      value: { duckdbMemoryLimit: '300MiB' },
    });
    expect(parseSettings(required)).toMatchObject({ value: { duckdbMemoryLimit: '1GiB' } });
  });

  test('the entries and the bytes of the cache', async () => {
    for (const limit of [1, 2, 3, 4]) await both(async (gateway) => daily(gateway, `?limit=${limit}`));
    expect(await both(async (gateway) => metric(gateway, 'cache_entries'))).toEqual([expect.any(Number), 2]);
    expect(await metric(plain, 'cache_entries')).toBeGreaterThan(3);
    // One answer that is more than all of it.
    const days = async ({ apiPort }: GatewayProcess): Promise<any> => (await ask(apiPort, '/v1/endpoints/days?limit=100')).json();
    for (const gateway of [plain, tuned]) expect((await days(gateway)).meta.cache).toBe('miss');
    expect(await both(async (gateway) => (await days(gateway)).meta.cache)).toEqual(['hit', 'miss']);
    expect(await metric(tuned, 'cache_bytes')).toBeLessThanOrEqual(2000);
  });

  test('the time that a query may take', async () => {
    const hasty = await startProcess(resources(), { OFFLOADER_QUERY_TIMEOUT: '1ms' });
    const statuses = async ({ apiPort }: GatewayProcess): Promise<readonly number[]> =>
      Promise.all(Array.from({ length: 8 }, async () => (await ask(apiPort, '/v1/endpoints/uncached')).status));
    let seen: readonly number[] = [];
    while (!seen.includes(504)) seen = await statuses(hasty);
    expect(new Set(await statuses(plain))).toEqual(new Set([200]));
    await hasty.end();
  });
});
