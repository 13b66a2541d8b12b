/** The whole operator: election, the leader's work, the health port; started and stopped as one. */
import type { KubeConfig } from '@kubernetes/client-node';
import { objectNames } from '@offloader/contract';
import { countObjects } from './domain/object-counts.ts';
import type { Observation, Observe } from './domain/observation.ts';
import { startHealth } from './health.ts';
import type { ApiClient, ApiClientOptions } from './kubernetes/client.ts';
import { createApiClient } from './kubernetes/client.ts';
import { createCluster } from './kubernetes/cluster.ts';
import { leaseStore } from './kubernetes/lease.ts';
import { createVolumes } from './kubernetes/volumes.ts';
import { lead } from './leadership.ts';
import type { Leadership } from './leadership.ts';
import { createMetrics } from './observe/metrics.ts';
import type { Gauges } from './observe/metrics.ts';
import { createReportReader } from './pods/report-reader.ts';
import { systemClock } from './runtime/clock.ts';
import type { Clock } from './runtime/clock.ts';
import { Leader } from './runtime/leader.ts';
import type { OperatorSettings } from './settings.ts';
import { version } from './version.ts';

export type OperatorOptions = {
  readonly settings: OperatorSettings;
  readonly kubeConfig: KubeConfig;
  /** Told of everything that happens; the log, or a test. */
  readonly observe: Observe;
  /** The lease is lost for good: the process must end. */
  readonly lost: () => void;
  /** What waiting goes by; the real one unless a test brings another. */
  readonly clock?: Clock;
};

export type RunningOperator = {
  readonly httpPort: number;
  readonly leads: () => boolean;
  /** Finishes what runs, gives the lease back, closes everything. */
  readonly stop: () => Promise<void>;
};

/** A turn that takes longer than this hangs: every request in it has a deadline. */
const longestTurnMs = 5 * 60_000;
/** Shorter than a renewal deadline, so that one unanswered renewal does not cost the lease. */
const leaseTimeoutMs = 4000;
const userAgent = `offloader-operator/${version}`;

type Term = { current: Leadership | undefined };

/** Starts the operator. It takes part in the election at once and works when it leads. */
export const startOperator = async (options: OperatorOptions): Promise<RunningOperator> => {
  const { settings, kubeConfig: config, clock = systemClock } = options;
  const { namespace, release, identity } = settings;
  const term: Term = { current: undefined };
  const metrics = createMetrics(
    version,
    gaugesOf(term, () => leader.leads),
  );
  const observe = (observation: Observation): void => {
    metrics.observe(observation);
    options.observe(observation);
  };
  const guard = (): void => {
    if (!leader.leads) throw new Error('this operator does not lead and writes nothing');
  };
  const ended: ApiClientOptions['ended'] = (request) => {
    metrics.observe({ kind: 'api_request', ...request });
  };
  const client = createApiClient({ config, guard, userAgent, ended });
  // The election has connections of its own: it must not wait behind a thousand statuses.
  const electionClient = createApiClient({ config, guard: () => undefined, userAgent, timeoutMs: leaseTimeoutMs, ended });
  const volumes = createVolumes({ client, namespace });
  const cluster = createCluster({ client, namespace, release, pod: identity, observe });
  const reader = createReportReader({ port: settings.adminPort, adminToken: settings.adminToken, version });
  const leader = createLeader({ ...options, clock, observe }, term, electionClient, () =>
    lead({ settings, client, cluster, volumes, reader, clock, observe }),
  );
  // One that leads knows what there is; one that stands by could lead: it hears of the lease.
  const ready = (): boolean => leader.silentMs < settings.leaseDurationMs && (term.current?.isSynced() ?? true);
  const health = await startHealth(settings.httpPort, { alive: () => isAlive(term.current), ready, metrics });
  observe({ kind: 'started', version, namespace, release, identity, httpPort: health.port });
  leader.start();
  return {
    httpPort: health.port,
    leads: () => leader.leads,
    stop: async () => {
      await term.current?.stop();
      await leader.stop();
      client.close();
      electionClient.close();
      await health.close();
      observe({ kind: 'stopped' });
    },
  };
};

const createLeader = (
  { settings, clock, observe, lost }: Required<OperatorOptions>,
  term: Term,
  client: ApiClient,
  begin: () => Leadership,
): Leader => {
  const { namespace, release, identity } = settings;
  return new Leader({
    store: leaseStore(client, namespace, objectNames(release).operator),
    identity,
    clock,
    random: Math.random,
    durationMs: settings.leaseDurationMs,
    renewDeadlineMs: settings.leaseRenewDeadlineMs,
    retryMs: settings.leaseRetryMs,
    elected: () => {
      observe({ kind: 'elected', identity });
      term.current = begin();
    },
    lost: () => {
      observe({ kind: 'leadership_lost', identity });
      void term.current?.stop();
      lost();
    },
    failed: (error) => {
      observe({ kind: 'election_failed', error });
    },
  });
};

const isAlive = (leadership: Leadership | undefined): boolean =>
  leadership === undefined || Object.values(leadership.queues).every((queue) => queue.longestRunningMs() < longestTurnMs);

const gaugesOf = (term: Term, leads: () => boolean): Gauges => ({
  leads,
  queues: () =>
    Object.entries(term.current?.queues ?? {}).map(([controller, queue]) => ({
      controller,
      depth: queue.depth(),
      longestRunningMs: queue.longestRunningMs(),
    })),
  watchers: () =>
    (term.current?.watches.all ?? []).map((watcher) => ({ watcher: watcher.name, objects: watcher.size, silentMs: watcher.silentMs })),
  gateways: () => {
    const pods = term.current?.rollout.states ?? [];
    const sequence = term.current?.bundle.state?.index.sequence ?? 0;
    const unreachable = pods.filter((pod) => pod.report === null).length;
    return { total: pods.length, unreachable, behind: pods.filter((pod) => pod.sequence < sequence).length };
  },
  volumes: () => {
    const requests = term.current?.quarantine.requests ?? [];
    const inPhase = (phase: string): number => requests.filter((request) => request.phase === phase).length;
    return { waiting: inPhase('waiting'), refused: inPhase('refused'), replacing: inPhase('replacing') };
  },
  objects: () => countObjects((kind) => term.current?.watches.resources[kind].list() ?? []),
  sequence: () => term.current?.bundle.state?.index.sequence ?? 0,
});
