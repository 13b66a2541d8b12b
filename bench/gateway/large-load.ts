/**
 * Large loads: 5 GB of source files, half Parquet and half CSV, come into a built gateway that has 1 GiB of memory in all, twice, while
 * clients ask. Prints a table; --out FILE writes it as well. Fails when a bound is missed.
 *   node --conditions=source bench/gateway/large-load.ts [--gigabytes N] [--snapshots N] [--out FILE]
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { from } from '../from.ts';
import { percentile } from '../percentiles.ts';

type Round = {
  readonly published: Readonly<Record<string, { readonly bytes: number; readonly rows: number; readonly files: number }>>;
  readonly loads: readonly { readonly dataset: string; readonly tookMs: number; readonly tableBytes: number }[];
  readonly peaks: Readonly<Record<'gateway' | 'loader' | 'loaders' | 'all' | 'sideBySide' | 'disk', number>>;
  readonly diskBefore: number;
  readonly diskAfter: number;
  readonly diskBudget: number;
};
type LargeLoad = {
  readonly rounds: readonly Round[];
  readonly asked: {
    readonly right: number;
    readonly wrong: readonly string[];
    readonly failed: ReadonlyMap<string, number>;
    readonly tookMs: readonly number[];
  };
  readonly bareMs: number | null;
  readonly kernel: { readonly peak: number; readonly kills: number } | null;
};
type Options = Readonly<Record<'bytes' | 'files' | 'snapshots' | 'podMebibytes' | 'engineMebibytes' | 'loadMebibytes', number>>;
const { largeLoad } = await from<{
  readonly largeLoad: (
    options: Options & { by: readonly string[]; comparesWithBare: boolean; tell: (line: string) => void },
  ) => Promise<LargeLoad>;
}>('gateway/test/faults/support/large-load.ts');
const { builtCommand } = await from<{ readonly builtCommand: readonly string[] }>('gateway/test/support/process.ts');

const { values: given } = parseArgs({
  options: { gigabytes: { type: 'string', default: '5' }, snapshots: { type: 'string', default: '2' }, out: { type: 'string' } },
});
const [podMebibytes, engineMebibytes, loadMebibytes, filesEach] = [1024, 192, 300, 40];
const { rounds, asked, bareMs, kernel } = await largeLoad({
  bytes: (Number(given.gigabytes) * 1e9) / 2,
  files: filesEach,
  snapshots: Number(given.snapshots),
  podMebibytes,
  engineMebibytes,
  loadMebibytes,
  by: builtCommand,
  comparesWithBare: true,
  tell: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
});

type Row = readonly [what: string, measured: number, bound: number | null, unit: string];
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
const gigabytes = (bytes: number): number => Math.round(bytes / 1e7) / 100;
const rowsOf = ({ published, loads, peaks, diskBefore, diskAfter, diskBudget }: Round, at: number): readonly Row[] => {
  const name = `snapshot ${at + 1}`;
  return [
    ...Object.entries(published).flatMap(([dataset, { bytes, rows, files }]): Row[] => {
      const load = loads.find((one) => one.dataset === dataset);
      return [
        [`${name}: ${dataset}, ${files} files, ${(rows / 1e6).toFixed(1)} million rows`, gigabytes(bytes), null, ' GB'],
        [`${name}: ${dataset}, its table`, gigabytes(load?.tableBytes ?? 0), null, ' GB'],
        [`${name}: ${dataset}, from the first byte to the swap`, Math.round((load?.tookMs ?? 0) / 1000), null, ' s'],
      ];
    }),
    [`${name}: peak of a loader`, mebibytes(peaks.loader), loadMebibytes, ' MiB'],
    [`${name}: peak of the gateway`, mebibytes(peaks.gateway), null, ' MiB'],
    [`${name}: peak of all processes at one moment`, mebibytes(peaks.all), podMebibytes, ' MiB'],
    [`${name}: loaders side by side`, peaks.sideBySide, 2, ''],
    [`${name}: on the volume before`, gigabytes(diskBefore), null, ' GB'],
    [`${name}: peak on the volume, old and new`, gigabytes(peaks.disk), gigabytes(diskBudget), ' GB'],
    [`${name}: on the volume afterwards`, gigabytes(diskAfter), null, ' GB'],
  ];
};
const failures = [...asked.failed.values()].reduce((sum, count) => sum + count, 0);
const loadMs = Math.max(0, ...(rounds.at(-1)?.loads ?? []).map(({ tookMs }) => tookMs));
const table: readonly Row[] = [
  ...rounds.flatMap(rowsOf),
  ...(bareMs === null
    ? []
    : ([
        ['bare DuckDB, the files of the last snapshot, one dataset after the other', Math.round(bareMs / 1000), null, ' s'],
        ['the last snapshot in the gateway, both datasets, by bare DuckDB', Math.round((loadMs / bareMs) * 100) / 100, null, 'x'],
      ] as const)),
  ...(kernel === null
    ? []
    : ([
        ['peak by the kernel, which enforces it', mebibytes(kernel.peak), podMebibytes, ' MiB'],
        ['processes that the kernel ended', kernel.kills, 0, ''],
      ] as const)),
  ['requests meanwhile', asked.right + asked.wrong.length + failures, null, ''],
  ['failed', failures, 0, ''],
  ['mixed (rows of another snapshot than the one named)', asked.wrong.length, 0, ''],
  ['answers meanwhile, p50', Math.round(percentile(asked.tookMs, 50)), null, ' ms'],
  ['answers meanwhile, p99', Math.round(percentile(asked.tookMs, 99)), null, ' ms'],
];
const text = `# Large loads

Made by \`make bench-large-load\`: ${given.gigabytes} GB of source files for each snapshot, half of them Parquet and half CSV, as two datasets in a MinIO, a column missing in every fourth file. A built gateway has ${podMebibytes} MiB of memory for itself and its loaders (${kernel === null ? 'measured' : 'enforced by the kernel'}): \`OFFLOADER_DUCKDB_MEMORY_LIMIT\` is ${engineMebibytes}MiB, \`OFFLOADER_LOAD_MEMORY_LIMIT\` ${loadMebibytes}MiB, and both datasets load side by side while two clients ask, each every 50 ms or so. Memory is what a process has for itself (anonymous pages), looked at several times a second; the volume is what its blocks take: source files, what sorting spills, tables, of both datasets. ${cpus().length} cores carry gateway, loaders, MinIO, clients and the making of the next data. Bare DuckDB is \`CREATE TABLE … ORDER BY\` of the same files on the local disk, with all the memory of the machine, in the end of the same run. Figures compare with one another, they are no promise.

| what | measured | bound |
| --- | --- | --- |
${table.map(([what, measured, bound, unit]) => `| ${what} | ${measured}${unit} | ${bound === null ? '' : `${bound}${unit}`} |`).join('\n')}
`;
process.stdout.write(text);
if (given.out !== undefined) await writeFile(given.out, text);
const missed = table.filter(([, measured, bound]) => bound !== null && measured > bound);
for (const [what] of missed) process.stderr.write(`missed: ${what}\n`);
process.exitCode = missed.length === 0 ? 0 : 1;
