/** Puts a gateway together and runs it: ports first, then what is on the volume, then the sources. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CompiledKey, ConfigSync, LoadedConfig, Report } from '@offloader/contract';
import { keepLastGood, readLastGood } from './bundle-source/last-good.ts';
import { openSource } from './bundle-source/open.ts';
import { createResponseCache } from './cache/responses.ts';
import { edgeOf } from './domain/answer-headers.ts';
import { incidentsOf } from './domain/incidents.ts';
import { buildLive, emptyLive } from './domain/live.ts';
import { longAnswersOf } from './domain/long-answers.ts';
import type { Observation, Observe } from './domain/observation.ts';
import type { Live } from './domain/serving.ts';
import type { Settings } from './domain/settings.ts';
import { createSigner } from './domain/signature.ts';
import { createEngine } from './duckdb/engine.ts';
import { createSlots } from './duckdb/slots.ts';
import { lineOfRefused } from './http/access.ts';
import { createAdmin } from './http/admin.ts';
import { createApi } from './http/api.ts';
import { originlessHeaders } from './http/cors.ts';
import { createDocuments } from './http/documents.ts';
import { createLimits } from './http/limits.ts';
import { openStore } from './object-store/open.ts';
import { createLog } from './observe/log.ts';
import { createMetrics } from './observe/metrics.ts';
import { createTraces } from './observe/traces.ts';
import { createSnapshots } from './snapshots/snapshots.ts';
import { followConfig } from './follow-config.ts';
import { listen } from './listen.ts';
import { settingsTable } from './settings.ts';
import { watchEngine } from './watch-engine.ts';

export type Gateway = {
  readonly apiPort: number;
  readonly adminPort: number;
  /** Is not ready any more, serves on for the drain delay, then takes no new request, lets those in flight end, and ends. */
  stop(): Promise<void>;
};
export type StartOptions = {
  readonly observe?: Observe;
  readonly version?: string; /** An empty configuration folder is one that is still to be mounted. */
  readonly waitsForMount?: boolean;
  /** How often the cache volume is looked at. */
  readonly volumeCheckMs?: number;
};

/** Probes and scrapes are short. */
const adminDrainMs = 1000;

const versionOf = async (): Promise<string> => {
  const manifest = new URL(import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url);
  return (JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version;
};

/**
 * Starts a gateway. Rejects with an Error whose message is the findings when there is no usable configuration, neither now
 * nor from before, and it is not one that is still to be mounted.
 */
export const startGateway = async (settings: Settings, options: StartOptions = {}): Promise<Gateway> => {
  const version = options.version ?? (await versionOf());
  const log = options.observe ?? createLog(settings.logLevel);
  const metrics = createMetrics();
  const traces = createTraces({ environment: process.env, version, podName: settings.podName });
  const signals = { authFailures: 0, authSuccesses: 0, busySince: null };
  const observe = (event: Observation): void => {
    if (event.kind === 'auth_failed') signals.authFailures += 1;
    // Without an endpoint the key was good and had no use.
    if (event.kind === 'request_ended' && event.keyId !== null && event.endpoint !== null) signals.authSuccesses += 1;
    metrics.observe(event);
    traces.observe(event);
    log(event);
  };
  // What a process that died has left there is nobody's any more. A volume that cannot be written can still serve.
  await rm(join(settings.cacheDir, 'tmp'), { recursive: true, force: true }).catch(() => undefined);
  const engine = await createEngine({
    cacheDir: settings.cacheDir,
    poolSize: settings.poolSize,
    remoteScanConcurrency: settings.remoteScanConcurrency,
    threads: settings.duckdbThreads,
    memoryLimit: settings.duckdbMemoryLimit,
  });
  const snapshots = await createSnapshots({
    cacheDir: settings.cacheDir,
    engine,
    openStore,
    observe,
    limits: { memoryLimit: settings.loadMemoryLimit, threads: settings.duckdbThreads },
    loadConcurrency: settings.loadConcurrency,
    ...(options.volumeCheckMs === undefined ? {} : { checkMs: options.volumeCheckMs }),
    quarantine: { maxBytes: settings.quarantineMaxBytes, maxAgeMs: settings.quarantineMaxAgeMs },
  });
  const health = watchEngine(engine, observe, () => snapshots.checkFiles());
  const cache = createResponseCache(settings.cacheMaxEntries, settings.cacheMaxBytes);
  const keyUse = new Map<string, number>();
  const limits = createLimits();

  let live: Live = emptyLive;
  let config: LoadedConfig | null = null;
  let sync: ConfigSync = {
    enabled: true,
    result: 'init',
    error: null,
    last_checked: null,
    last_applied: null,
    revision: null,
    sequence: 0,
  };
  const rebuildLive = (): void => {
    if (config !== null) live = buildLive(config.bundle, { servings: snapshots.state.servings(), kept: snapshots.state.kept() }, live);
  };
  snapshots.state.onSwap((dataset) => {
    rebuildLive();
    cache.drop(dataset);
  });
  const isReady = (): boolean => live.revision !== null && !live.draining && health.isUp() && snapshots.bootDone();

  const reportNow = async (): Promise<Report> => {
    const base = {
      build_version: version,
      pod: settings.podName,
      config_revision: live.revision,
      duckdb_status: health.isUp() ? ('ok' as const) : ('error' as const),
      pool: engine.pool(),
      disk: { cache_dir_free_bytes: await snapshots.diskFreeBytes() },
      cache_volume: snapshots.cacheVolume(),
      ready: isReady(),
      config_sync: sync,
      datasets: snapshots.reports(Date.now()),
      keys: [...keyUse].map(([id, at]) => ({ id, last_used_at: new Date(at).toISOString() })),
    };
    return { ...base, incidents: incidentsOf(base, signals) };
  };

  const apiApp = createApi({
    live: { current: () => live, lease: snapshots.state.lease },
    answers: {
      engine,
      cache,
      sign: createSigner(settings.secretKeyBase),
      timeoutMs: settings.queryTimeoutMs,
      longAnswers: createSlots(longAnswersOf(settings.poolSize, settings.longAnswers), 0),
      scratch: { dir: join(settings.cacheDir, 'tmp'), maxBytes: settings.parquetMaxBytes },
      onEngineError: health.onQueryError(snapshots.suspect),
    },
    limits,
    corsOrigins: settings.corsOrigins,
    podName: settings.podName,
    observe,
    now: Date.now,
    onKeyUsed: (id) => keyUse.set(id, Date.now()),
    version,
    baseUrl: () => `http://127.0.0.1:${inner.port}`,
  });
  // Of this process for itself: it answers for as long as a request is in flight, also when the API port takes no more.
  const inner = await listen(apiApp, { env: settingsTable.apiPort.env, port: 0, host: '127.0.0.1' });
  const below = { headers: originlessHeaders(settings.corsOrigins), refused: lineOfRefused(observe) };
  const api = await listen(apiApp, { env: settingsTable.apiPort.env, port: settings.apiPort }, below);
  const admin = await listen(
    createAdmin({
      version,
      adminToken: settings.adminToken,
      report: () => (live.revision === null ? null : reportNow()),
      metricsPage: async () => {
        const report = live.revision === null ? null : await reportNow();
        return metrics.page(report === null ? null : { report, duckdbUp: health.isUp(), cache: cache.stats(), endpoints: live.endpoints });
      },
      isReady,
      onOperator: () => snapshots.operatorSeen(),
      observe,
      documents: createDocuments({
        version,
        publicUrl: settings.publicUrl,
        edge: edgeOf(settings.podName, settings.corsOrigins),
        live: () => live,
        api: apiApp,
      }),
    }),
    { env: settingsTable.adminPort.env, port: settings.adminPort },
  );

  const forgetRemovedKeys = (keys: readonly CompiledKey[]): void => {
    const ids = new Set(keys.map(({ id }) => id));
    for (const id of keyUse.keys()) if (!ids.has(id)) keyUse.delete(id);
    limits.keepOnly(ids);
  };
  const { source, isMounted } = openSource(settings.configDir, settings.auth, settings.secretsDir, options.waitsForMount ?? false);
  const apply = async (next: LoadedConfig): Promise<void> => {
    if (config === null) {
      // Whoever has written it may be about, unheard as yet: a replica that starts waits for its word as the others do.
      if (isMounted) snapshots.operatorSeen();
      await snapshots.warmStart(next.bundle.datasets);
    }
    config = next;
    // Keys and grants count from the next request on; a dataset that moved keeps its old endpoints until its cutover.
    rebuildLive();
    snapshots.configure(next.bundle.datasets, next.credentials);
    rebuildLive();
    cache.drop(null);
    forgetRemovedKeys(next.bundle.keys);
    observe({
      kind: 'config_applied',
      revision: next.bundle.revision,
      sequence: next.sequence,
      datasets: next.bundle.datasets.length,
      endpoints: next.bundle.endpoints.length,
      keys: next.bundle.keys.length,
    });
    await keepLastGood(settings.cacheDir, next).catch(() => undefined);
  };
  const follower = followConfig(source, {
    apply,
    fallback: async () => readLastGood(settings.cacheDir),
    isRequired: !isMounted,
    observe,
    onSync: (next) => (sync = next),
  });
  const stopAll = async (): Promise<void> => {
    follower.stop();
    health.stop();
    await api.close(settings.drainTimeoutMs);
    await inner.close(0);
    // Last, so that the probes say what is going on until the end.
    await admin.close(adminDrainMs);
    await snapshots.close();
    await engine.close();
    await traces.stop();
  };
  try {
    await follower.start();
  } catch (error) {
    await stopAll();
    throw error;
  }
  observe({ kind: 'booted', apiPort: api.port, adminPort: admin.port, revision: live.revision, version });
  return {
    apiPort: api.port,
    adminPort: admin.port,
    stop: async () => {
      observe({ kind: 'draining' });
      live = { ...live, draining: true };
      api.drain();
      await pause(settings.drainDelayMs);
      await stopAll();
    },
  };
};
