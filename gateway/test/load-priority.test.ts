// The loader process stands behind the gateway that serves when the processors are short.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { databaseFile } from '../src/snapshots/load-job.ts';
import { runLoad } from '../src/snapshots/run-load.ts';
import { createLake, datasetOf, visits } from './support/lake.ts';
import { requiring } from './support/linux.ts';
import { findLoader, statOf } from './support/loaders.ts';
import { until } from './support/gateway.ts';

const nicenessOfThreads = async (pid: number): Promise<readonly number[]> => {
  const stats = await Promise.all((await readdir(`/proc/${pid}/task`).catch(() => [])).map(async (task) => statOf(`/proc/${pid}/task/${task}`)));
  return stats.flatMap((stat) => (stat[16] === undefined ? [] : [Number(stat[16])]));
}; // prettier-ignore

requiring('proc').test('every thread of a load runs at a lower priority than what serves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-load-'));
  const lake = await createLake();
  await lake.publish('a1', visits(1, 200_000));
  const threads = 32;
  const job = {
    folder,
    files: [{ path: lake.fileOf('a1'), name: 'part-0.parquet', format: 'parquet' as const, rowCount: 200_000, isLocal: true }],
    schema: datasetOf(lake.url).schema,
    declared: datasetOf(lake.url).schema,
    modes: ['LocalTable' as const],
    sortColumns: ['tenant_id'],
    rowCount: 200_000,
    memoryLimit: '8GiB',
    threads,
  };
  let isOver = false;
  const loading = runLoad(job, new AbortController().signal).finally(() => (isOver = true));
  const seen: (readonly number[])[] = [];
  let loader: number | undefined;
  await until(async () => (loader ??= await findLoader()) !== undefined || isOver);
  while (!isOver) {
    // Before DuckDB is at work the process is still starting.
    const isLoading = existsSync(join(folder, databaseFile));
    const niceness = await nicenessOfThreads(loader ?? 0);
    if (isLoading) seen.push(niceness);
  }
  expect(await loading).toMatchObject({ kind: 'loaded', rows: 200_000 });
  // Node.js has a dozen of its own: DuckDB's are among them.
  expect(Math.max(...seen.map(({ length }) => length))).toBeGreaterThan(threads);
  expect([...new Set(seen.flat())]).toEqual([Math.min(getPriority() + 10, 19)]);
  await lake.remove();
  await rm(folder, { recursive: true, force: true });
});
