// The contract's "Metrics (text/plain; version=0.0.4, HELP+TYPE each)": its gauges, of one gateway with datasets
// in every state; what a gateway cannot be brought to say in a test is asked of the page's maker itself. Requests are in
// metrics-of-requests.test.ts.
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseSettings, startGateway } from '../../src/index.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { apiKey, endpoint, removeUsed, secretKeyBase, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';

let lake: Lake;
let warned: Lake;
let world: World;
const of = (name: string, url: string, spec: Record<string, unknown> = {}) => ({ ...visitsDataset(url, spec), metadata: { name } });
const all = (...more: unknown[]) => [
  visitsDataset(lake.url),
  of('warned', warned.url),
  of('lost', 'file:///nowhere/manifest.json'),
  of('asleep', lake.url, { suspend: true }),
  endpoint('daily'),
  endpoint('old', { datasetRef: { name: 'warned' }, freshness: { maxStaleness: '1m' } }),
  apiKey('acme'),
  ...more,
];

beforeAll(async () => {
  [lake, warned] = [await createLake(), await createLake('warned')];
  await lake.publish('a1', visits(1));
  await warned.publish('w1', visits(1), { change: (manifest) => void (manifest['data_quality_status'] = 'warning') });
  world = await startWorld(all(), { OFFLOADER_POOL_SIZE: '2' });
});
afterAll(async () => {
  await world.end();
  await lake.remove();
  await warned.remove();
});

const pageOf = async (some = world): Promise<string> => (await some.admin('/metrics')).text();
const metric = async (name: string, labels: Record<string, string> = {}): Promise<number | undefined> =>
  valueOf(await pageOf(), `offloader_${name}`, labels);
const diagnostics = async (): Promise<any> => (await world.admin('/diagnostics', 'admin-token')).json();
/** What the page's maker says of a state that is like the real one but for `change`. */
const made = async (change: (report: any) => void, duckdbUp = true): Promise<string> => {
  const report = await diagnostics();
  change(report);
  return createMetrics().page({ report, duckdbUp, cache: { entries: 0, bytes: 0 }, endpoints: new Set() });
};

describe('Metrics (text/plain; version=0.0.4, HELP+TYPE each)', () => {
  test('the page', async () => {
    await (await world.get('/v1/endpoints/daily', 'acme-token')).arrayBuffer();
    const response = await world.admin('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    // Reading it fails at a sample without help and type before it.
    const families = parseExposition(await response.text());
    expect(families.filter(({ help, type }) => help === '' || !/^(counter|gauge|histogram|summary)$/.test(type))).toEqual([]);
    expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
  });

  describe('Gauges: offloader_up 1; offloader_ready; offloader_duckdb_up; offloader_build_info{version,config_revision} 1; offloader_pool_connections; offloader_pool_busy; offloader_cache_disk_free_bytes; offloader_config_sync_enabled; offloader_config_sync_ok (only when enabled; 0 iff last result is error).', () => {
    test('of a gateway that serves', async () => {
      const [{ config_revision: revision, disk }, page] = [await diagnostics(), await pageOf()];
      const values = ['up', 'ready', 'duckdb_up', 'pool_connections', 'pool_busy', 'config_sync_enabled', 'config_sync_ok'].map((name) => valueOf(page, `offloader_${name}`)); // prettier-ignore
      expect(values).toEqual([1, 1, 1, 2, 0, 1, 1]);
      expect(valueOf(page, 'offloader_build_info', { version: 'test', config_revision: revision })).toBe(1);
      const free = valueOf(page, 'offloader_cache_disk_free_bytes') ?? 0;
      expect(Math.abs(free - disk.cache_dir_free_bytes) / free).toBeLessThan(0.5);
    });

    test('of one that still waits for its configuration: up, not ready, and nothing claimed that is not known', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'offloader-starting-'));
      await mkdir(join(folder, 'config'));
      const settings = parseSettings({ OFFLOADER_CONFIG: join(folder, 'config'), OFFLOADER_CACHE_DIR: join(folder, 'cache'), OFFLOADER_API_PORT: '0', OFFLOADER_ADMIN_PORT: '0', OFFLOADER_SECRET_KEY_BASE: secretKeyBase }); // prettier-ignore
      if (!settings.ok) throw new Error(settings.error);
      const starting = await startGateway(settings.value, { waitsForMount: true, observe: () => undefined });
      const page = await (await fetch(`http://127.0.0.1:${starting.adminPort}/metrics`)).text();
      const gauges = parseExposition(page).filter(({ name, type }) => name.startsWith('offloader_') && type === 'gauge');
      expect(gauges.flatMap(({ samples }) => samples)).toEqual([
        { name: 'offloader_up', labels: {}, value: 1 },
        { name: 'offloader_ready', labels: {}, value: 0 },
      ]);
      await starting.stop();
      await removeUsed(folder);
    });

    test('of a configuration that cannot be applied, and of one that is never looked for', async () => {
      await world.write(all(apiKey('bad', { tenant: 7 })));
      await until(async () => (await metric('config_sync_ok')) === 0);
      expect((await diagnostics()).config_sync.result).toBe('error');
      await world.write(all());
      await until(async () => (await metric('config_sync_ok')) === 1);
      const disabled = await made((report) => (report.config_sync = { enabled: false }));
      expect(valueOf(disabled, 'offloader_config_sync_enabled')).toBe(0);
      expect(valueOf(disabled, 'offloader_config_sync_ok')).toBeUndefined();
    });

    test('of an engine that is down, a pool in use, a disk that cannot be asked', async () => {
      const page = await made((report) => {
        report.ready = false;
        report.pool.busy = 2;
        report.disk.cache_dir_free_bytes = null;
      }, false);
      const values = ['up', 'ready', 'duckdb_up', 'pool_busy', 'cache_disk_free_bytes'].map((name) => valueOf(page, `offloader_${name}`));
      expect(values).toEqual([1, 0, 0, 2, undefined]);
    });

    test('a disk that cannot be asked any more has no value left over', async () => {
      const report = await diagnostics();
      const metrics = createMetrics();
      const state = { report, duckdbUp: true, cache: { entries: 0, bytes: 0 }, endpoints: new Set<string>() };
      expect(valueOf(await metrics.page(state), 'offloader_cache_disk_free_bytes')).toBeGreaterThan(0);
      const unknown = { ...state, report: { ...report, disk: { cache_dir_free_bytes: null } } };
      expect(valueOf(await metrics.page(unknown), 'offloader_cache_disk_free_bytes')).toBeUndefined();
    });
  });

  describe('Per dataset label `dataset`: offloader_snapshot_age_seconds and offloader_snapshot_stale (absent without active snapshot), offloader_refresh_ok (1 for ok/unchanged, else 0 incl. never tried), offloader_source_reachable (absent when unknown), offloader_dataset_quality_warning.', () => {
    test.each([
      ['visits', { isAged: true, stale: 0, refreshOk: 1, reachable: 1, quality: 0 }],
      ['warned', { isAged: true, stale: 1, refreshOk: 1, reachable: 1, quality: 1 }],
      ['lost', { isAged: false, stale: undefined, refreshOk: 0, reachable: 1, quality: 0 }],
      ['asleep', { isAged: false, stale: undefined, refreshOk: 0, reachable: undefined, quality: 0 }],
    ])('%s', async (dataset, expected) => {
      const page = await pageOf();
      const [age, stale, refreshOk, reachable, quality] = ['snapshot_age_seconds', 'snapshot_stale', 'refresh_ok', 'source_reachable', 'dataset_quality_warning'].map((name) => valueOf(page, `offloader_${name}`, { dataset })); // prettier-ignore
      expect({ isAged: age !== undefined, stale, refreshOk, reachable, quality }).toEqual(expected);
      const report = (await diagnostics()).datasets.find((one: any) => one.dataset === dataset);
      if (age !== undefined) expect(Math.abs(report.active_snapshot.age_seconds - age)).toBeLessThan(60);
    });

    test('an age that is not known is absent, not nought', async () => {
      const page = await made((report) => (report.datasets.find(({ dataset }: any) => dataset === 'visits').active_snapshot.age_seconds = null)); // prettier-ignore
      expect(valueOf(page, 'offloader_snapshot_age_seconds', { dataset: 'visits' })).toBeUndefined();
      expect(valueOf(page, 'offloader_snapshot_stale', { dataset: 'visits' })).toBe(0);
    });

    test('a source that cannot be reached', async () => {
      const page = await made((report) => (report.datasets[0].source_reachable = false));
      expect(
        parseExposition(page)
          .find(({ name }) => name === 'offloader_source_reachable')!
          .samples.map(({ value }) => value),
      ).toContain(0);
    });
  });
});
