// Swaps under load: clients ask all the time, first while nothing changes, then while one snapshot after another swaps in.
// Nothing is kept of what a swap replaces: it goes as soon as nobody reads it, and some read for long.
import { setTimeout as pause } from 'node:timers/promises';
import { apiKey } from '../../support/gateway.ts';
import { startProcess } from '../../support/process.ts';
import { startAsking } from './asking.ts';
import { createFleet } from './fleet.ts';
import { type Held, holdAnswers, wholeEndpoint } from './held-answers.ts';
import { left, orphansOn } from './volume.ts';

export type SwapLoad = {
  readonly requests: number;
  readonly failed: number;
  /** What failed, and how often. */
  readonly failures: readonly (readonly [string, number])[];
  /** Answers whose rows were not those of the snapshot they named. */
  readonly mixed: number;
  /** Long answers that stood still over swaps. */
  readonly held: Held;
  /** What lies on the volume in the end and does not serve. */
  readonly orphans: readonly string[];
  readonly swaps: number;
  readonly swapSeconds: number;
  /** Of every answer while nothing changed, and while snapshots swapped in. */
  readonly steadyMs: readonly number[];
  readonly swappingMs: readonly number[];
};
type Options = { readonly clients: number; readonly steadySeconds: number; readonly swaps: number };

/** Time between a client's requests: a load, not a saturated machine. */
const pauseMs = 40;
const longestSwapMs = 300_000;
/** A poll a second and a load of most of a second make a swap in two seconds for each dataset. */
const datasets = ['left', 'right'];
const rows = 20_000;

const swapAfter = async (reached: number, swapped: () => number): Promise<void> => {
  const givesUpAt = performance.now() + longestSwapMs;
  while (swapped() === reached) {
    if (performance.now() > givesUpAt) throw new Error(`no swap for ${longestSwapMs} ms after ${reached} of them`);
    await pause(20);
  }
};

/** Runs one gateway process until that many snapshots have swapped in. */
export const swapUnderLoad = async ({ clients, steadySeconds, swaps }: Options): Promise<SwapLoad> => {
  const fleet = await createFleet(datasets, rows);
  await fleet.configure(() => ({ snapshot: { keep: 0 } }), [...datasets.map(wholeEndpoint), apiKey('acme')]);
  await fleet.publish(1);
  const gateway = await startProcess([], {
    OFFLOADER_CONFIG: fleet.configDir,
    OFFLOADER_CACHE_DIR: fleet.cacheDir,
    // A connection for each client: what is looked for is what a swap does to a request, not what a full pool does.
    OFFLOADER_POOL_SIZE: String(clients + datasets.length),
    // Whoever stands still for so long is sent away.
    OFFLOADER_QUERY_TIMEOUT: '10m',
  });
  const swapsIn = (filter: string): number =>
    gateway.lines.filter((line) => line.includes('"snapshot_swapped"') && line.includes('"cause":"refresh"') && line.includes(filter))
      .length;
  const asking = startAsking(() => gateway.apiPort, datasets, clients, pauseMs);
  const swapsOf = (dataset: string): number => swapsIn(`"dataset":"${dataset}"`);
  const holding = holdAnswers({ port: gateway.apiPort, cacheDir: fleet.cacheDir, datasets, rows: rows / 2, swapsOf });
  try {
    const swapped = (): number => swapsIn('');
    const before = swapped();
    // Connections and caches are warm before anything is measured.
    await pause(2000);
    const warm = asking.seen().tookMs.length;
    await pause(steadySeconds * 1000);
    const steady = asking.seen().tookMs.length;
    const startedMs = performance.now();
    for (let n = 2; swapped() - before < swaps; n += 1) {
      const reached = swapped();
      await fleet.publish(n);
      // The next publish comes when one of them has swapped: as fast as they load.
      await swapAfter(reached, swapped);
    }
    const swapSeconds = (performance.now() - startedMs) / 1000;
    const { right, wrong, failed, tookMs } = await asking.stop();
    const held = await holding.stop();
    const failures = [...failed.values()].reduce((sum, count) => sum + count, 0);
    return {
      requests: right + wrong.length + failures,
      failed: failures,
      failures: [...failed],
      mixed: wrong.length,
      held,
      orphans: await left(async () => orphansOn(fleet.cacheDir), 300_000),
      swaps: swapped() - before,
      swapSeconds,
      steadyMs: tookMs.slice(warm, steady),
      swappingMs: tookMs.slice(steady),
    };
  } finally {
    await asking.stop();
    await holding.stop();
    await gateway.end();
    await fleet.end();
  }
};
