// The contract's "Pool and limits" where only the engine itself can show it: broken connections, and what its limits are limits of.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine, RowStream } from '../../src/domain/engine.ts';
import { createEngine, type EngineOptions } from '../../src/duckdb/engine.ts';
import { settingsTable } from '../../src/settings.ts';
import { apiKey, endpoint, startWorld, visitsDataset } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';
import { startProcess } from '../support/process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-connections-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const poolSize = 3;
const open = async (options: Partial<EngineOptions> = {}): Promise<Engine> =>
  createEngine({ cacheDir: folder, poolSize, remoteScanConcurrency: 1, threads: 2, memoryLimit: '256MiB', ...options });
const never = new AbortController().signal;
const run = async <T>(engine: Engine, text: string, consume: (rows: RowStream) => Promise<T>) =>
  engine.query({ text, values: [] }, { mode: 'LocalTable', signal: never, timeoutMs: 60_000 }, consume);
const read = async (engine: Engine, text: string) =>
  run(engine, text, async ({ chunks }) => {
    const rows: (readonly unknown[])[] = [];
    for await (const chunk of chunks) rows.push(...chunk);
    return rows;
  });
/** Runs the statement and has its first rows, then holds the connection until `until`. */
const hold = async (engine: Engine, text: string, until: Promise<unknown>, onHeld: () => void) =>
  run(engine, text, async ({ chunks }) => {
    for await (const _chunk of chunks) {
      onHeld();
      await until;
      return;
    }
  });
/** One statement on every connection of the pool: none is lent twice while all are held. */
const onEach = async (engine: Engine, text: string): Promise<void> => {
  const all = Promise.withResolvers<undefined>();
  let held = 0;
  const onHeld = (): void => {
    held += 1;
    if (held === poolSize) all.resolve(undefined);
  };
  const outcomes = await Promise.all(Array.from({ length: poolSize }, async () => hold(engine, text, all.promise, onHeld)));
  expect(outcomes.map(({ ok }) => ok)).toEqual(outcomes.map(() => true));
};

describe('A broken connection (I/O, network class errors) is replaced and the query retried once; SQL errors are not retried.', () => {
  test('however many broke, the retry is on a new one, and nobody notices', async () => {
    const engine = await open();
    const file = join(folder, 'gone.parquet');
    await read(engine, `COPY (SELECT 'stale' AS state) TO '${file}' (FORMAT parquet)`);
    await read(engine, `CREATE TABLE probe AS SELECT 'works' AS state`);
    // A TEMP view belongs to its connection: there the name reads a file that is gone, on a new connection the table.
    await onEach(engine, 'SELECT 1');
    await onEach(engine, `CREATE TEMP VIEW probe AS SELECT * FROM read_parquet('${file}')`);
    expect(await read(engine, 'SELECT state FROM probe')).toMatchObject({ ok: true, value: { value: [['stale']] } });
    await rm(file);
    for (let n = 0; n < 2 * poolSize; n += 1)
      expect(await read(engine, 'SELECT state FROM probe')).toMatchObject({ ok: true, value: { value: [['works']] } });
    await onEach(engine, 'SELECT 1');
    await engine.close();
  });

  // Connections are numbered as they are made: what is made between two questions is what the statement between them used up.
  test.each([
    ['an I/O error that stays uses up the connection and a new one', `SELECT * FROM read_parquet('nowhere.parquet')`, 2],
    ['an SQL error the connection alone', `SELECT error('wrong')`, 1],
    ['a value that does not fit the same', `SELECT 'x'::INTEGER`, 1],
  ])('%s', async (_what, text, used) => {
    const engine = await open({ poolSize: 1 });
    const number = async (): Promise<number> => {
      const answer = await read(engine, 'SELECT current_connection_id()::INTEGER');
      return answer.ok ? Number(answer.value.value[0]?.[0]) : NaN;
    };
    const before = await number();
    expect(await number()).toBe(before);
    expect((await read(engine, text.replace('nowhere', join(folder, 'nowhere')))).ok).toBe(false);
    expect((await number()) - before).toBe(used);
    await engine.close();
  });
});

describe('Threads and memory limit env cap the whole engine, not each connection.', () => {
  test('what two connections hold of the memory, a third cannot have', async () => {
    const engine = await open({ memoryLimit: '64MiB' });
    // About 21 MiB that cannot be spilled.
    const large = 'SELECT i % 300 AS k, list(i) FROM range(800000) r(i) GROUP BY 1';
    const end = Promise.withResolvers<undefined>();
    const held = [1, 2].map(async () => {
      const begun = Promise.withResolvers<undefined>();
      const done = hold(engine, large, end.promise, () => begun.resolve(undefined));
      await begun.promise;
      return { done };
    });
    await Promise.all(held);
    expect(await read(engine, large)).toMatchObject({ ok: false, error: { engine: expect.stringContaining('Out of Memory') } });
    end.resolve(undefined);
    for (const one of held) expect((await (await one).done).ok).toBe(true);
    expect((await read(engine, large)).ok).toBe(true);
    await engine.close();
  });

  describe('as the environment says', () => {
    let lake: Lake;
    beforeAll(async () => {
      lake = await createLake();
      await lake.publish('a1', visits(1));
    });
    afterAll(async () => lake.remove());

    const resources = () => [visitsDataset(lake.url), endpoint('daily', { cache: { policy: 'None' } }), apiKey('acme')];

    requiring('proc').test(
      'OFFLOADER_DUCKDB_THREADS: three more are three more of the process, however many connections query',
      async () => {
        expect(settingsTable.duckdbThreads.env).toBe('OFFLOADER_DUCKDB_THREADS');
        /** In a process of its own: nothing but a gateway starts or ends threads there. */
        const threadsOf = async (threads: number, connections: number): Promise<number> => {
          // Node.js's own threads, which would follow the size of the pool, are the same.
          const limits = { OFFLOADER_DUCKDB_THREADS: String(threads), OFFLOADER_POOL_SIZE: String(connections), UV_THREADPOOL_SIZE: '4' };
          const gateway = await startProcess(resources(), limits);
          const ask = async (): Promise<number> => {
            const headers = { authorization: 'Bearer acme-token' };
            return (await fetch(`http://127.0.0.1:${gateway.apiPort}/v1/endpoints/daily`, { headers })).status;
          };
          expect(new Set(await Promise.all(Array.from({ length: connections }, ask)))).toEqual(new Set([200]));
          const used = (await readdir(`/proc/${gateway.child.pid}/task`)).length;
          await gateway.end();
          return used;
        };
        const [more, few] = await Promise.all([threadsOf(6, 12), threadsOf(3, 1)]);
        expect(more - few).toBe(3);
      },
    );

    test('OFFLOADER_DUCKDB_MEMORY_LIMIT', async () => {
      expect(settingsTable.duckdbMemoryLimit.env).toBe('OFFLOADER_DUCKDB_MEMORY_LIMIT');
      const world = await startWorld(resources(), { OFFLOADER_DUCKDB_MEMORY_LIMIT: '1MiB' });
      expect((await world.get('/v1/endpoints/daily', 'acme-token')).status).toBe(500);
      await world.end();
    });
  });
});
