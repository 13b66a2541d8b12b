/** The method (docs/contract.md, "Benchmark method"): boot, load, restart; every scenario at every level of concurrency. */
import { availableParallelism } from 'node:os';
import { type Bare, startBare } from './bare.ts';
import { boot, type Booted, buildGateway } from './boot.ts';
import { load } from './load.ts';
import type { Options } from './options.ts';
import { check, offsetOf, type Scenario } from './scenarios.ts';
import { besideBare, figuresOf, type Figures, type Measured, noteOf, type Summary } from './summary.ts';
import { allScenarios, createWorld, filesBelow, token, type World } from './world.ts';

type Level = { readonly level: number; readonly levels: number; readonly concurrency: number };
type Target = { readonly by: 'gateway' | 'bare'; readonly urlOf: (offset: number) => string };
/** Told of every line as it is measured. */
type Tell = (line: string) => void;

/** One scenario at one level. Throws when an answer is not what the scenario is about. */
export const measure = async (
  scenario: Scenario,
  level: Level,
  requests: number,
  { by, urlOf }: Target,
  first: number,
): Promise<Figures> => {
  const offset = (n: number): number => offsetOf(scenario, level, n);
  const done = await load((n) => urlOf(offset(n)), { requests, concurrency: level.concurrency, token });
  for (const [n, answer] of done.answers.entries()) check(scenario, answer, { offset: offset(n), first, by });
  return figuresOf(scenario.name, level.concurrency, done);
};

/** How many snapshots a gateway has loaded since it was started. */
const loads = async (gateway: Booted): Promise<number> => gateway.metric('offloader_load_duration_seconds_count');

const measureAll = async (options: Options, { first }: World, gateway: Booted, bare: Bare, tell: Tell): Promise<readonly Measured[]> => {
  const measured: Measured[] = [];
  for (const scenario of allScenarios(options.remoteScan)) {
    const targets = {
      gateway: { by: 'gateway', urlOf: (offset: number) => `${gateway.url}${scenario.endpoint}?offset=${offset}` },
      bare: { by: 'bare', urlOf: (offset: number) => `${bare.url}${scenario.name}/${offset}` },
    } as const;
    // What is to come out of a cache has to be in it.
    if (!scenario.isUnique)
      for (const { urlOf } of Object.values(targets)) await load(() => urlOf(0), { requests: 1, concurrency: 1, token });
    for (const [at, concurrency] of options.concurrency.entries()) {
      const level = { level: at, levels: options.concurrency.length, concurrency };
      const ours = await measure(scenario, level, options.requests, targets.gateway, first);
      const one = besideBare(ours, await measure(scenario, level, options.requests, targets.bare, first));
      measured.push(one);
      tell(`${one.scenario} at ${concurrency}: ${one.rps} rps, ${one.of_bare} of bare, p99 ${one.p99_ms} ms, ${one.errors} errors`);
    }
  }
  return measured;
};

/** Runs the whole method on fresh data and an empty cache. `start` boots a gateway on a world's cache as it is. */
export const runMethod = async (options: Options, tell: Tell = () => undefined, start: typeof boot = boot): Promise<Summary> => {
  await buildGateway();
  const offsets = options.requests * options.concurrency.length + 1;
  const world = await createWorld(allScenarios(options.remoteScan), options.rows, offsets);
  const running: { end(): Promise<void> }[] = [];
  try {
    const cold = await start(world);
    running.push(cold);
    if ((await loads(cold)) === 0) throw new Error('the cold start has loaded nothing');
    const bare = await startBare(world);
    running.push(bare);
    const scenarios = await measureAll(options, world, cold, bare, tell);
    const rss = await cold.metric('process_resident_memory_bytes');
    const cache = (await filesBelow(world.cacheDir)).reduce((sum, { bytes }) => sum + bytes, 0);
    await cold.end();
    const warm = await start(world);
    running.push(warm);
    if ((await loads(warm)) > 0) throw new Error('the warm start has loaded again what its cache holds');
    return {
      generated_at: new Date().toISOString(),
      note: noteOf(availableParallelism(), options.rows),
      server: {
        cold_load_ms: Math.round(cold.readyMs),
        warm_load_ms: Math.round(warm.readyMs),
        rss_mb: Math.round(rss / 2 ** 20),
        cache_disk_bytes: cache,
      },
      scenarios,
    };
  } finally {
    for (const one of running) await one.end();
    await world.end();
  }
};
