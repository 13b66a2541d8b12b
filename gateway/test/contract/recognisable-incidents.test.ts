// The contract's "Alerts, dashboard", its last sentence: each incident is brought about in a gateway of its own, and what is seen of it
// (the metrics page and /diagnostics, nothing else) is held against the signs of all incidents.
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type IncidentClass, likelyOwner, type Report } from '@offloader/contract';
import { parseSettings, startGateway } from '../../src/index.ts';
import { valueOf } from '../support/exposition.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';
import { mountTmpfs, unmount } from '../support/mounts.ts';
import { standingReader } from '../support/standing-reader.ts';

/** Null where nobody answers. */
type Seen = { readonly page: string; readonly report: Report; /** The admin port's page for people. */ readonly front: string } | null;
type Sign = (seen: Seen) => boolean;
type State = { readonly see: () => Promise<Seen>; readonly end: () => Promise<void> };

let lake: Lake;
const healthyVersion = 'test';
const fresh = (): string => new Date().toISOString();
const rows = { params: [], query: { select: [{ as: 'note', column: 'note' }] }, columns: ['note'], pagination: { defaultLimit: 1, maxLimit: 20_000 }, cache: { policy: 'None' } }; // prettier-ignore
const schema = ['tenant_id', 'day', 'visits', 'note'].map((name, n) => ({ name, type: ['VARCHAR', 'DATE', 'BIGINT', 'VARCHAR'][n] }));
const select = (n: number): string => `SELECT *, repeat(md5(random()::VARCHAR), 30) AS note FROM (${visits(n, 40_000)})`;
const resources = (dataset: Record<string, unknown> = {}, url = lake.url) => [
  visitsDataset(url, { schema, snapshot: { keep: 1 }, ...dataset }),
  endpoint('daily', { freshness: { maxStaleness: '100h' } }),
  endpoint('rows', rows),
  apiKey('acme'),
  apiKey('narrow', { tenant: undefined }),
];

const seeing = (world: World) => async (): Promise<Seen> => {
  const page = await (await world.admin('/metrics')).text();
  const report = (await (await world.admin('/diagnostics', 'admin-token')).json()) as Report;
  return { page, report, front: await (await world.admin('/')).text() };
};
const started = async (some: readonly unknown[] = resources(), environment: Record<string, string> = {}): Promise<State & { readonly world: World }> => {
  const world = await startWorld(some, { OFFLOADER_POOL_SIZE: '1', OFFLOADER_QUERY_TIMEOUT: '10m', ...environment });
  return { world, see: seeing(world), end: world.end };
}; // prettier-ignore
/** A state over a lake of its own. */
const withLake = async (work: (own: Lake) => Promise<State>): Promise<State> => {
  const own = await createLake();
  await own.publish('a1', select(1), { watermark: fresh() });
  const state = await work(own);
  return { see: state.see, end: async () => state.end().then(own.remove) };
};
const many = async (work: () => Promise<unknown>): Promise<void> => void (await Promise.all(Array.from({ length: 12 }, work)));

const metric = (seen: Seen, name: string, labels: Record<string, string> = {}): number | undefined =>
  seen === null ? undefined : valueOf(seen.page, `offloader_${name}`, labels);
const dataset = { dataset: 'visits' };
const has = (seen: Seen, name: IncidentClass): boolean => seen?.report.incidents.some((incident) => incident.class === name) ?? false;
const visitsOf = (seen: Seen) => seen?.report.datasets.find((one) => one.dataset === 'visits');

type Incident = readonly [name: string, sign: Sign, bringAbout: () => Promise<State>];
const incidents: readonly Incident[] = [
  ['start failure', (seen) => metric(seen, 'up') === undefined, async () => {
    const configDir = await mkdtemp(join(tmpdir(), 'offloader-empty-'));
    const settings = parseSettings({ OFFLOADER_CONFIG: configDir, OFFLOADER_CACHE_DIR: join(configDir, 'cache'), OFFLOADER_SECRET_KEY_BASE: 'x'.repeat(32), OFFLOADER_API_PORT: '0', OFFLOADER_ADMIN_PORT: '0' });
    if (!settings.ok) throw new Error(settings.error);
    await expect(startGateway({ ...settings.value, configDir: join(configDir, 'gone') }, { observe: () => undefined })).rejects.toThrow();
    return { see: async () => null, end: async () => rm(configDir, { recursive: true, force: true }) };
  }],
  ['source unreachable', (seen) => metric(seen, 'source_reachable', dataset) === 0 && has(seen, 'source_unreachable'), async () => started(resources({}, 'https://127.0.0.1:1/manifest.json'))],
  ['bad manifest', (seen) => metric(seen, 'refresh_ok', dataset) === 0 && visitsOf(seen)?.manifest_valid === false && has(seen, 'refresh_rejected'), async () => withLake(async (own) => {
    const state = await started(resources({}, own.url));
    await own.publish('a2', select(2), { change: (manifest) => (manifest['row_count'] = 'many') });
    return state;
  })],
  ['stale', (seen) => metric(seen, 'snapshot_stale', dataset) === 1 && has(seen, 'dataset_stale'), async () => withLake(async (own) => {
    await own.publish('a2', select(2), { watermark: '2026-01-01T00:00:00Z' });
    return started(resources({}, own.url));
  })],
  ['DuckDB corrupt', (seen) => visitsOf(seen)?.cache_healthy === false && has(seen, 'duckdb_failure'), async () => {
    const state = await started();
    const [file] = (await readdir(state.world.cacheDir, { recursive: true })).filter((name) => name.endsWith('data.duckdb'));
    const path = join(state.world.cacheDir, file ?? '');
    await truncate(path, (await stat(path)).size / 2);
    void state.world.get('/v1/endpoints/rows.csv?limit=20000', 'acme-token').then(async (answer) => answer.text()).catch(() => undefined);
    return state;
  }],
  ['disk full', (seen) => (metric(seen, 'cache_disk_free_bytes') ?? Infinity) < 2 ** 30 && has(seen, 'cache_disk_low'), async () => {
    const volume = await mkdtemp(join(tmpdir(), 'offloader-small-'));
    mountTmpfs(volume, 2 ** 28);
    const remove = async (): Promise<void> => {
      unmount(volume);
      await rm(volume, { recursive: true, force: true });
    };
    try {
      const state = await started(resources(), { OFFLOADER_CACHE_DIR: volume });
      return { see: state.see, end: async () => state.end().then(remove) };
    } catch (error) {
      await remove();
      throw error;
    }
  }],
  ['pool busy', (seen) => metric(seen, 'pool_busy') === metric(seen, 'pool_connections') && has(seen, 'pool_busy'), async () => {
    const state = await started();
    const reader = await standingReader(state.world.gateway.apiPort, '/v1/endpoints/rows.csv?limit=20000', 'acme-token');
    return { see: state.see, end: async () => {
      reader.leave();
      await state.end();
    } };
  }],
  ['key misconfig', (seen) => (metric(seen, 'auth_failures_total', { reason: 'unknown' }) ?? 0) > 9 && has(seen, 'auth_misconfiguration'), async () => {
    const state = await started();
    await many(async () => state.world.get('/v1/endpoints/daily', 'another'));
    return state;
  }],
  ['tenant misconfig', (seen) => (metric(seen, 'auth_failures_total', { reason: 'not_granted' }) ?? 0) > 9 && has(seen, 'auth_misconfiguration'), async () => {
    const state = await started();
    await many(async () => state.world.get('/v1/endpoints/daily', 'narrow-token'));
    return state;
  }],
  ['image rollback', (seen) => seen !== null && metric(seen, 'build_info', { version: healthyVersion, config_revision: seen.report.config_revision ?? '' }) === undefined && seen.report.build_version === 'older', async () => {
    const state = await started();
    await state.world.restart('older');
    return state;
  }],
  ['snapshot rollback', (seen) => visitsOf(seen)?.quarantined.some(({ snapshot_id: id }) => id === 'a2') === true && metric(seen, 'snapshot_info', { ...dataset, snapshot_id: 'a1' }) === 1, async () => withLake(async (own) => {
    const state = await started(resources({}, own.url));
    await own.publish('a2', select(2), { watermark: fresh() });
    await until(async () => metric(await state.see(), 'snapshot_info', { ...dataset, snapshot_id: 'a2' }) === 1);
    await state.world.write(resources({ snapshot: { keep: 1, blocked: ['a2'] } }, own.url));
    return state;
  })],
  ['cache rebuild', (seen) => visitsOf(seen)?.rebuilt === 'again' && (metric(seen, 'refresh_attempts_total', { ...dataset, status: 'ok' }) ?? 0) > 1, async () => {
    const state = await started();
    await state.world.write(resources({ cache: { rebuild: 'again' } }));
    return state;
  }],
]; // prettier-ignore

describe('Each runbook incident (start failure, source unreachable, bad manifest, stale, DuckDB corrupt, disk full, pool busy, key/tenant misconfig, image rollback, snapshot rollback, cache rebuild) is recognisable from these metrics/diagnostics alone.', () => {
  beforeAll(async () => {
    lake = await createLake();
    await lake.publish('a1', select(1), { watermark: fresh() });
  });
  afterAll(async () => lake.remove());
  /** The incidents whose signs are there. */
  const recognised = (seen: Seen): readonly string[] => incidents.filter(([, sign]) => sign(seen)).map(([name]) => name);

  test('a healthy gateway shows none', async () => {
    const healthy = await started();
    await (await healthy.world.get('/v1/endpoints/daily', 'acme-token')).arrayBuffer();
    expect(recognised(await healthy.see())).toEqual([]);
    await healthy.end();
  });

  /** Whose it is, why, what to do, where it is written and whom to call: in `incidents[]`, and but for the why on the page. */
  const expectTriage = ({ report, front }: NonNullable<Seen>): void => {
    const cells = front.replaceAll(/&#(\d+);/g, (_mark, code: string) => String.fromCharCode(Number(code)));
    for (const { class: of, owner, evidence, action, runbook, escalate } of report.incidents) {
      expect([of, owner]).toEqual([of, of === 'refresh_failed' ? expect.any(String) : likelyOwner[of]]);
      expect([evidence.length > 0, ...evidence.map((one) => one !== '')]).not.toContain(false);
      for (const told of [of, owner, action, runbook, escalate]) expect(cells).toContain(`<td>${told}</td>`);
      expect(readFileSync(new URL(`../../../${runbook}`, import.meta.url), 'utf8')).toContain(`\`${of}\``);
    }
  };

  for (const [name, sign, bringAbout] of incidents)
    (name === 'disk full' ? requiring('mounts').test : test)(`${name}, and no other`, async () => {
      const state = await bringAbout();
      try {
        let seen = await state.see();
        while (!sign(seen)) seen = await state.see();
        expect(recognised(seen)).toEqual([name]);
        if (seen !== null) expectTriage(seen);
      } finally {
        await state.end();
      }
    });
});
