/** Every metric that a gateway has: name, help, labels. docs/observability.md says what each is for. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const loadSeconds = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];

/** What is counted as it happens. */
export const createCounters = (registers: readonly Registry[]) => {
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
    answersCut: new Counter({
      name: 'offloader_answers_cut_total',
      help: 'Answers broken off after they had begun to go out, by reason',
      labelNames: ['endpoint', 'reason'],
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

/** What is set when the page is asked for. */
export const createGauges = (registers: readonly Registry[]) => {
  const gauge = <const L extends string>(name: string, help: string, labelNames: readonly L[] = []) => {
    const made = new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [...registers] });
    // prom-client starts a gauge without labels at 0; what is not known yet must not read as nought.
    if (labelNames.length === 0) made.remove();
    return made;
  };
  return {
    up: gauge('offloader_up', '1 while the process runs'),
    ready: gauge('offloader_ready', '1 when /ready is 200'),
    duckdbUp: gauge('offloader_duckdb_up', '1 when DuckDB answers on a connection of its own'),
    build: gauge('offloader_build_info', 'Version and configuration revision', ['version', 'config_revision']),
    connections: gauge('offloader_pool_connections', 'Read connections'),
    busy: gauge('offloader_pool_busy', 'Read connections in use'),
    diskFree: gauge('offloader_cache_disk_free_bytes', 'Free bytes of the cache volume'),
    volumeOk: gauge('offloader_cache_volume_ok', '1 unless the cache volume has gone, or cannot be read or written'),
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
