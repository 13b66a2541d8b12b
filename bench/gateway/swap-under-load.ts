/**
 * Swaps under load: 32 clients ask a real gateway process while 120 snapshots swap in, about one a second, each loaded from
 * Parquet by a loader process on the same machine. Prints a table; --out FILE writes it as well.
 *   node --conditions=source bench/gateway/swap-under-load.ts [--swaps N] [--out FILE]
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { from } from '../from.ts';
import { percentile } from '../percentiles.ts';

type SwapLoad = {
  readonly requests: number;
  readonly failed: number;
  readonly mixed: number;
  readonly held: { readonly whole: number; readonly broken: readonly string[]; readonly lost: readonly string[] };
  readonly swaps: number;
  readonly swapSeconds: number;
  readonly steadyMs: readonly number[];
  readonly swappingMs: readonly number[];
};
const { swapUnderLoad } = await from<{
  readonly swapUnderLoad: (options: { clients: number; steadySeconds: number; swaps: number }) => Promise<SwapLoad>;
}>('gateway/test/faults/support/swap-load.ts');

const { values: options } = parseArgs({ options: { swaps: { type: 'string', default: '120' }, out: { type: 'string' } } });
const clients = 32;
const { requests, failed, mixed, held, swaps, swapSeconds, steadyMs, swappingMs } = await swapUnderLoad({
  clients,
  steadySeconds: 30,
  swaps: Number(options.swaps),
});
const spread = (values: readonly number[]): string =>
  [50, 95, 99].map((p) => `p${p} ${percentile(values, p).toFixed(1)} ms`).join(', ') + `, max ${Math.max(...values).toFixed(1)} ms`;
const ratio = percentile(swappingMs, 99) / percentile(steadyMs, 99);
const table = `# Swaps under load

Made by \`make bench-swap\`: ${clients} clients, each with a request every 40 ms or so; two datasets of 20,000 rows, each new snapshot loaded from Parquet by a loader on the same ${cpus().length} cores. Figures compare with one another, they are no promise.

| what | measured | bound |
| --- | --- | --- |
| requests | ${requests} | |
| swaps | ${swaps} in ${swapSeconds.toFixed(0)} s, one in ${(swapSeconds / swaps).toFixed(2)} s | |
| failed | ${failed} | 0 |
| mixed (rows of another snapshot than the one named) | ${mixed} | 0 |
| long answers that stood still over two swaps and came out whole | ${held.whole} | |
| other long answers, and snapshots that went below their reader | ${held.broken.length + held.lost.length} | 0 |
| while nothing changes | ${spread(steadyMs)} | |
| while snapshots load and swap | ${spread(swappingMs)} | |
| p99 against the steady state | ${ratio.toFixed(2)} times | |
`;
process.stdout.write(table);
if (options.out !== undefined) await writeFile(options.out, table);
process.exitCode = failed + mixed + held.broken.length + held.lost.length === 0 ? 0 : 1;
