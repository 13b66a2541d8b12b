// The contract's sentence on remote metadata, of its section "Pool and limits".
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createEngine } from '../../src/duckdb/engine.ts';
import { endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';

let lake: Lake;
let world: World;
const remote = { tenant: undefined, servingMode: 'RemoteScan', cache: { policy: 'None' } };

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld([visitsDataset(lake.url, { tenantColumn: undefined, snapshot: { keep: 0 } }), endpoint('daily', remote)], { OFFLOADER_AUTH: 'none' }); // prettier-ignore
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

/** Takes the footers from the files that serve, so that nothing but their size and time is left of them to see. */
const removeFooters = async (): Promise<number> => {
  const files = globSync(join(world.cacheDir, 'snapshots/visits/*/files/**/*.parquet'));
  for (const path of files) {
    execFileSync('touch', ['-r', path, `${path}.time`]);
    const { size } = await stat(path);
    const file = await open(path, 'r+');
    const length = Buffer.alloc(4);
    await file.read(length, 0, 4, size - 8);
    const footer = length.readUInt32LE() + 8;
    await file.write(Buffer.alloc(footer), 0, footer, size - footer);
    await file.close();
    execFileSync('touch', ['-r', `${path}.time`, path]);
  }
  return files.length;
};
const snapshotOf = async (): Promise<unknown> => {
  const report = (await (await world.admin('/diagnostics', 'admin-token')).json()) as { datasets: { active_snapshot: { snapshot_id: string } }[] };
  return report.datasets[0]?.active_snapshot.snapshot_id;
}; // prettier-ignore
/** What many requests at once are answered, on as many connections as there are. */
const answered = async (): Promise<readonly unknown[]> =>
  Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      const response = await world.get(`/v1/endpoints/daily?limit=${n + 1}`);
      const { data } = (await response.json()) as { data?: { visits: number; rows: number }[] };
      return [response.status, data?.length, data?.[0]?.visits];
    }),
  );
const expected = (n: number) => Array.from({ length: 8 }, (_, at) => [200, at + 1, 33 * n]);

describe('remote metadata (Parquet footers) is cached across requests and pre-warmed after a swap.', () => {
  test('requests find the footers cached that nobody has asked for, at boot and after a swap', async () => {
    expect(await removeFooters()).toBe(1);
    expect(await answered()).toEqual(expected(1));
    await lake.publish('a2', visits(2));
    await until(async () => (await snapshotOf()) === 'a2');
    await until(() => globSync(join(world.cacheDir, 'snapshots/visits/*/files/**/*.parquet')).length === 1);
    expect(await removeFooters()).toBe(1);
    expect(await answered()).toEqual(expected(2));
    expect(await answered()).toEqual(expected(2));
  });

  // The above would hold with the bytes alone being cached, and parsed anew for each request.
  test('they are kept parsed, for every connection', async () => {
    const engine = await createEngine({ cacheDir: lake.folder, poolSize: 3, remoteScanConcurrency: 3, threads: 2, memoryLimit: '256MiB' });
    const all = Promise.withResolvers<undefined>();
    let running = 0;
    const settings = await Promise.all(
      Array.from({ length: 3 }, async () =>
        engine.query(
          { text: `SELECT current_setting('parquet_metadata_cache')`, values: [] },
          { mode: 'RemoteScan', signal: new AbortController().signal, timeoutMs: 60_000 },
          async ({ chunks }) => {
            running += 1;
            if (running === 3) all.resolve(undefined);
            await all.promise;
            for await (const [row] of chunks) return row?.[0];
            return null;
          },
        ),
      ),
    );
    await engine.close();
    expect(settings.map((answer) => answer.ok && answer.value.value)).toEqual([true, true, true]);
  });
});
