// Standalone mode: the admin port, a stop under load, a gateway without keys.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';

describe('a standalone gateway', () => {
  let lake: Lake;
  let world: World;
  const daily = '/v1/endpoints/daily';
  const all = (...more: unknown[]) => [
    visitsDataset(lake.url),
    endpoint('daily', { freshness: { maxStaleness: '26h' } }),
    apiKey('acme'),
    ...more,
  ];
  const diagnostics = async (): Promise<any> => (await world.admin('/diagnostics', 'admin-token')).json();

  beforeEach(async () => {
    lake = await createLake();
    await lake.publish('a1', visits(1));
    world = await startWorld(all(), { OFFLOADER_POOL_SIZE: '32' });
  });
  afterEach(async () => {
    await world.end();
    await lake.remove();
  });

  test('tells probes, diagnostics and metrics what is true', async () => {
    expect(await (await world.admin('/live')).json()).toEqual({ status: 'ok' });
    expect(await (await world.admin('/ready')).json()).toEqual({ status: 'ok', ready: true });
    expect(await (await world.admin('/status')).json()).toEqual({ status: 'ok', service: 'offloader', version: 'test', ready: true });
    expect((await world.admin('/diagnostics')).status).toBe(401);
    expect((await world.admin('/diagnostics', 'wrong')).status).toBe(401);
    const report = await diagnostics();
    expect(report).toMatchObject({
      build_version: 'test',
      duckdb_status: 'ok',
      ready: true,
      pool: { connections: 32, saturated: false, remote_cap: 16 },
      config_sync: { enabled: true, sequence: 0 },
      datasets: [
        {
          dataset: 'visits',
          source: 'manifest',
          active_snapshot: { snapshot_id: 'a1', rows: 1000 },
          stale: true,
          source_reachable: true,
          manifest_valid: true,
        },
      ],
      incidents: [{ class: 'dataset_stale', dataset: 'visits', owner: 'UpstreamData', runbook: 'runbooks/dataset-stale.md' }],
    });
    await world.get(daily, 'acme-token');
    const page = await (await world.admin('/metrics')).text();
    for (const line of [
      'offloader_up 1',
      'offloader_ready 1',
      'offloader_duckdb_up 1',
      'offloader_pool_connections 32',
      'offloader_config_sync_enabled 1',
      'offloader_config_sync_ok 1',
      'offloader_snapshot_stale{dataset="visits"} 1',
      'offloader_refresh_ok{dataset="visits"} 1',
      'offloader_source_reachable{dataset="visits"} 1',
      'offloader_dataset_quality_warning{dataset="visits"} 0',
      'offloader_requests_total{endpoint="daily",status="ok"} 1',
    ])
      expect(page).toContain(`${line}\n`);
    expect(JSON.stringify(report) + page).not.toMatch(/acme-token|[0-9a-f]{64}"?:|beta/);
    expect(await (await world.admin('/')).text()).toContain('dataset_stale');
  });

  test('loses no request in flight when it is told to stop', async () => {
    const ask = async (first: number) =>
      Promise.all(Array.from({ length: 20 }, async (_, n) => (await world.get(`${daily}?limit=${first + n}`, 'acme-token')).status));
    // Connections are open by then: what is on its way is requests alone.
    await ask(1);
    const before = world.observed.length;
    const inFlight = ask(21);
    await until(() => world.observed.slice(before).some((event) => event.kind === 'request_ended'));
    const stopping = world.restart();
    expect(new Set(await inFlight)).toEqual(new Set([200]));
    await stopping;
  });
});

describe('a public gateway', () => {
  test('needs no key, ignores one, and may be cached by others', async () => {
    const lake = await createLake();
    await lake.publish('a1', visits(1));
    const world = await startWorld([visitsDataset(lake.url), endpoint('daily', { tenant: undefined })], { OFFLOADER_AUTH: 'none' });
    const response = await world.get('/v1/endpoints/daily', 'anything');
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'public, max-age=60, stale-while-revalidate=60']);
    expect((await world.get('/v1/endpoints/daily', null, { headers: { 'if-none-match': response.headers.get('etag')! } })).status).toBe(
      304,
    );
    expect((await world.get('/v1/endpoints/none')).status).toBe(404);
    await world.end();
    await lake.remove();
  });
});
