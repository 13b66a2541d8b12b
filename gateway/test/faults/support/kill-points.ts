// Loaded into a gateway with --import, and by it into its loaders: counts what they do to the volume, the loader and DuckDB,
// and kills its own process at the n-th such call or at one by its name, before it or just after it has begun. In a loader the
// count starts with its job, in a gateway with the first load after SIGUSR2; $FAULT_FOLDER says at which call.
import childProcess, { type ForkOptions } from 'node:child_process';
import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';

type Call = (...args: any[]) => any;
const { appendFileSync, readFileSync, rmSync } = fs;
const { FAULT_FOLDER: folder = '', FAULT_LOADER: isLoader } = process.env;
let killAt: string | null = null;
let isCounting = false;
let count = 0;

const write = (line: string, file = 'trace'): void => appendFileSync(join(folder, file), `${line}\n`);
/** Takes the order that lies in a file, once. */
const order = (name: string): string | null => {
  try {
    const at = readFileSync(join(folder, name), 'utf8');
    rmSync(join(folder, name));
    return at;
  } catch {
    return null;
  }
};
const point = (label: string): void => {
  // The gateway asks its engine now and then whether it lives.
  if (!isCounting || label.endsWith('run SELECT')) return;
  write(`point ${count} ${label.trim()}`);
  if (killAt === String(count) || killAt === label.trim()) process.kill(process.pid, 'SIGKILL');
  count += 1;
};

/** Every call is two points: before it, and when it has begun. */
const watched = (name: string, call: Call, labelOf: (args: readonly unknown[]) => string): Call =>
  function (this: unknown, ...args) {
    const label = `${name} ${labelOf(args)}`;
    if (!isLoader && name === 'mkdir' && label.endsWith('files') && killAt !== null) isCounting = true;
    point(`before ${label}`);
    const result: unknown = call.apply(this, args);
    point(`during ${label}`);
    return result;
  };
const watch = (
  object: object,
  names: readonly string[],
  labelOf: (args: readonly unknown[]) => string = ([path]) => basename(String(path)),
): void => {
  const calls = object as Record<string, Call>;
  for (const name of names) calls[name] = watched(name, calls[name]!, labelOf);
};

const handle = await promises.open('/dev/null');
watch(Object.getPrototypeOf(handle) as FileHandle, ['sync', 'writeFile'], () => '');
await handle.close();
watch(promises, ['mkdir', 'rm', 'rename', 'writeFile', 'open']);
watch(fs, ['createWriteStream']);
const fork = childProcess.fork as (program: string, args: readonly string[], options: ForkOptions) => unknown;
const forkFaulty = (program: string, args: readonly string[], options: ForkOptions): unknown =>
  fork(program, args, {
    ...options,
    execArgv: [...(options.execArgv ?? []), '--import', import.meta.url],
    env: { ...options.env, FAULT_FOLDER: folder, FAULT_LOADER: '1' },
  });
(childProcess as { fork: unknown }).fork = watched('fork', forkFaulty, () => 'loader');
syncBuiltinESMExports();

const { DuckDBConnection } = createRequire(import.meta.url)('@duckdb/node-api') as { DuckDBConnection: { prototype: object } };
const keyword = ([sql]: readonly unknown[]): string => String(sql).split(' ', 1)[0]!;
watch(DuckDBConnection.prototype, isLoader ? ['run', 'runAndReadAll'] : ['run'], keyword);

if (isLoader) {
  write(String(process.pid), 'loaders');
  process.once('message', (job) => {
    killAt = order(basename(dirname((job as { folder: string }).folder)));
    isCounting = killAt !== null;
  });
  const { send } = process;
  process.send = watched('send', send!, () => 'answer') as NonNullable<typeof process.send>;
} else
  process.on('SIGUSR2', () => {
    killAt = order('gateway');
    count = 0;
    isCounting = false;
    write('armed');
  });
