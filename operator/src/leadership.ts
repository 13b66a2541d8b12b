/** What a leader runs: caches, controllers and their queues, wired together. */
import { randomBytes } from 'node:crypto';
import { apiVersion } from '@offloader/contract';
import { BundleController } from './controllers/bundle.ts';
import type { Cluster, ReportReader, Volumes } from './controllers/ports.ts';
import { QuarantineController } from './controllers/quarantine.ts';
import { RolloutController, nudgeKey, replicasKey } from './controllers/rollout.ts';
import { StatusController } from './controllers/status.ts';
import { TokenController } from './controllers/tokens.ts';
import type { TokenDeps, TokenWrite } from './controllers/tokens.ts';
import type { Observe } from './domain/observation.ts';
import { refusedDatasets } from './domain/named-secrets.ts';
import { objectKey } from './domain/placement.ts';
import { recompiled } from './domain/rollout.ts';
import type { ApiClient } from './kubernetes/client.ts';
import type { Clock } from './runtime/clock.ts';
import { createReconciler } from './runtime/reconciler.ts';
import type { Reconciler, ReconcilerOptions } from './runtime/reconciler.ts';
import type { OperatorSettings } from './settings.ts';
import { createWatches } from './watches.ts';
import type { Watches } from './watches.ts';

export type LeadershipDeps = {
  readonly settings: OperatorSettings;
  readonly client: ApiClient;
  readonly cluster: Cluster;
  readonly volumes: Volumes;
  readonly reader: ReportReader;
  readonly clock: Clock;
  readonly observe: Observe;
};

/** One term of leadership. */
export type Leadership = {
  readonly isSynced: () => boolean;
  readonly queues: Queues;
  readonly watches: Watches;
  readonly rollout: RolloutController;
  readonly bundle: BundleController;
  readonly quarantine: QuarantineController;
  /** Ends what runs in good order; nothing is written afterwards. */
  readonly stop: () => Promise<void>;
};

type Queues = Readonly<Record<'bundle' | 'tokens' | 'rollout' | 'status' | 'quarantine', Reconciler>>;
type Controllers = {
  readonly bundle: BundleController;
  readonly tokens: TokenController;
  readonly rollout: RolloutController;
  readonly status: StatusController;
  readonly quarantine: QuarantineController;
};

/** The one key of the bundle's queue, and of the quarantine's. */
const bundleKey = 'bundle';
const volumesKey = 'volumes';

const gatheredTokensMs = 10_000;

/** Starts to lead: fills the caches, hears every pod once, then lets the queues run. */
export const lead = (deps: LeadershipDeps): Leadership => {
  const term = { begun: false };
  const enqueue = (queue: keyof Queues, key: string, delayMs?: number): void => {
    // What changes before the caches are full is seen by the first turn anyway.
    if (term.begun) queues[queue].enqueue(key, delayMs);
  };
  // While thousands of tokens are minted they go out together, not each in a configuration of its own, which at that size takes
  // longer to make than a hundred tokens do.
  const tokensChanged = (): void => {
    enqueue('bundle', bundleKey, queues.tokens.depth() > 0 ? gatheredTokensMs : undefined);
  };
  const lookAtVolumes = (): void => {
    if (watches.claims.isSynced) enqueue('quarantine', volumesKey);
  };
  const watches: Watches = createWatches({
    client: deps.client,
    namespace: deps.settings.namespace,
    release: deps.settings.release,
    clock: deps.clock,
    observe: deps.observe,
    bundleChanged: () => {
      enqueue('bundle', bundleKey);
    },
    secretChanged: tokensChanged,
    statusChanged: (kind, name) => {
      enqueue('status', objectKey(kind, name));
    },
    podChanged: (name) => {
      enqueue('rollout', name);
      lookAtVolumes();
    },
    claimChanged: () => {
      lookAtVolumes();
    },
  });
  const controllers = createControllers(deps, watches, enqueue, tokensChanged);
  const queues = createQueues(deps, controllers);
  const begin = async (): Promise<void> => {
    for (const watcher of watches.all) void watcher.run();
    await Promise.all(watches.needed.map((watcher) => watcher.synced));
    await controllers.rollout.survey();
    controllers.bundle.restore();
    term.begun = true;
    enqueue('bundle', bundleKey);
    enqueue('rollout', replicasKey);
    void watches.claims.synced.then(lookAtVolumes);
  };
  void begin();
  return {
    isSynced: () => watches.needed.every((watcher) => watcher.isSynced),
    queues,
    watches,
    rollout: controllers.rollout,
    bundle: controllers.bundle,
    quarantine: controllers.quarantine,
    stop: async () => {
      term.begun = false;
      for (const watcher of watches.all) watcher.stop();
      await Promise.all(Object.values(queues).map((queue) => queue.stop()));
    },
  };
};

const createControllers = (
  deps: LeadershipDeps,
  watches: Watches,
  enqueue: (queue: keyof Queues, key: string) => void,
  tokensChanged: () => void,
): Controllers => {
  const { settings, cluster, clock, observe } = deps;
  const monotonicMs = (): number => clock.monotonicMs();
  const rollout: RolloutController = new RolloutController({
    pods: watches.pods,
    reader: deps.reader,
    cluster,
    observe,
    monotonicMs,
    bundle: () => bundle.state,
    releases: () => bundle.releases,
    released: (releases) => {
      bundle.release(releases);
      enqueue('bundle', bundleKey);
    },
    touched: (touched) => {
      for (const key of touched === 'all' ? (bundle.state?.judgements.keys() ?? []) : touched) enqueue('status', key);
      // Its Secret may have been mended: it is read again before its time.
      const refused = [...refusedDatasets(rollout.states)].some((name) => touched === 'all' || touched.has(objectKey('Dataset', name)));
      if (refused) enqueue('bundle', bundleKey);
    },
  });
  const bundle: BundleController = new BundleController({
    release: settings.release,
    auth: settings.auth,
    caches: watches,
    cluster,
    observe,
    tokens: (keys) => tokens.survey(keys),
    monotonicMs,
    random: Math.random,
    pods: () => rollout.states,
    reportedSequence: () => rollout.reportedSequence,
    updated: (before, after) => {
      for (const { metadata } of watches.pods.list()) for (const key of [nudgeKey(metadata.name), metadata.name]) enqueue('rollout', key);
      for (const key of recompiled(before, after)) enqueue('status', key);
    },
  });
  const tokens = new TokenController({
    ...mintingDeps(deps),
    release: settings.release,
    keys: watches.resources.ApiKey,
    secrets: watches.secrets,
    served: (key) => bundle.served(key),
    due: (key) => {
      enqueue('tokens', key);
    },
    changed: tokensChanged,
  });
  const status = new StatusController({
    resources: watches.resources,
    cluster,
    observe,
    nowMs: () => clock.nowMs(),
    bundle: () => bundle.state,
    pods: () => rollout.states,
  });
  const quarantine = new QuarantineController({
    release: settings.release,
    rules: {
      enabled: settings.volumeQuarantine,
      automatic: settings.volumeQuarantineAutomatic,
      settleMs: settings.volumeQuarantineSettleMs,
      intervalMs: settings.volumeQuarantineIntervalMs,
    },
    pods: watches.pods,
    claims: watches.claims,
    configMaps: watches.configMaps,
    cluster,
    volumes: deps.volumes,
    observe,
    nowMs: () => clock.nowMs(),
    states: () => rollout.states,
  });
  return { bundle, tokens, rollout, status, quarantine };
};

const mintingDeps = ({ cluster, clock, observe }: LeadershipDeps): Pick<TokenDeps, 'cluster' | 'nowMs' | 'newToken' | 'wrote'> => ({
  cluster,
  nowMs: () => clock.nowMs(),
  // The prefix is a mark that secret scanners can look for.
  newToken: () => `ofl_${randomBytes(32).toString('base64url')}`,
  wrote: async (key, what) => {
    observe({ kind: 'token_written', key: key.metadata.name, what });
    const subject = { apiVersion, kind: 'ApiKey', metadata: key.metadata };
    const [reason, message] = tokenEvents[what];
    await cluster.emit({ subject, type: 'Normal', reason, message });
  },
});

const tokenEvents: Readonly<Record<TokenWrite, readonly [reason: string, message: string]>> = {
  minted: ['TokenMinted', 'A token was minted and put into the Secret.'],
  rotated: ['TokenRotated', 'A new token is in the Secret; the old one works for the overlap.'],
  moved: ['TokenMoved', 'The token is in the Secret that spec.tokenSecret names now; the one before is removed.'],
};

const createQueues = ({ clock, observe }: LeadershipDeps, { bundle, tokens, rollout, status, quarantine }: Controllers): Queues => {
  const base: Pick<ReconcilerOptions, 'clock' | 'random' | 'ended'> = {
    clock,
    random: Math.random,
    ended: (turn) => {
      observe({ kind: 'reconciled', ...turn });
    },
  };
  return {
    // 30 ms gather what one kubectl apply of many objects sends, and are lost in the two seconds an edit may take.
    bundle: createReconciler({
      ...base,
      name: 'bundle',
      concurrency: 1,
      settleMs: 30,
      retry: { baseMs: 500, maxMs: 30_000 },
      reconcile: () => bundle.reconcile(),
    }),
    // As many at a time as keep five thousand first tokens within seconds, and leave the configuration's own writes room.
    tokens: createReconciler({
      ...base,
      name: 'tokens',
      concurrency: 8,
      settleMs: 0,
      retry: { baseMs: 500, maxMs: 30_000 },
      reconcile: (name) => tokens.reconcile(name),
    }),
    rollout: createReconciler({
      ...base,
      name: 'rollout',
      concurrency: 64,
      settleMs: 0,
      retry: { baseMs: 500, maxMs: 10_000 },
      reconcile: (name) => rollout.reconcile(name),
    }),
    // Eight writes at a time keep 7,000 objects under a minute without crowding out the configuration's own writes.
    status: createReconciler({
      ...base,
      name: 'status',
      concurrency: 8,
      settleMs: 10,
      retry: { baseMs: 1000, maxMs: 60_000 },
      reconcile: (key) => status.reconcile(key),
    }),
    quarantine: createReconciler({
      ...base,
      name: 'quarantine',
      concurrency: 1,
      settleMs: 50,
      retry: { baseMs: 1000, maxMs: 30_000 },
      reconcile: () => quarantine.reconcile(),
    }),
  };
};
