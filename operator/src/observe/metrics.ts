/** Metrics from observations, and gauges that are read when somebody asks. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ObjectCount } from '../domain/object-counts.ts';
import type { Observation, Observe } from '../domain/observation.ts';

/** What is read at the moment of a scrape. */
export type Gauges = {
  readonly leads: () => boolean;
  readonly queues: () => readonly { readonly controller: string; readonly depth: number; readonly longestRunningMs: number }[];
  readonly watchers: () => readonly { readonly watcher: string; readonly objects: number; readonly silentMs: number }[];
  readonly gateways: () => { readonly total: number; readonly unreachable: number; readonly behind: number };
  readonly objects: () => readonly ObjectCount[];
  readonly sequence: () => number;
  /** Replicas whose cache volume is to be replaced, by how far that has come. */
  readonly volumes: () => Readonly<Record<'waiting' | 'refused' | 'replacing', number>>;
};

export type Metrics = { readonly observe: Observe; readonly render: () => Promise<string>; readonly contentType: string };

/** A registry of its own, so that several operators fit one process. */
export const createMetrics = (version: string, gauges: Gauges): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registerGauges(registry, version, gauges);
  return { observe: createCounters(registry), render: () => registry.metrics(), contentType: registry.contentType };
};

const registerGauges = (register: Registry, version: string, gauges: Gauges): void => {
  const registers = [register];
  const gauge = (name: string, help: string, labelNames: readonly string[], read: (gauge: Gauge) => void): void => {
    new Gauge({
      name: `offloader_operator_${name}`,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        read(this);
      },
    });
  };
  gauge('build_info', 'Version of the operator.', ['version'], (g) => {
    g.set({ version }, 1);
  });
  gauge('leader', '1 while this process holds the lease.', [], (g) => {
    g.set(gauges.leads() ? 1 : 0);
  });
  gauge('config_sequence', 'Sequence of the configuration in the cluster.', [], (g) => {
    g.set(gauges.sequence());
  });
  gauge('gateways', 'Gateway pods by state.', ['state'], (g) => {
    const { total, unreachable, behind } = gauges.gateways();
    g.set({ state: 'total' }, total);
    g.set({ state: 'unreachable' }, unreachable);
    g.set({ state: 'behind' }, behind);
  });
  gauge('objects', 'Objects by kind, Ready and its reason.', ['kind', 'ready', 'reason'], (g) => {
    for (const { kind, ready, reason, count } of gauges.objects()) g.set({ kind, ready, reason }, count);
  });
  gauge('volume_quarantines', 'Replicas whose cache volume is to be replaced.', ['phase'], (g) => {
    for (const [phase, count] of Object.entries(gauges.volumes())) g.set({ phase }, count);
  });
  gauge('workqueue_depth', 'Keys waiting for a turn.', ['controller'], (g) => {
    for (const { controller, depth } of gauges.queues()) g.set({ controller }, depth);
  });
  gauge('workqueue_longest_running_seconds', 'Age of the longest running turn.', ['controller'], (g) => {
    for (const { controller, longestRunningMs } of gauges.queues()) g.set({ controller }, longestRunningMs / 1000);
  });
  gauge('watch_objects', 'Objects in the cache.', ['watcher'], (g) => {
    for (const { watcher, objects } of gauges.watchers()) g.set({ watcher }, objects);
  });
  gauge('watch_silent_seconds', 'Time since the API server last said anything on a watch.', ['watcher'], (g) => {
    for (const { watcher, silentMs } of gauges.watchers()) g.set({ watcher }, silentMs / 1000);
  });
};

const createCounters = (register: Registry): Observe => {
  const registers = [register];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name: `offloader_operator_${name}_total`, help, labelNames: [...labelNames], registers });
  const reconciles = counter('reconciles', 'Turns of a controller.', ['controller', 'result']);
  const turned = new Gauge({
    name: 'offloader_operator_last_config_turn_timestamp_seconds',
    help: 'When the configuration was last held against the objects and the cluster without an error; 0 before the first time.',
    registers,
  });
  const durations = new Histogram({
    name: 'offloader_operator_reconcile_duration_seconds',
    help: 'How long a turn took.',
    labelNames: ['controller'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 15, 60],
    registers,
  });
  const watches = counter('watch_ends', 'Watches that ended, by how.', ['watcher', 'end']);
  const lost = counter('watch_lost_events', 'Changes that only a full list showed.', ['watcher']);
  const writes = counter('config_writes', 'Objects of the configuration written.', []);
  const statuses = counter('status_writes', 'Statuses written.', ['kind']);
  const nudges = counter('nudges', 'Gateway pods nudged.', ['repeated']);
  const drift = counter('drift_corrections', 'Owned objects restored after somebody changed them.', []);
  const requests = counter('api_requests', 'Requests to the API server that ended; watches when they begin.', ['method', 'status']);
  const requestTimes = new Histogram({
    name: 'offloader_operator_api_request_duration_seconds',
    help: 'How long a request to the API server took, watches left out.',
    labelNames: ['method'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10],
    registers,
  });
  const replaced = counter('volumes_replaced', 'Cache volumes replaced, by what asked for it.', ['cause']);
  const tokens = counter('tokens_minted', 'Tokens minted.', []);
  const count: { [K in Observation['kind']]?: (observation: Extract<Observation, { kind: K }>) => void } = {
    reconciled: ({ controller, error, tookMs }) => {
      reconciles.inc({ controller, result: error === undefined ? 'ok' : 'error' });
      durations.observe({ controller }, tookMs / 1000);
      if (controller === 'bundle' && error === undefined) turned.setToCurrentTime();
    },
    watch_ended: ({ watcher, end }) => watches.inc({ watcher, end }),
    watch_failed: ({ watcher }) => watches.inc({ watcher, end: 'failed' }),
    listed: ({ watcher, found }) => lost.inc({ watcher }, found),
    bundle_written: (observation) => writes.inc(observation.writes),
    status_written: ({ resource }) => statuses.inc({ kind: resource }),
    nudged: ({ attempt }) => nudges.inc({ repeated: attempt > 0 ? 'true' : 'false' }),
    drift_corrected: () => drift.inc(),
    token_written: ({ what }) => {
      if (what !== 'moved') tokens.inc();
    },
    volume_quarantine: ({ phase, cause }) => {
      if (phase === 'replaced') replaced.inc({ cause });
    },
    api_request: ({ method, status, tookMs }) => {
      requests.inc({ method, status: String(status) });
      if (method !== 'WATCH') requestTimes.observe({ method }, tookMs / 1000);
    },
  };
  return (observation) => count[observation.kind]?.(observation as never);
};
