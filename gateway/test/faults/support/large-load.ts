// A load that is much larger than the memory: one gateway process takes two datasets side by side while clients ask, and what its
// processes and its cache volume hold meanwhile is measured.
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { neededBytes } from '../../../src/domain/room.ts';
import { bytesIn } from '../../../src/snapshots/disk.ts';
import { removeUsed } from '../../support/gateway.ts';
import { loadersOf } from '../../support/loaders.ts';
import { openMemoryGroup } from '../../support/memory-group.ts';
import { type GatewayProcess, startProcess } from '../../support/process.ts';
import { type Asked, startAsking } from './asking.ts';
import { type Format, formats, type LargeSource, type Published, startLargeSource } from './large-source.ts';
import { attemptsIn } from './volume.ts';

/** The highest that was seen, in bytes. */
export type Peaks = {
  readonly gateway: number;
  /** Of any one loader. */
  readonly loader: number;
  /** Of all loaders of one moment. */
  readonly loaders: number;
  /** Of gateway and loaders of one moment. */
  readonly all: number;
  /** Loader processes of one moment. */
  readonly sideBySide: number;
  readonly disk: number;
};
export type Load = { readonly dataset: Format; readonly tookMs: number; readonly tableBytes: number };
export type Round = {
  readonly published: Readonly<Record<Format, Published>>;
  readonly loads: readonly Load[];
  readonly peaks: Peaks;
  /** What lay on the volume before, and may lie there meanwhile: that, and the room that the loads were given. */
  readonly diskBefore: number;
  readonly diskAfter: number;
  readonly diskBudget: number;
};
export type LargeLoad = {
  readonly rounds: readonly Round[];
  readonly asked: Asked;
  /** What DuckDB took for the files of the last snapshot with all the memory there is, one dataset after the other, in ms; null unless asked for. */
  readonly bareMs: number | null;
  /** Where the kernel held all processes to the pod's limit: the most of it that they had, and the processes that it ended. */
  readonly kernel: { readonly peak: number; readonly kills: number } | null;
};
export type LargeLoadOptions = {
  /** Of the source files of each dataset, and their number. */
  readonly bytes: number;
  readonly files: number;
  /** Snapshots of that size, one after the other. */
  readonly snapshots: number;
  /** In MiB: what the kernel holds the whole to, where it can, and the settings of engine and loads. */
  readonly podMebibytes: number;
  readonly engineMebibytes: number;
  readonly loadMebibytes: number;
  /** How the gateway is started. */
  readonly by: readonly string[];
  readonly tell?: (line: string) => void;
  /** Whether bare DuckDB sorts the files of the last snapshot as well, in the end. */
  readonly comparesWithBare?: boolean;
};

const none: Peaks = { gateway: 0, loader: 0, loaders: 0, all: 0, sideBySide: 0, disk: 0 };
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Memory that a process has for itself: its anonymous pages. Of the files that it has mapped, programs and libraries, one copy serves all. */
const ownBytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
};

/** Looks several times a second, for as long as it is not told to stop. */
const watch = (pid: number, cacheDir: string, kernelBytes: () => Promise<number>) => {
  let peaks = none;
  let kernelPeak = 0;
  let isOver = false;
  const look = async (): Promise<void> => {
    const loaders = await Promise.all((await loadersOf(pid)).map(ownBytes));
    const [gateway, disk, kernel] = await Promise.all([ownBytes(pid), bytesIn(cacheDir), kernelBytes()]);
    const seen: Peaks = {
      gateway,
      loader: Math.max(0, ...loaders),
      loaders: sum(loaders),
      all: gateway + sum(loaders),
      sideBySide: loaders.length,
      disk,
    };
    const higher = (name: keyof Peaks): number => Math.max(peaks[name], seen[name]);
    peaks = Object.fromEntries((Object.keys(none) as (keyof Peaks)[]).map((name) => [name, higher(name)])) as Peaks;
    kernelPeak = Math.max(kernelPeak, kernel);
  };
  const running = (async () => {
    while (!isOver) {
      await look();
      await pause(100);
    }
  })();
  return {
    /** The peaks since it was asked last. */
    take: (): Peaks => {
      const taken = peaks;
      peaks = none;
      return taken;
    },
    kernelPeak: () => kernelPeak,
    stop: async (): Promise<void> => {
      isOver = true;
      await running;
    },
  };
};

/** Waits until both datasets serve snapshot `a<n>`; the first attempt counts. */
const loadsOf = async ({ lines, exit }: GatewayProcess, n: number): Promise<readonly Load[]> => {
  const hasEnded = exit.then(() => true);
  const end = (format: Format): string | undefined => attemptsIn(lines, format).find((attempt) => attempt.startsWith(`a${n} `));
  while (!formats.every((format) => end(format) === `a${n} ok`)) {
    const isBad = formats.some((format) => ![undefined, `a${n} ok`, `a${n} unchanged`].includes(end(format)));
    if (isBad || (await Promise.race([hasEnded, pause(100, false)]))) throw new Error(lines.slice(-5).join('\n'));
  }
  return lines
    .filter((line) => line.includes('"load_ended"'))
    .map((line) => JSON.parse(line) as { dataset: Format; snapshotId: string; bytes: number; tookMs: number })
    .filter(({ snapshotId }) => snapshotId === `a${n}`)
    .map(({ dataset, bytes, tookMs }) => ({ dataset, tookMs, tableBytes: bytes }));
};

type Watch = ReturnType<typeof watch>;
const playRound = async (
  n: number,
  { bytes, files, tell }: LargeLoadOptions,
  { source, gateway, watching, cacheDir }: { source: LargeSource; gateway: GatewayProcess; watching: Watch; cacheDir: string },
): Promise<Round> => {
  const diskBefore = await bytesIn(cacheDir);
  watching.take();
  tell?.(`snapshot a${n} is being made`);
  const published = await source.publish(n, bytes, files);
  tell?.(`snapshot a${n} is published`);
  const loads = await loadsOf(gateway, n);
  const promised = sum(formats.map((format) => neededBytes(published[format].bytes)));
  const peaks = watching.take();
  tell?.(`snapshot a${n} serves: ${JSON.stringify({ loads, peaks })}`);
  return { published, loads, peaks, diskBefore, diskAfter: await bytesIn(cacheDir), diskBudget: diskBefore + promised };
};

/** Starts on small snapshots, then takes large ones. */
export const largeLoad = async (options: LargeLoadOptions): Promise<LargeLoad> => {
  const cacheDir = await mkdtemp(join(tmpdir(), 'offloader-large-cache-'));
  const source = await startLargeSource(options.comparesWithBare);
  const group = await openMemoryGroup(options.podMebibytes * 2 ** 20);
  let gateway: GatewayProcess | undefined;
  let asking: ReturnType<typeof startAsking> | undefined;
  let watching: Watch | undefined;
  try {
    await source.publish(0, 5_000_000, 2);
    const environment = {
      ...source.environment,
      OFFLOADER_CACHE_DIR: cacheDir,
      OFFLOADER_DUCKDB_MEMORY_LIMIT: `${options.engineMebibytes}MiB`,
      OFFLOADER_LOAD_MEMORY_LIMIT: `${options.loadMebibytes}MiB`,
    };
    gateway = await startProcess(source.resources, environment, [...(group?.under ?? []), ...options.by]);
    const { apiPort } = gateway;
    watching = watch(gateway.child.pid ?? 0, cacheDir, async () => group?.anonymousBytes() ?? 0);
    asking = startAsking(() => apiPort, formats, 2, 50);
    const rounds: Round[] = [];
    for (let n = 1; n <= options.snapshots; n += 1) {
      rounds.push(await playRound(n, options, { source, gateway, watching, cacheDir }));
      // Nobody reads them again.
      if (n < options.snapshots) await source.drop(n);
    }
    const asked = await asking.stop();
    await watching.stop();
    const bareMs = options.comparesWithBare === true ? sum(Object.values(await source.sortBare(options.snapshots))) : null;
    options.tell?.(`bare DuckDB: ${bareMs} ms`);
    return { rounds, asked, bareMs, kernel: group === undefined ? null : { peak: watching.kernelPeak(), kills: await group.kills() } };
  } finally {
    await asking?.stop();
    await watching?.stop();
    await gateway?.end();
    await group?.remove();
    await source.end();
    await removeUsed(cacheDir);
  }
};
