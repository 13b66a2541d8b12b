// The contract's "streamed in bounded memory": five million rows out of one gateway process: every form whole and right, in bounded memory, also for a reader that takes its time.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { RecordBatchReader } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, visitsDataset } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';
import { type GatewayProcess, startProcess } from './support/process.ts';

const rows = 5_000_000;
const allowedMib = 400;
const mebibyte = 2 ** 20;
const source = `SELECT 'acme' AS tenant_id, DATE '2026-01-01' + (i % 365)::INTEGER AS day, i::BIGINT AS visits FROM range(${rows}) r(i)`;

let lake: Lake;
let gateway: GatewayProcess;
let duckdb: DuckDBConnection;
let instance: DuckDBInstance;
let folder: string;
let idle: number;

const residentBytes = async (): Promise<number> => {
  const page = await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(page)?.[1]);
};

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', source);
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
  folder = await mkdtemp(join(tmpdir(), 'offloader-large-'));
  const select = ['day', 'visits'].map((name) => ({ as: name, column: name }));
  gateway = await startProcess(
    [
      visitsDataset(lake.url),
      endpoint('all', {
        params: [],
        query: { select },
        columns: ['day', 'visits'],
        cache: { policy: 'None' },
        pagination: { defaultLimit: 10, maxLimit: rows },
      }),
      apiKey('acme'),
    ],
    // Memory as in Dockerfile.gateway.
    {
      OFFLOADER_DUCKDB_MEMORY_LIMIT: '128MiB',
      OFFLOADER_QUERY_TIMEOUT: '10m',
      MALLOC_ARENA_MAX: '2',
      NODE_OPTIONS: '--max-semi-space-size=8',
    },
  );
  idle = await residentBytes();
}, 1_200_000);
afterAll(async () => {
  await gateway.end();
  duckdb.closeSync();
  instance.closeSync();
  await lake.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Reads an answer piece by piece while the process's memory is looked at; the most over idle, in MiB. */
const peakWhile = async (work: () => Promise<void>): Promise<number> => {
  let peak = 0;
  const state = { on: true };
  const looking = (async () => {
    while (state.on) {
      peak = Math.max(peak, await residentBytes());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  await work();
  state.on = false;
  await looking;
  return (peak - idle) / mebibyte;
};
const open = async (suffix: string): Promise<ReadableStream<Uint8Array>> => {
  const response = await fetch(`http://127.0.0.1:${gateway.apiPort}/v1/endpoints/all${suffix}?limit=${rows}`, {
    headers: { authorization: 'Bearer acme-token' },
  });
  expect(response.status).toBe(200);
  return response.body!;
};
const sumOf = async (sql: string): Promise<readonly unknown[]> => (await duckdb.runAndReadAll(sql)).getRowsJson()[0]!;
const expected = async (): Promise<readonly unknown[]> =>
  sumOf(`SELECT count(*), sum(visits), sum(visits * ((epoch(day) // 86400)::BIGINT)) FROM (${source})`);

/** Writes an answer to a file as it comes. */
const save = async (suffix: string, path: string): Promise<void> => {
  await writeFile(path, await open(suffix));
};

describe('Formats by Accept or by suffix (.csv, .ndjson, .arrow, .parquet): JSON, CSV, NDJSON and Arrow streamed in bounded memory, Parquet as a file; a failure in mid-stream breaks the connection, never a 200 that looks whole.', () => {
  test.each([
    ['.csv', (path: string) => `read_csv('${path}')`],
    ['.ndjson', (path: string) => `read_json('${path}', format = 'newline_delimited', columns = {day: 'DATE', visits: 'BIGINT'})`],
    [
      '.json',
      (path: string) =>
        `(SELECT unnest(data, recursive := true) FROM read_json('${path}', columns = {data: 'STRUCT(day DATE, visits BIGINT)[]'}, maximum_object_size = 1000000000))`,
    ],
    ['.parquet', (path: string) => `read_parquet('${path}')`],
  ])(
    'as %s are whole, with less than 400 MiB over idle',
    async (suffix, scan) => {
      const path = join(folder, `all${suffix}`);
      const peak = await peakWhile(async () => save(suffix, path));
      process.stdout.write(`${suffix}: ${peak.toFixed(0)} MiB over idle (${(idle / mebibyte).toFixed(0)} MiB)\n`);
      expect(peak).toBeLessThan(allowedMib);
      expect(await sumOf(`SELECT count(*), sum(visits), sum(visits * ((epoch(day) // 86400)::BIGINT)) FROM ${scan(path)}`)).toEqual(
        await expected(),
      );
      await rm(path);
    },
    1_200_000,
  );

  test('as Arrow are whole, batch by batch', async () => {
    let count = 0;
    let sum = 0n;
    const peak = await peakWhile(async () => {
      const reader = await RecordBatchReader.from(await open('.arrow'));
      for await (const batch of reader) {
        count += batch.numRows;
        const visits = batch.getChild('visits')!;
        for (let at = 0; at < batch.numRows; at += 1) sum += visits.get(at) as bigint;
      }
    });
    process.stdout.write(`.arrow: ${peak.toFixed(0)} MiB over idle\n`);
    expect([count, sum, peak < allowedMib]).toEqual([rows, (BigInt(rows) * BigInt(rows - 1)) / 2n, true]);
  }, 1_200_000);

  test('to a reader that stops and goes are as many, in the same bounds', async () => {
    const lengthOf = async (pauseEvery: number): Promise<{ bytes: number; lines: number }> => {
      const seen = { bytes: 0, lines: 0 };
      let parts = 0;
      for await (const part of await open('.csv')) {
        seen.bytes += part.length;
        for (const byte of part) if (byte === 10) seen.lines += 1;
        parts += 1;
        if (parts % pauseEvery === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return seen;
    };
    const quick = await lengthOf(Infinity);
    let slow = { bytes: 0, lines: 0 };
    const peak = await peakWhile(async () => {
      slow = await lengthOf(200);
    });
    process.stdout.write(`.csv, slowly: ${peak.toFixed(0)} MiB over idle\n`);
    expect(peak).toBeLessThan(allowedMib);
    expect(slow).toEqual(quick);
    expect(quick.lines).toBe(rows + 1);
  }, 1_200_000);
});
