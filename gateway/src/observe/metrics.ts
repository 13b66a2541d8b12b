/** Observations and state as Prometheus metrics. Labels are bounded: declared names and closed lists only. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Report } from '@offloader/contract';
import type { Observation } from '../domain/observation.ts';

export type MetricsState = {
  readonly report: Report;
  readonly duckdbUp: boolean;
  readonly cache: { readonly entries: number; readonly bytes: number };
  readonly qualityWarnings: ReadonlySet<string>;
};
export type Metrics = {
  observe(observation: Observation): void;
  /** The page, with gauges set from what is true now; before the gateway has started, up and ready alone. */
  page(state: MetricsState | null): Promise<string>;
};

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const loadSeconds = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];

const outcome = (status: number): string => {
  if (status < 400) return 'ok';
  if (status < 500) return 'client_error';
  return status === 503 ? 'not_ready' : 'server_error';
};
const flag = (value: boolean): number => (value ? 1 : 0);

const createCounters = (registers: readonly Registry[]) => {
  const base = { registers: [...registers] };
  return {
    requests: new Counter({
      name: 'offloader_requests_total',
      help: 'Requests by declared endpoint and outcome',
      labelNames: ['endpoint', 'status'],
      ...base,
    }),
    duration: new Histogram({
      name: 'offloader_request_duration_seconds',
      help: 'Time to answer',
      labelNames: ['endpoint', 'cache'],
      buckets: seconds,
      ...base,
    }),
    poolWait: new Histogram({ name: 'offloader_pool_wait_seconds', help: 'Wait for a connection', buckets: seconds, ...base }),
    query: new Histogram({
      name: 'offloader_query_duration_seconds',
      help: 'Time in DuckDB',
      labelNames: ['endpoint'],
      buckets: seconds,
      ...base,
    }),
    load: new Histogram({
      name: 'offloader_load_duration_seconds',
      help: 'Time to load a snapshot',
      labelNames: ['dataset'],
      buckets: loadSeconds,
      ...base,
    }),
    loadRows: new Gauge({ name: 'offloader_load_rows', help: 'Rows of the last load', labelNames: ['dataset'], ...base }),
    loadBytes: new Gauge({
      name: 'offloader_load_bytes',
      help: 'Bytes of the last loaded snapshot file',
      labelNames: ['dataset'],
      ...base,
    }),
    attempts: new Counter({
      name: 'offloader_refresh_attempts_total',
      help: 'Attempts by how they ended',
      labelNames: ['dataset', 'status'],
      ...base,
    }),
    cacheHits: new Counter({
      name: 'offloader_cache_hits_total',
      help: 'Answers from the response cache',
      labelNames: ['endpoint'],
      ...base,
    }),
    authFailures: new Counter({ name: 'offloader_auth_failures_total', help: 'Refused keys by reason', labelNames: ['reason'], ...base }),
    authSuccesses: new Counter({ name: 'offloader_auth_successes_total', help: 'Requests with a good key', ...base }),
    rateLimited: new Counter({
      name: 'offloader_rate_limited_total',
      help: 'Requests over a limit of their key',
      labelNames: ['endpoint'],
      ...base,
    }),
    engineReplaced: new Counter({ name: 'offloader_engine_replacements_total', help: 'DuckDB instances replaced', ...base }),
  };
};

const createGauges = (registers: readonly Registry[]) => {
  const gauge = <const L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [...registers] });
  return {
    up: gauge('offloader_up', '1 while the process runs'),
    ready: gauge('offloader_ready', '1 when /ready is 200'),
    duckdbUp: gauge('offloader_duckdb_up', '1 when DuckDB answers on a connection of its own'),
    build: gauge('offloader_build_info', 'Version and configuration revision', ['version', 'config_revision']),
    connections: gauge('offloader_pool_connections', 'Read connections'),
    busy: gauge('offloader_pool_busy', 'Read connections in use'),
    diskFree: gauge('offloader_cache_disk_free_bytes', 'Free bytes of the cache volume'),
    syncEnabled: gauge('offloader_config_sync_enabled', '1 when configuration edits are picked up'),
    syncOk: gauge('offloader_config_sync_ok', '0 when the last configuration could not be applied'),
    cacheEntries: gauge('offloader_cache_entries', 'Cached responses'),
    cacheBytes: gauge('offloader_cache_bytes', 'Bytes of cached responses'),
    age: gauge('offloader_snapshot_age_seconds', 'Age of the active snapshot by its watermark', ['dataset']),
    stale: gauge('offloader_snapshot_stale', '1 when older than the tightest max staleness of its endpoints', ['dataset']),
    refreshOk: gauge('offloader_refresh_ok', '1 when the last attempt was ok, or unchanged with an active snapshot', ['dataset']),
    reachable: gauge('offloader_source_reachable', 'What the last contact with the source said', ['dataset']),
    quality: gauge('offloader_dataset_quality_warning', '1 when the active snapshot carries a quality warning', ['dataset']),
    snapshot: gauge('offloader_snapshot_info', 'The active snapshot', ['dataset', 'snapshot_id']),
  };
};

/** A registry of its own for each gateway, so that several can live in one test process. */
export const createMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = createCounters([registry]);
  const gauges = createGauges([registry]);

  const onRequest = (event: Extract<Observation, { kind: 'request_ended' }>): void => {
    if (event.keyId !== null) counters.authSuccesses.inc();
    const { endpoint } = event;
    if (endpoint === null) return;
    counters.requests.inc({ endpoint, status: outcome(event.status) });
    counters.duration.observe({ endpoint, cache: event.cache ?? 'off' }, event.tookMs / 1000);
    if (event.cache === 'hit') counters.cacheHits.inc({ endpoint });
    if (event.poolWaitMs !== null) counters.poolWait.observe(event.poolWaitMs / 1000);
    if (event.queryMs !== null) counters.query.observe({ endpoint }, event.queryMs / 1000);
  };

  const setDatasets = ({ report, qualityWarnings }: MetricsState): void => {
    for (const one of [gauges.age, gauges.stale, gauges.refreshOk, gauges.reachable, gauges.quality, gauges.snapshot]) one.reset();
    for (const { dataset, active_snapshot: active, stale, last_attempted: attempt, source_reachable: reachable } of report.datasets) {
      if (active !== null) {
        gauges.age.set({ dataset }, active.age_seconds ?? 0);
        gauges.stale.set({ dataset }, flag(stale === true));
        gauges.snapshot.set({ dataset, snapshot_id: active.snapshot_id }, 1);
      }
      // Unchanged, with nothing that could be so, is not well.
      gauges.refreshOk.set({ dataset }, flag(attempt?.status === 'ok' || (attempt?.status === 'unchanged' && active !== null)));
      if (reachable !== null) gauges.reachable.set({ dataset }, flag(reachable));
      gauges.quality.set({ dataset }, flag(qualityWarnings.has(dataset)));
    }
  };

  const setGauges = (state: MetricsState): void => {
    const { report } = state;
    gauges.duckdbUp.set(flag(state.duckdbUp));
    gauges.build.reset();
    gauges.build.set({ version: report.build_version, config_revision: report.config_revision ?? '' }, 1);
    gauges.connections.set(report.pool.connections);
    gauges.busy.set(report.pool.busy);
    if (report.disk.cache_dir_free_bytes !== null) gauges.diskFree.set(report.disk.cache_dir_free_bytes);
    gauges.syncEnabled.set(flag(report.config_sync.enabled));
    if (report.config_sync.enabled) gauges.syncOk.set(flag(report.config_sync.result !== 'error'));
    gauges.cacheEntries.set(state.cache.entries);
    gauges.cacheBytes.set(state.cache.bytes);
    setDatasets(state);
  };

  return {
    observe: (event) => {
      if (event.kind === 'request_ended') onRequest(event);
      else if (event.kind === 'auth_failed') counters.authFailures.inc({ reason: event.reason });
      else if (event.kind === 'rate_limited') counters.rateLimited.inc({ endpoint: event.endpoint });
      else if (event.kind === 'refresh_ended') counters.attempts.inc({ dataset: event.dataset, status: event.status });
      else if (event.kind === 'engine_replaced') counters.engineReplaced.inc();
      else if (event.kind === 'load_ended') {
        counters.load.observe({ dataset: event.dataset }, event.tookMs / 1000);
        counters.loadRows.set({ dataset: event.dataset }, event.rows);
        counters.loadBytes.set({ dataset: event.dataset }, event.bytes);
      }
    },
    page: async (state) => {
      gauges.up.set(1);
      gauges.ready.set(flag(state?.report.ready === true));
      if (state !== null) setGauges(state);
      return registry.metrics();
    },
  };
};
