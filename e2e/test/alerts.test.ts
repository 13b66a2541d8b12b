// The contract's "Alerts, dashboard", the alerts: the set as it is promised, and each one firing and clearing in Prometheus' own tests.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { find, helm, render } from './support/chart.ts';
import { describePrometheus, promtool } from './support/prometheus.ts';

type Alert = {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};
const gateway = { namespace: 'team', job: 'offloader-gateway-admin', pod: 'offloader-gateway-0' };
const other = { ...gateway, pod: 'offloader-gateway-1' };
const operator = { namespace: 'team', pod: 'offloader-operator-7d9f-x' };
const braces = (labels: Readonly<Record<string, string>>): string =>
  `{${Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(',')}}`; // prettier-ignore

let alerts: readonly Alert[] = [];
let folder: string;
/** Stated in the words of the contract: expression without the release's own matchers, for, severity. */
const promised: Readonly<Record<string, readonly [string | null, string | null, string | null]>> = {
  Down: ['absent(offloader_up) or offloader_up != 1', '2m', 'critical'],
  NotReady: ['offloader_ready != 1', '5m', 'warning'],
  SnapshotStale: ['offloader_snapshot_stale == 1', '15m', 'warning'],
  RefreshFailing: ['offloader_refresh_ok == 0', '10m', 'warning'],
  SourceUnreachable: ['offloader_source_reachable == 0', '5m', 'warning'],
  DiskLow: [`offloader_cache_disk_free_bytes < ${2 ** 30}`, '5m', 'warning'],
  DuckDBDown: ['offloader_duckdb_up != 1', '2m', 'critical'],
  ConfigSyncFailing: [null, null, null],
  PoolSaturated: [null, null, null],
  ErrorRate: [null, null, null],
  OperatorDown: [null, null, null],
  ReplicasDiffer: [null, null, null],
};

/**
 * What Prometheus sees, a value a minute (`a x n`: a and then n more), and the minutes in which the alert is quiet or fires.
 * Each goes bad at minute 5, so that it is pending just before its time and clear after the cause has gone.
 */
type Case = readonly [
  alert: string,
  series: readonly (readonly [name: string, labels: Readonly<Record<string, string>>, values: string])[],
  quiet: readonly number[],
  firing: readonly number[],
  labels: Readonly<Record<string, string>>,
];
const visits = { ...gateway, dataset: 'visits' };
const flag = (name: string, labels: Readonly<Record<string, string>>, good: number, bad: number) =>
  [[name, labels, `${good}x4 ${bad}x25 ${good}x10`]] as const;
const requests = (status: string, values: string) =>
  ['offloader_requests_total', { ...gateway, endpoint: 'daily', status }, values] as const;
const failures = (reason: string, values: string) => ['offloader_auth_failures_total', { ...gateway, reason }, values] as const;
const successes = (values: string) => ['offloader_auth_successes_total', gateway, values] as const;
const turns = (result: string, values: string) =>
  ['offloader_operator_reconciles_total', { ...operator, controller: 'bundle', result }, values] as const;
const watch = { ...operator, watcher: 'pods' };
const cases: readonly Case[] = [
  ['Down', [['offloader_up', gateway, '1x4 stale _x24 1x10']], [4, 6, 31], [7, 20, 29], { namespace: gateway.namespace, job: gateway.job }],
  ['Down', flag('offloader_up', gateway, 1, 0), [4, 6, 31], [7, 29], gateway],
  ['NotReady', flag('offloader_ready', gateway, 1, 0), [4, 9, 31], [10, 29], gateway],
  ['SnapshotStale', flag('offloader_snapshot_stale', visits, 0, 1), [4, 19, 31], [20, 29], visits],
  ['RefreshFailing', flag('offloader_refresh_ok', visits, 1, 0), [4, 14, 31], [15, 29], visits],
  ['SourceUnreachable', flag('offloader_source_reachable', visits, 1, 0), [4, 9, 31], [10, 29], visits],
  ['DiskLow', flag('offloader_cache_disk_free_bytes', gateway, 2 ** 30, 2 ** 30 - 1), [4, 9, 31], [10, 29], gateway],
  ['DuckDBDown', flag('offloader_duckdb_up', gateway, 1, 0), [4, 6, 31], [7, 29], gateway],
  ['CacheVolumeFailed', flag('offloader_cache_volume_ok', gateway, 1, 0), [4, 6, 31], [7, 29], gateway],
  ['ConfigSyncFailing', flag('offloader_config_sync_ok', gateway, 1, 0), [4, 9, 31], [10, 29], gateway],
  ['PoolSaturated', [...flag('offloader_pool_busy', gateway, 15, 16), ['offloader_pool_connections', gateway, '16x40']], [4, 9, 31], [10, 29], gateway],
  // 2 of 100 fail from minute 5 to 29; a rate looks five minutes back.
  ['ErrorRate', [requests('ok', '0+98x40'), requests('server_error', '0x4 0+2x25 52x10')], [4, 12, 39], [13, 29], { endpoint: 'daily' }],
  ['ErrorRate', [requests('ok', '0+998x40'), requests('server_error', '0+2x40')], [12, 29, 39], [], { endpoint: 'daily' }],
  ['EndpointUnavailable', [requests('ok', '0+80x40'), requests('not_ready', '0x4 0+20x25 500x10')], [4, 12, 39], [18, 29], { endpoint: 'daily' }],
  ['EndpointUnavailable', [requests('ok', '0+95x40'), requests('not_ready', '0+5x40')], [12, 29, 39], [], { endpoint: 'daily' }],
  ['KeysRefused', [failures('missing', '0x4 0+3x25 75x15'), failures('unknown', '0x45'), successes('0+1x4 4x40')], [4, 9, 16, 44], [24, 29], {}],
  // One good key among many that are refused; and a typo now and then on a quiet day.
  ['KeysRefused', [failures('unknown', '0+50x40'), successes('0+1x40')], [20, 30, 40], [], {}],
  ['KeysRefused', [failures('unknown', '0 1 2 3 4 5 6 7 8 9x40'), successes('0x50')], [20, 30, 40], [], {}],
  ['EngineReplaced', [['offloader_engine_replacements_total', gateway, '0x4 0 1 1 2 2 3x80']], [4, 8, 80], [20, 50], gateway],
  ['EngineReplaced', [['offloader_engine_replacements_total', gateway, '0x4 1x30 2x60']], [10, 40, 60, 90], [], gateway],
  ['OperatorFailing', [turns('error', '0x4 0+1x25 25x20'), turns('ok', '0+5x50')], [4, 9, 45], [25, 29], { controller: 'bundle' }],
  // A conflict now and then is nothing.
  ['OperatorFailing', [turns('error', '0x4 1x9 2x9 3x9 4x9'), turns('ok', '0+5x50')], [15, 25, 39], [], { controller: 'bundle' }],
  ['OperatorWatchSilent', [['offloader_operator_watch_silent_seconds', watch, '5x4 5+60x25 5x10']], [4, 9, 11, 33], [13, 29], { watcher: 'pods' }],
  ['OperatorWatchSilent', [['offloader_operator_watch_silent_seconds', watch, '60 120 180 240 300 5 60 120 180 240 300 5x30']], [4, 5, 10, 13], [], { watcher: 'pods' }],
  ...['waiting', 'refused', 'replacing'].map((phase) => ['VolumeReplacementStuck', [['offloader_operator_volume_quarantines', { ...operator, phase }, '0x4 1x40 0x10']], [4, 34, 47], [35, 44], { phase }] as const),
  ['VolumeReplacementStuck', [['offloader_operator_volume_quarantines', { ...operator, phase: 'replacing' }, '0x4 1x15 0x30']], [20, 34, 45], [], { phase: 'replacing' }],
  ['OperatorConfigOverdue', [['offloader_operator_last_config_turn_timestamp_seconds', operator, '0+60x4 240x20 1500+60x10'], ['offloader_operator_last_config_turn_timestamp_seconds', { ...operator, pod: 'offloader-operator-7d9f-y' }, '0x40']], [4, 9, 10, 26], [12, 20, 23], {}],
  ['ObjectsNotReady', flag('offloader_operator_objects', { ...operator, kind: 'Dataset', ready: 'False', reason: 'MissingFile' }, 0, 3).map(([name, labels]) => [name, labels, '0x4 3x40 0x10'] as const), [4, 34, 46], [35, 44], { kind: 'Dataset', reason: 'MissingFile' }],
  // A key that has expired stays so.
  ['ObjectsNotReady', [['offloader_operator_objects', { ...operator, kind: 'ApiKey', ready: 'False', reason: 'Expired' }, '1x60']], [40, 59], [], {}],
  ['OperatorDown', flag('offloader_operator_leader', operator, 1, 0), [4, 9, 31], [10, 29], {}],
  ['OperatorDown', [['offloader_operator_leader', operator, '1x4 0x35'], ['offloader_operator_leader', { ...operator, pod: 'offloader-operator-7d9f-y' }, '0x4 1x35']], [4, 9, 15, 29], [], {}],
  ['ReplicaBehind', flag('offloader_operator_gateways', { ...operator, state: 'behind' }, 0, 1), [4, 9, 31], [10, 29], { ...operator, state: 'behind' }],
  ['ReplicasDiffer', [['offloader_snapshot_info', { ...visits, snapshot_id: 'a1' }, '1x4 stale _x34'], ['offloader_snapshot_info', { ...visits, snapshot_id: 'a2' }, '_x4 _ 1x34'], ['offloader_snapshot_info', { ...other, dataset: 'visits', snapshot_id: 'a1' }, '1x25 stale _x13'], ['offloader_snapshot_info', { ...other, dataset: 'visits', snapshot_id: 'a2' }, '_x25 _ 1x13']], [4, 9, 28], [11, 25], { dataset: 'visits' }],
]; // prettier-ignore

const inWords = (text: string, labels: Readonly<Record<string, string>>): string =>
  text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_all, name: string) => labels[name] ?? '');

/** A test file of promtool for one case. */
const unitTest = ([name, series, quiet, firing, labels]: Case) => {
  const rule = alerts.find(({ alert }) => alert === `Offloader${name}`)!;
  const annotations = Object.fromEntries(Object.entries(rule.annotations).map(([key, text]) => [key, inWords(text, labels)]));
  const expected = { exp_labels: { ...labels, ...rule.labels }, exp_annotations: annotations };
  const at = (minute: number, exp_alerts: readonly object[]) => ({ eval_time: `${minute}m`, alertname: rule.alert, exp_alerts });
  return {
    rule_files: [join(folder, 'rules.yaml')],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: series.map(([metric, of, values]) => ({ series: `${metric}${braces(of)}`, values })),
        alert_rule_test: [...quiet.map((minute) => at(minute, [])), ...firing.map((minute) => at(minute, [expected]))],
      },
    ],
  };
};

describePrometheus('the alerts', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-alerts-'));
    if (helm === undefined) return;
    const { groups } = find(await render({ 'prometheusRule.enabled': 'true' }), 'PrometheusRule', 'offloader').spec as any;
    alerts = groups.flatMap((group: any) => group.rules);
    await writeFile(join(folder, 'rules.yaml'), stringify({ groups }));
  });
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  test('Alert set (expr, for, severity): Down `absent(offloader_up) or offloader_up != 1` 2m critical · NotReady `offloader_ready != 1` 5m warning · SnapshotStale `==1` 15m w · RefreshFailing `offloader_refresh_ok==0` 10m w · SourceUnreachable `==0` 5m w · DiskLow `<1 GiB` 5m w · DuckDBDown `!=1` 2m critical; also config sync failing, pool saturated, error rate, operator down, replicas that serve different snapshots.', async () => {
    const matchers = braces({ namespace: gateway.namespace, job: gateway.job });
    for (const [name, [expr, lasting, severity]] of Object.entries(promised)) {
      const rule = alerts.find(({ alert }) => alert === `Offloader${name}`);
      const said = [rule?.expr.replaceAll(matchers, ''), rule?.for, rule?.labels['severity']];
      expect([name, ...said]).toEqual([name, expr ?? said[0], lasting ?? said[1], severity ?? said[2]]);
    }
    expect(await promtool(['check', 'rules', join(folder, 'rules.yaml')])).toContain(`${alerts.length} rules found`);
  });

  test('Each names owner, action and its runbook.', async () => {
    const pages = (await readdir(new URL('../../runbooks/', import.meta.url))).map((page) => `runbooks/${page}`);
    for (const { alert, labels, annotations } of alerts) {
      expect([alert, labels['owner']]).toEqual([alert, expect.stringMatching(/^(UpstreamData|Environment|Offloader)$/)]);
      expect([alert, annotations['action']?.length]).toEqual([alert, expect.any(Number)]);
      expect(pages).toContain(annotations['runbook']);
    }
  });

  test.each(cases)('%s fires when it lasts, and clears', async (...one) => {
    const file = join(folder, `${one[0]}-${cases.indexOf(one)}.yaml`);
    await writeFile(file, stringify(unitTest(one)));
    expect(await promtool(['test', 'rules', file])).toContain('SUCCESS');
  });

  test('docs/observability.md lists them', async () => {
    const page = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (Offloader\w+) \| .+ \| (\w+) \| (\w+) \|$/gm)].map(([, ...cells]) => cells.join(' '));
    expect(rows).toEqual(alerts.map((one) => `${one.alert} ${one.for} ${one.labels['severity'] ?? ''}`));
  });

  test('every alert fires in one of them', () => {
    const fired = cases.filter(([, , , firing]) => firing.length > 0).map(([name]) => `Offloader${name}`);
    expect([...new Set(fired)].toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });
});
