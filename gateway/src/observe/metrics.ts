/** Observations and state as Prometheus metrics. Labels are bounded: declared names and closed lists only. */
import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client';
import type { Report } from '@offloader/contract';
import { cutReasons, type Observation } from '../domain/observation.ts';
import { createCounters, createGauges } from './instruments.ts';

export type MetricsState = {
  readonly report: Report;
  readonly duckdbUp: boolean;
  readonly cache: { readonly entries: number; readonly bytes: number };
  /** Names of the endpoints that are declared now. */
  readonly endpoints: { has(name: string): boolean };
};
export type Metrics = {
  observe(observation: Observation): void;
  /** The page, with gauges set from what is true now; before the gateway has started, up and ready alone. */
  page(state: MetricsState | null): Promise<string>;
};

const outcomes = ['ok', 'client_error', 'not_ready', 'server_error'] as const;
const cacheResults = ['hit', 'miss', 'off'] as const;
const attemptStatuses = ['ok', 'unchanged', 'rejected', 'failed'] as const;

const outcome = (status: number): (typeof outcomes)[number] => {
  if (status < 400) return 'ok';
  if (status < 500) return 'client_error';
  return status === 503 ? 'not_ready' : 'server_error';
};
const flag = (value: boolean): number => (value ? 1 : 0);
/** What is not known is absent: 0 would be a claim. */
const setKnown = (gauge: Gauge, value: number | null): void => (value === null ? gauge.remove() : gauge.set(value));

/** A registry of its own for each gateway, so that several can live in one test process. */
export const createMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = createCounters([registry]);
  const gauges = createGauges([registry]);
  /** Names that have series which last from page to page. */
  const counted = { endpoints: new Set<string>(), datasets: new Set<string>() };

  /** Takes the series of what is declared no more away: names that come and go must not pile up. */
  const forgetUndeclared = ({ endpoints, report }: MetricsState): void => {
    for (const endpoint of counted.endpoints) {
      if (endpoints.has(endpoint)) continue;
      for (const status of outcomes) counters.requests.remove({ endpoint, status });
      for (const reason of cutReasons) counters.answersCut.remove({ endpoint, reason });
      for (const cache of cacheResults) counters.duration.remove({ endpoint, cache });
      for (const one of [counters.query, counters.cacheHits, counters.rateLimited]) one.remove({ endpoint });
      counted.endpoints.delete(endpoint);
    }
    for (const dataset of counted.datasets) {
      if (report.datasets.some((one) => one.dataset === dataset)) continue;
      for (const status of attemptStatuses) counters.attempts.remove({ dataset, status });
      for (const one of [counters.load, counters.loadRows, counters.loadBytes]) one.remove({ dataset });
      counted.datasets.delete(dataset);
    }
  };

  const onRequest = (event: Extract<Observation, { kind: 'request_ended' }>): void => {
    if (event.keyId !== null) counters.authSuccesses.inc();
    const { endpoint } = event;
    if (endpoint === null) return;
    counted.endpoints.add(endpoint);
    counters.requests.inc({ endpoint, status: outcome(event.status) });
    counters.duration.observe({ endpoint, cache: event.cache ?? 'off' }, event.tookMs / 1000);
    if (event.cut !== undefined) counters.answersCut.inc({ endpoint, reason: event.cut });
    if (event.cache === 'hit') counters.cacheHits.inc({ endpoint });
    if (event.poolWaitMs !== null) counters.poolWait.observe(event.poolWaitMs / 1000);
    if (event.queryMs !== null) counters.query.observe({ endpoint }, event.queryMs / 1000);
  };

  const onLoad = ({ dataset, tookMs, rows, bytes }: Extract<Observation, { kind: 'load_ended' }>): void => {
    counted.datasets.add(dataset);
    counters.load.observe({ dataset }, tookMs / 1000);
    counters.loadRows.set({ dataset }, rows);
    counters.loadBytes.set({ dataset }, bytes);
  };

  const onAttempt = ({ dataset, status }: Extract<Observation, { kind: 'refresh_ended' }>): void => {
    counted.datasets.add(dataset);
    counters.attempts.inc({ dataset, status });
  };

  const setDatasets = ({ datasets }: Report): void => {
    for (const one of [gauges.age, gauges.stale, gauges.refreshOk, gauges.reachable, gauges.quality, gauges.snapshot]) one.reset();
    for (const { dataset, active_snapshot: active, stale, last_attempted: attempt, source_reachable: reachable } of datasets) {
      if (active !== null) {
        if (active.age_seconds !== null) gauges.age.set({ dataset }, active.age_seconds);
        gauges.stale.set({ dataset }, flag(stale === true));
        gauges.snapshot.set({ dataset, snapshot_id: active.snapshot_id }, 1);
      }
      // Unchanged, with nothing that could be so, is not well.
      gauges.refreshOk.set({ dataset }, flag(attempt?.status === 'ok' || (attempt?.status === 'unchanged' && active !== null)));
      if (reachable !== null) gauges.reachable.set({ dataset }, flag(reachable));
      gauges.quality.set({ dataset }, flag(active?.quality === 'warning'));
    }
  };

  const setGauges = (state: MetricsState): void => {
    const { report } = state;
    gauges.duckdbUp.set(flag(state.duckdbUp));
    gauges.build.reset();
    gauges.build.set({ version: report.build_version, config_revision: report.config_revision ?? '' }, 1);
    gauges.connections.set(report.pool.connections);
    gauges.busy.set(report.pool.busy);
    setKnown(gauges.diskFree, report.disk.cache_dir_free_bytes);
    gauges.volumeOk.set(flag(report.cache_volume.status === 'ok'));
    gauges.syncEnabled.set(flag(report.config_sync.enabled));
    setKnown(gauges.syncOk, report.config_sync.enabled ? flag(report.config_sync.result !== 'error') : null);
    gauges.cacheEntries.set(state.cache.entries);
    gauges.cacheBytes.set(state.cache.bytes);
    setDatasets(report);
    forgetUndeclared(state);
  };

  return {
    observe: (event) => {
      if (event.kind === 'request_ended') onRequest(event);
      else if (event.kind === 'auth_failed') counters.authFailures.inc({ reason: event.reason });
      else if (event.kind === 'rate_limited') counters.rateLimited.inc({ endpoint: event.endpoint });
      else if (event.kind === 'refresh_ended') onAttempt(event);
      else if (event.kind === 'engine_replaced') counters.engineReplaced.inc();
      else if (event.kind === 'load_ended') onLoad(event);
    },
    page: async (state) => {
      gauges.up.set(1);
      gauges.ready.set(flag(state?.report.ready === true));
      if (state !== null) setGauges(state);
      return registry.metrics();
    },
  };
};
