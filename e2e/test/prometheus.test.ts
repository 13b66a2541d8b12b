// The contract's "Alerts, dashboard", the dashboard: a real Prometheus scrapes a real gateway, and every panel and alert is asked of it.
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limitedKey, orderResources, type Standalone, startStandalone } from '../tests/support/standalone.ts';
import { describeChart, find, helm, named, render } from './support/chart.ts';
import { describePrometheus, type Prometheus, promtool, type Series, startPrometheus } from './support/prometheus.ts';

type Panel = { readonly title: string; readonly type: string; readonly gridPos: Record<'x' | 'y' | 'w' | 'h', number>; readonly targets?: readonly { readonly expr: string }[] }; // prettier-ignore
type Dashboard = {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[] };
};
const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const dashboard = JSON.parse(read('helm/offloader/files/dashboard.json')) as Dashboard;
const targets = dashboard.panels.flatMap(({ title, targets: all }) => (all ?? []).map(({ expr }) => [title, expr] as const));
/** As Grafana would send it, with All chosen everywhere. */
const asked = (expr: string): string => expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(namespace|job|dataset|endpoint)/g, '.*');
const expressions = (title: string): string => targets.filter(([of]) => of === title).map(([, expr]) => expr).join(' '); // prettier-ignore
const documented = new Set([...read('docs/observability.md').matchAll(/^\| `(offloader_\w+)`/gm)].map(([, name]) => name));
/** Histograms are asked by their parts. */
const metricsIn = (text: string): readonly string[] =>
  [...text.matchAll(/\boffloader_[a-z_]+[a-z]\b/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
/** Bounds a hang, below what Jest gives a test. */
const patienceMs = 240_000;
const until = async (condition: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + patienceMs;
  while (!(await condition()) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
};

type OperatorPage = { readonly host: string; readonly close: () => void };
/** What an operator with a Dataset that is not Ready says, as far as the dashboard asks it; the names are held against the docs below. */
const startOperatorPage = async (): Promise<OperatorPage> => {
  const server = createServer((_request, response) => {
    const lines = [
      'offloader_operator_leader 1',
      `offloader_operator_last_config_turn_timestamp_seconds ${Date.now() / 1000}`,
      'offloader_operator_objects{kind="Dataset",ready="False",reason="MissingFile"} 1',
    ];
    response.end(`${lines.join('\n')}\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
};

describePrometheus('a Prometheus that scrapes a gateway', () => {
  let gateway: Standalone;
  let prometheus: Prometheus;
  let operatorPage: OperatorPage;
  let alerts: readonly { readonly alert: string; readonly expr: string }[] = [];
  /** What an expression of the dashboard shows, as soon as it shows something. */
  const shown = async (expr: string): Promise<readonly Series[]> => {
    let series: readonly Series[] = [];
    await until(async () => (series = await prometheus.query(asked(expr))).length > 0);
    return series;
  };
  const ask = async (path: string, token: string): Promise<number> =>
    (await fetch(`${gateway.apiUrl}/v1/endpoints/${path}`, { headers: { authorization: `Bearer ${token}` } })).status;
  /** Something of everything that a panel shows; a limit that was not asked for before is a miss of the cache. */
  const use = async (limit: number): Promise<void> => {
    for (let n = 0; n < 2; n += 1) await ask(`orders_list?limit=${limit}`, 'acme-token');
    for (const path of ['orders_by_day', 'orders_total', 'orders_total']) await ask(path, 'beta-token');
    await ask('orders_total', 'nobody');
    await ask('orders_total', 'limited-token');
  };

  beforeAll(async () => {
    gateway = await startStandalone();
    operatorPage = await startOperatorPage();
    await gateway.write([...orderResources(gateway.lakeUrl), limitedKey('limited')]);
    await until(async () => (await ask('orders_total', 'limited-token')) === 200);
    await use(1);
    const groups = helm === undefined ? [] : (find(await render({ 'prometheusRule.enabled': 'true' }), 'PrometheusRule', 'offloader').spec as any).groups; // prettier-ignore
    alerts = groups.flatMap((group: any) => group.rules);
    const labels = { namespace: 'team', pod: 'offloader-gateway-0' };
    const job = { job_name: 'offloader-gateway-admin', static_configs: [{ targets: [new URL(gateway.adminUrl).host], labels }] };
    const operator = {
      job_name: 'offloader-operator',
      static_configs: [{ targets: [operatorPage.host], labels: { namespace: 'team', pod: 'offloader-operator-7d9f-x' } }],
    };
    // A scrape may take as long as the time to the next one: a busy machine needs some.
    const often = { scrape_interval: '3s', evaluation_interval: '1s' };
    prometheus = await startPrometheus({ global: often, scrape_configs: [job, operator] }, { groups });
    // Two scrapes with use in between, so that rates have something to say.
    await until(async () => (await prometheus.query('offloader_requests_total')).length > 0);
    await use(2);
    const answered = (cache: string): string => `max(rate(offloader_request_duration_seconds_count{cache="${cache}"}[1m]))`;
    for (const cache of ['hit', 'miss', 'off']) await until(async () => Number((await prometheus.query(answered(cache)))[0]?.value[1]) > 0);
  });
  afterAll(async () => {
    await prometheus.end();
    operatorPage.close();
    await gateway.end();
  });

  test('reads the page without a complaint, every family with its help and type', async () => {
    const targetsNow = async () =>
      (await prometheus.api('targets')).activeTargets.map(({ health, lastError }: any) => [health, lastError] as const);
    await until(async () => (await targetsNow()).every(([health]: readonly [string]) => health === 'up'));
    expect(await targetsNow()).toEqual([
      ['up', ''],
      ['up', ''],
    ]);
    const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    // Lint is about names; those of prom-client itself are not ours.
    const ours = page.split('\n').filter((line) => /^(# (HELP|TYPE) )?offloader_/.test(line)); // prettier-ignore
    expect(await promtool(['check', 'metrics'], `${ours.join('\n')}\n`)).toBe('');
    const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => [name, type]);
    let metadata: Record<string, readonly { type: string; help: string }[]> = {};
    // What is new on the page is in its next scrape.
    await until(async () => {
      metadata = await prometheus.api('metadata');
      return types.every(([name = '']) => metadata[name] !== undefined);
    });
    expect(types.map(([name = '']) => [name, metadata[name]?.[0]?.type])).toEqual(types);
  });

  test('finds every rule sound and no alert of a healthy gateway', async () => {
    const active = async (): Promise<readonly string[]> =>
      (await prometheus.api('alerts')).alerts.map(({ labels }: any) => labels.alertname);
    const rules = async () => (await prometheus.api('rules')).groups.flatMap(({ rules: all }: any) => all);
    await until(async () => (await rules()).every(({ health }: any) => health === 'ok'));
    expect((await rules()).map(({ name }: any) => name)).toEqual(alerts.map(({ alert }) => alert));
    // Rules that were asked before the first scrape found no gateway.
    await until(async () => !(await active()).includes('OffloaderDown'));
    // The orders are older than they may be.
    await until(async () => !(await active()).some((name) => name.startsWith('OffloaderOperator')));
    const objects = helm === undefined ? [] : ['OffloaderObjectsNotReady', 'OffloaderSnapshotStale'];
    // A scrape that came too late leaves others pending until the next one.
    await until(async () => (await active()).toSorted().join() === objects.join());
    expect((await active()).toSorted()).toEqual(objects);
  });

  describe('Dashboard: ready, DuckDB up, disk free, snapshot age by dataset, refresh_ok + source_reachable by dataset.', () => {
    test.each([
      ['Ready replicas', /offloader_ready/],
      ['DuckDB up', /offloader_duckdb_up/],
      ['Disk free on each cache volume', /offloader_cache_disk_free_bytes/],
      ['Age of the data by dataset', /by \(dataset\) \(offloader_snapshot_age_seconds/],
      ['Last refresh ok by dataset', /by \(dataset\) \(offloader_refresh_ok/],
      ['Source reachable by dataset', /by \(dataset\) \(offloader_source_reachable/],
    ])('%s', async (title, metric) => {
      expect(expressions(title)).toMatch(metric);
      const series = await shown(targets.find(([of]) => of === title)?.[1] ?? '');
      expect(series).toHaveLength(1);
      if (title.endsWith('by dataset')) expect(series[0]?.metric).toEqual({ dataset: 'orders' });
    });
  });

  test('Also request rate, latency quantiles, pool, cache hit, sync.', async () => {
    expect(expressions('Requests by outcome')).toMatch(/rate\(offloader_requests_total/);
    expect(expressions('Latency').match(/histogram_quantile\(0\.\d+/g)).toEqual(['histogram_quantile(0.5', 'histogram_quantile(0.95', 'histogram_quantile(0.99']); // prettier-ignore
    expect(expressions('Pool')).toMatch(/offloader_pool_busy.* .*offloader_pool_connections/);
    // A rate is of the last minute, and that may have passed since.
    await use(3);
    let hits = NaN;
    await until(async () => {
      hits = Number((await shown(expressions('Cache hits of all answers that may be cached')))[0]?.value[1]);
      return hits > 0;
    });
    expect(hits).toBeGreaterThan(0);
    expect(hits).toBeLessThan(1);
    expect((await shown(expressions('Configuration in sync')))[0]?.value[1]).toBe('1');
  });

  test.each(targets)('the panel %s shows something: %s', async (_title, expr) => {
    expect((await shown(expr)).length).toBeGreaterThan(0);
  });

  test.each(dashboard.templating.list.filter(({ type }) => type === 'query').map(({ name, definition }) => [name, definition ?? '']))(
    'the choice of %s has members',
    async (_name, definition) => {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
      expect((await prometheus.api(`label/${label}/values`, { 'match[]': asked(selector) })).length).toBeGreaterThan(0);
    },
  );
});

describe('metrics that people are told of', () => {
  test.each(['helm/offloader/files/dashboard.json', 'helm/offloader/files/alerts.yaml', ...readdirSync(new URL('runbooks/', root)).map((page) => `runbooks/${page}`)])(
    'in %s are metrics that there are',
    (path) => {
      expect(metricsIn(read(path)).filter((name) => !documented.has(name))).toEqual([]);
    },
  ); // prettier-ignore

  test('in the dashboard: no panel lies on another', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)} ${y + Math.floor(n / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});

describeChart('the chart', () => {
  test('brings the dashboard where it is switched on, as Grafana looks for it', async () => {
    expect(named(await render(), 'ConfigMap')).toEqual([]);
    const on = await render({ 'dashboard.enabled': 'true', 'dashboard.annotations.grafana_folder': 'Data' });
    const { metadata, data } = find(on, 'ConfigMap', 'offloader-dashboard') as any;
    expect(metadata).toMatchObject({ labels: { grafana_dashboard: '1' }, annotations: { grafana_folder: 'Data' } });
    expect(JSON.parse(data['offloader.json'])).toEqual(dashboard);
    await expect(render({ 'dashboard.enable': 'true' })).rejects.toThrow(/schema/);
  });
});
