// The contract's "Admin port": probes, diagnostics and what they never say. Each test bears the sentence it proves.
import { truncateSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseSettings, startGateway } from '../../src/index.ts';
import { apiKey, endpoint, removeUsed, secretKeyBase, sha256, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';

let lake: Lake;
let world: World;
const daily = '/v1/endpoints/daily';
const named = (name: string, spec: Record<string, unknown>) => ({
  ...visitsDataset('file:///nowhere/manifest.json', spec),
  metadata: { name },
});
const all = (...more: unknown[]) => [
  visitsDataset(lake.url, { snapshot: { keep: 2, blocked: ['a0'] } }),
  endpoint('daily', { freshness: { maxStaleness: '26h' } }),
  endpoint('weekly', { freshness: { maxStaleness: '200h' } }),
  apiKey('acme'),
  ...more,
];
const diagnostics = async (of = world): Promise<any> => (await of.admin('/diagnostics', 'admin-token')).json();
const datasetReport = async (name = 'visits'): Promise<any> => (await diagnostics()).datasets.find(({ dataset }: any) => dataset === name);
const metric = async (line: string): Promise<boolean> => (await (await world.admin('/metrics')).text()).includes(`${line}\n`);

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld(all());
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

describe('Admin port', () => {
  test('/live 200 {status:"ok"} as long as the process runs, even with no snapshot.', async () => {
    const empty = await startWorld([named('lonely', {}), apiKey('acme')]);
    const live = await empty.admin('/live');
    expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
    expect((await diagnostics(empty)).datasets[0].active_snapshot).toBeNull();
    await empty.end();
  });

  describe('/ready {status:"ok",ready:bool}: 503 until every dataset of the configuration at boot has been tried once and those that can load have an active snapshot; after that one broken or new dataset never takes an otherwise serving pod out of rotation (it shows per dataset); 503 again when the engine is down or the pod drains.', () => {
    test('ready only when the one that can load has loaded, and the one that cannot has been tried', async () => {
      const watched = await startWorld(all(named('broken', {}), endpoint('lost', { datasetRef: { name: 'broken' } })));
      const states = watched.observed.map((event) => ('dataset' in event ? `${event.dataset} ${event.kind}` : event.kind));
      expect(states).toEqual(expect.arrayContaining(['broken refresh_ended', 'visits snapshot_swapped', 'visits refresh_ended']));
      expect(await (await watched.admin('/ready')).json()).toEqual({ status: 'ok', ready: true });
      await watched.end();
    });

    test('a broken and a new dataset show per dataset and leave the pod in rotation', async () => {
      await world.write(all(named('late', {}), endpoint('later', { datasetRef: { name: 'late' } })));
      await until(
        async () => (await datasetReport('late'))?.last_attempted !== undefined && (await datasetReport('late')).last_attempted !== null,
      );
      expect((await datasetReport('late')).refresh_error).toMatchObject({ code: 'missing_file', owner: 'UpstreamData' });
      expect((await world.admin('/ready')).status).toBe(200);
      await world.write(all());
      await until(async () => (await datasetReport('late')) === undefined);
    });

    test('a draining pod is 503 while it still answers', async () => {
      const leaving = await startWorld(all(), { OFFLOADER_DRAIN_DELAY: '4s' });
      const stopped = leaving.stop();
      const ready = await leaving.admin('/ready');
      expect([ready.status, await ready.json()]).toEqual([503, { status: 'not_ready', ready: false }]);
      expect((await leaving.get(daily, 'acme-token')).status).toBe(200);
      await stopped;
      await removeUsed(join(leaving.configDir, '..'));
    });
  });

  test('/status {status,service:"offloader",version,ready}.', async () => {
    expect(await (await world.admin('/status')).json()).toEqual({ status: 'ok', service: 'offloader', version: 'test', ready: true });
  });

  describe('/live /ready /status /metrics /docs /openapi.json /schema / open; /diagnostics needs Bearer admin token (constant-time).', () => {
    test.each(['/live', '/ready', '/status', '/metrics', '/docs', '/openapi.json', '/schema', '/'])('%s is open', async (path) => {
      expect((await world.admin(path)).status).toBe(200);
    });

    test.each([
      ['none', undefined],
      ['another', 'wrong'],
      ['an empty one', ''],
      ['a longer one', 'admin-token2'],
      ['a shorter one', 'admin-toke'],
      ['a very long one', 'x'.repeat(5000)],
    ])('/diagnostics refuses %s', async (_what, token) => {
      const refused = await world.admin('/diagnostics', token);
      expect([refused.status, refused.headers.get('www-authenticate'), await refused.json()]).toEqual([
        401,
        'Bearer',
        { error: 'unauthorized' },
      ]);
    });

    test('/diagnostics takes the token, and is never stored', async () => {
      const answer = await world.admin('/diagnostics', 'admin-token');
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    });
  });

  test('/diagnostics: build_version, config_revision, duckdb_status "ok"|"error", pool{connections,busy,saturated,remote_cap}, disk{cache_dir_free_bytes|null}, ready, config_sync{enabled:false} or {enabled,result,error,last_checked,last_applied,revision}, datasets[], incidents[] (see Triage).', async () => {
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    // It is told when what was applied has been kept on the volume.
    await until(async () => {
      const { config_sync: sync, config_revision: revision } = await diagnostics();
      return sync.revision === revision;
    });
    const report = await diagnostics();
    expect(report).toMatchObject({
      build_version: 'test',
      config_revision: expect.stringMatching(/^[0-9a-f]{64}$/),
      duckdb_status: 'ok',
      pool: { connections: 16, busy: expect.any(Number), saturated: false, remote_cap: 16 },
      ready: true,
      config_sync: {
        enabled: true,
        result: expect.stringMatching(/^(applied|unchanged)$/),
        error: null,
        last_checked: time,
        last_applied: time,
      },
      datasets: [{ dataset: 'visits' }],
      incidents: [
        {
          class: 'dataset_stale',
          dataset: 'visits',
          owner: 'UpstreamData',
          since: time,
          evidence: expect.arrayContaining([expect.stringContaining('watermark 2026-01-31')]),
          action: expect.any(String),
          runbook: 'runbooks/dataset-stale.md',
          escalate: expect.any(String),
        },
      ],
    });
    expect(report.disk.cache_dir_free_bytes).toBeGreaterThan(0);
    expect(report.config_sync.revision).toBe(report.config_revision);
  });

  test('datasets[]: dataset, source ("manifest"|"databricks"), active_snapshot{snapshot_id,watermark,age_seconds}|null, last_attempted{snapshot_id,status,at}|null, last_good{snapshot_id,at}|null, kept[snapshot_id], quarantined[{snapshot_id,at,reason}], refresh_error{code,path,message,owner}|null (only for rejected/failed), rebuilt token, source_reachable bool|null, manifest_valid bool|null (true for ok/unchanged), stale bool|null.', async () => {
    await lake.publish('a2', visits(2));
    await until(async () => (await datasetReport()).active_snapshot?.snapshot_id === 'a2');
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(await datasetReport()).toMatchObject({
      dataset: 'visits',
      source: 'manifest',
      active_snapshot: { snapshot_id: 'a2', watermark: expect.stringContaining('2026-01-31T00:02'), age_seconds: expect.any(Number) },
      last_attempted: { snapshot_id: 'a2', status: expect.stringMatching(/^(ok|unchanged)$/), at: time },
      last_good: { snapshot_id: 'a2', at: time },
      kept: ['a1'],
      quarantined: [{ snapshot_id: 'a0', at: time, reason: 'blocked by snapshot.blocked' }],
      refresh_error: null,
      rebuilt: null,
      source_reachable: true,
      manifest_valid: true,
      stale: true,
    });
    await lake.publish('a3', visits(3), { change: (manifest) => (manifest['row_count'] = -1) });
    await until(async () => (await datasetReport()).last_attempted.status === 'rejected');
    expect(await datasetReport()).toMatchObject({
      active_snapshot: { snapshot_id: 'a2' },
      refresh_error: { code: 'invalid_value', path: 'row_count', message: expect.any(String), owner: 'UpstreamData' },
      manifest_valid: false,
      source_reachable: true,
    });
  });

  test('source_reachable: only what the last contact with the source said; a load or disk failure never reads as "source unreachable".', async () => {
    // Before the manifest is there: a poll may come at any time.
    await lake.publish('a4', visits(4), { change: () => truncateSync(lake.fileOf('a4'), 10) });
    await lake.publish('a5', visits(5), {
      change: (manifest) => {
        truncateSync(lake.fileOf('a5'), 10);
        (manifest['files'] as { size_bytes: number }[])[0]!.size_bytes = 10;
      },
    });
    await until(async () => (await datasetReport()).last_attempted.snapshot_id === 'a5');
    expect(await datasetReport()).toMatchObject({ last_attempted: { status: 'failed' }, source_reachable: true });
    expect(await metric('offloader_source_reachable{dataset="visits"} 1')).toBe(true);
  });

  test("stale in diagnostics/metrics: the tightest max_staleness of the dataset's endpoints, so alert and response agree.", async () => {
    // A watermark 100 hours old: over the 26 h of one endpoint, within the 200 h of the other.
    await lake.publish('a6', visits(6), { watermark: new Date(Date.now() - 100 * 3_600_000).toISOString() });
    await until(async () => (await datasetReport()).active_snapshot.snapshot_id === 'a6');
    const staleOf = async (name: string): Promise<unknown> =>
      ((await (await world.get(`/v1/endpoints/${name}`, 'acme-token')).json()) as any).meta.freshness.stale;
    expect([await staleOf('daily'), await staleOf('weekly')]).toEqual([true, false]);
    expect((await datasetReport()).stale).toBe(true);
    expect(await metric('offloader_snapshot_stale{dataset="visits"} 1')).toBe(true);
    await world.write([
      visitsDataset(lake.url, { snapshot: { keep: 2, blocked: ['a0'] } }),
      endpoint('weekly', { freshness: { maxStaleness: '200h' } }),
      apiKey('acme'),
    ]);
    await until(async () => (await datasetReport()).stale === false);
    expect(await metric('offloader_snapshot_stale{dataset="visits"} 0')).toBe(true);
    await world.write(all());
    await until(async () => (await datasetReport()).stale === true);
  });

  test('config_sync.result init|unchanged|applied|error; the error names the part and the finding, no secrets.', async () => {
    const secret = 'zz-not-a-hash-but-a-secret';
    await world.write(all(apiKey('other', { hash: secret })));
    await until(async () => (await diagnostics()).config_sync.result === 'error');
    const { error } = (await diagnostics()).config_sync;
    expect(error).toContain('ApiKey/other spec.hash');
    expect(error).not.toContain(secret);
    await world.write(all());
    await until(async () => ['applied', 'unchanged'].includes((await diagnostics()).config_sync.result));
  });

  test('Not started yet: /diagnostics and docs 503 {status:"not_ready",…}; /metrics still 200 with up 1, ready 0.', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'offloader-unstarted-'));
    await mkdir(join(folder, 'config'));
    const settings = parseSettings({
      OFFLOADER_CONFIG: join(folder, 'config'),
      OFFLOADER_CACHE_DIR: join(folder, 'cache'),
      OFFLOADER_API_PORT: '0',
      OFFLOADER_ADMIN_PORT: '0',
      OFFLOADER_ADMIN_TOKEN: 'admin-token',
      OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
    });
    if (!settings.ok) throw new Error(settings.error);
    const gateway = await startGateway(settings.value, { waitsForMount: true, observe: () => undefined });
    const ask = async (path: string) =>
      fetch(`http://127.0.0.1:${gateway.adminPort}${path}`, { headers: { authorization: 'Bearer admin-token' } });
    for (const path of ['/diagnostics', '/docs', '/openapi.json', '/schema']) {
      const answer = await ask(path);
      expect([path, answer.status, ((await answer.json()) as any).status]).toEqual([path, 503, 'not_ready']);
    }
    expect((await ask('/live')).status).toBe(200);
    const page = await (await ask('/metrics')).text();
    expect(page).toContain('offloader_up 1\n');
    expect(page).toContain('offloader_ready 0\n');
    await gateway.stop();
    await removeUsed(folder);
  });

  test('No key, hash, token, tenant list, credential or raw param in /diagnostics or /metrics, ever.', async () => {
    const canary = 'canary-value-of-a-request';
    for (const path of [`${daily}?from=${canary}`, `/v1/endpoints/${canary}`, `${daily}?${canary}=1`]) await world.get(path, 'acme-token');
    await world.get(daily, 'acme-token');
    await world.get(daily, `${canary}-token`);
    const told =
      JSON.stringify(await diagnostics()) + (await (await world.admin('/metrics')).text()) + (await (await world.admin('/')).text());
    expect(told).toContain('"id":"acme"');
    for (const secret of [canary, 'acme-token', sha256('acme-token'), 'admin-token', secretKeyBase, '"tenant"', 'tenant_id'])
      expect(told.includes(secret) ? secret : '').toBe('');
  });
});
