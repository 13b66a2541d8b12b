// The loader process stands behind the gateway that serves when the processors are short.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runLoad } from '../src/snapshots/run-load.ts';
import { createLake, datasetOf, visits } from './support/lake.ts';

/** What /proc says after a process's name, which may hold blanks: state, parent, …, and at 16 its niceness. */
const statOf = async (path: string): Promise<readonly string[] | undefined> =>
  (await readFile(`${path}/stat`, 'utf8').catch(() => undefined))?.split(') ').at(-1)?.split(' ');

/** The niceness of every thread of every process that this one has started. */
const childrensNiceness = async (): Promise<readonly number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const own = await Promise.all(pids.map(async (pid) => ((await statOf(`/proc/${pid}`))?.[1] === String(process.pid) ? [pid] : [])));
  const threads = await Promise.all(
    own.flat().map(async (pid) => {
      const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
      return Promise.all(tasks.map(async (task) => statOf(`/proc/${pid}/task/${task}`)));
    }),
  );
  return threads.flat().flatMap((stat) => (stat === undefined ? [] : [Number(stat[16])]));
};

test('every thread of a load runs at a lower priority than what serves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-load-'));
  const lake = await createLake();
  await lake.publish('a1', visits(1, 200_000));
  const seen: number[] = [];
  const job = {
    folder,
    files: [{ path: lake.fileOf('a1'), name: 'part-0.parquet', format: 'parquet' as const, rowCount: 200_000 }],
    schema: datasetOf(lake.url).schema,
    modes: ['LocalTable' as const],
    sortColumns: ['tenant_id'],
    rowCount: 200_000,
    memoryLimit: '512MiB',
    threads: 2,
  };
  let isOver = false;
  const loading = runLoad(job, new AbortController().signal).finally(() => (isOver = true));
  while (!isOver) seen.push(...(await childrensNiceness()));
  expect(await loading).toMatchObject({ kind: 'loaded', rows: 200_000 });
  // More than Node.js has at its start: DuckDB's are among them.
  expect(seen.length).toBeGreaterThan(10);
  expect([...new Set(seen)]).toEqual([getPriority() + 10]);
  await lake.remove();
  await rm(folder, { recursive: true, force: true });
});
