// Readers that begin a long answer and stand still in it while snapshots swap in: what they read must stay until they have
// read on to its end. DuckDB would end a query whose file has gone, but the next one on it would find nothing.
import { get, type IncomingMessage } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { readJson } from '../../../src/durable-file.ts';
import { endpoint } from '../../support/gateway.ts';

export type Held = {
  /** Answers that were held over swaps and came out whole, with rows of the one snapshot that they name. */
  readonly whole: number;
  /** What else became of them. */
  readonly broken: readonly string[];
  /** Snapshots that were removed below their reader. */
  readonly lost: readonly string[];
};

/** The number of a row's snapshot, again and again: all rows are more than sockets hold, so the gateway is not done with them. */
const wide = Array.from({ length: 16 }, (_, at) => `column_${at}`.padEnd(63, '_'));
const nameOf = (dataset: string): string => `${dataset}_all`;
const maxRows = 1_000_000;

/** All rows of a fleet's dataset, as they are read. */
export const wholeEndpoint = (dataset: string) =>
  endpoint(nameOf(dataset), {
    datasetRef: { name: dataset },
    params: [],
    query: { select: wide.map((as) => ({ as, column: 'visits' })) },
    columns: wide,
    cache: { policy: 'None' },
    pagination: { defaultLimit: maxRows, maxLimit: maxRows },
  });

/** Ids of a dataset's snapshots that are on the volume. */
const idsOnVolume = async (cacheDir: string, dataset: string): Promise<readonly unknown[]> => {
  const folder = join(cacheDir, 'snapshots', dataset);
  const records = await Promise.all((await readdir(folder)).map(async (load) => readJson(join(folder, load, 'snapshot.json'))));
  return records.map((record) => (record as { snapshotId?: unknown } | undefined)?.snapshotId);
};

const begin = async (port: number, dataset: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const url = `http://127.0.0.1:${port}/v1/endpoints/${nameOf(dataset)}`;
    get(url, { headers: { authorization: 'Bearer acme-token' }, agent: false }, resolve).on('error', reject);
  });

/** What is wrong with an answer, if anything is. */
const faultOf = (body: string, id: string, rows: number): string | undefined => {
  const { data, meta } = JSON.parse(body) as { data: Record<string, unknown>[]; meta: { snapshot_id: string } };
  if (meta.snapshot_id !== id) return `begun with rows of ${id}, ended as ${meta.snapshot_id}`;
  if (data.length !== rows) return `${data.length} rows of ${rows}`;
  return data.every((row) => Object.values(row).every((value) => `a${value as number}` === id)) ? undefined : `rows of others in ${id}`;
};

export type Holding = {
  readonly port: number;
  readonly cacheDir: string;
  readonly datasets: readonly string[];
  /** Of each dataset, for the key `acme`. */
  readonly rows: number;
  /** How often a dataset has swapped so far. */
  readonly swapsOf: (dataset: string) => number;
};

/** One reader for each dataset; each holds its answer until its dataset has swapped twice, over and over until told to stop. */
export const holdAnswers = ({ port, cacheDir, datasets, rows, swapsOf }: Holding) => {
  const held = { whole: 0, broken: [] as string[], lost: [] as string[] };
  let isOver = false;

  const holdOne = async (dataset: string): Promise<void> => {
    const response = await begin(port, dataset);
    if (response.statusCode !== 200) return void held.broken.push(`${dataset} ${response.statusCode} ${await text(response)}`);
    const first = await new Promise<Buffer>((resolve) => response.once('data', resolve));
    response.pause();
    const id = `a${/":(\d+)/.exec(first.toString())?.[1]}`;
    const reached = swapsOf(dataset);
    while (swapsOf(dataset) < reached + 2 && !isOver) await pause(20);
    if (!(await idsOnVolume(cacheDir, dataset)).includes(id)) held.lost.push(`${dataset} ${id}`);
    const hasSpanned = swapsOf(dataset) >= reached + 2;
    const fault = faultOf(first.toString() + (await text(response)), id, rows);
    if (fault !== undefined) held.broken.push(`${dataset} ${fault}`);
    else if (hasSpanned) held.whole += 1;
  };
  const reader = async (dataset: string): Promise<void> => {
    while (!isOver) await holdOne(dataset).catch((error: unknown) => held.broken.push(`${dataset} ${String(error)}`));
  };
  const reading = Promise.all(datasets.map(reader));
  return {
    stop: async (): Promise<Held> => {
      isOver = true;
      await reading;
      return held;
    },
  };
};
