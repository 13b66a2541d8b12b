// Two datasets of any size in a MinIO, one of Parquet and one of CSV files: many files, a column missing in some. Each file is made by
// DuckDB in bounded memory and goes to the store at once. Every row of snapshot `a<n>` carries n.
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { minioKeys, startMinio } from '../../support/stores.ts';
import { sortBare } from './sort-bare.ts';
import { apiKey, endpoint, visitsDataset } from '../../support/gateway.ts';

export const formats = ['parquet', 'csv'] as const;
export type Format = (typeof formats)[number];
/** What was published: a dataset is called as its format. */
export type Published = { readonly bytes: number; readonly rows: number; readonly files: number };
export type LargeSource = {
  /** The datasets with an endpoint each, and a key for them. */
  readonly resources: readonly unknown[];
  /** What a gateway needs in its environment to read them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Publishes snapshot `a<n>` of about so many bytes in so many files for each dataset, manifests last. */
  publish(n: number, bytes: number, files: number): Promise<Readonly<Record<Format, Published>>>;
  /** How long DuckDB takes for the same table of the same files, with all the memory there is. */
  sortBare(n: number): Promise<Readonly<Record<Format, number>>>;
  /** Removes the files of a snapshot. */
  drop(n: number): Promise<void>;
  end(): Promise<void>;
};

const schema = [
  { name: 'tenant_id', type: 'VARCHAR' },
  { name: 'day', type: 'DATE' },
  { name: 'visits', type: 'BIGINT' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'session', type: 'VARCHAR' },
  { name: 'path', type: 'VARCHAR' },
  { name: 'amount', type: 'DOUBLE' },
  { name: 'returning_visitor', type: 'BOOLEAN' },
  { name: 'area', type: 'VARCHAR' },
  { name: 'note', type: 'VARCHAR' },
  { name: 'campaign', type: 'VARCHAR' },
];
/** Measured: of a row as `rowsSql` makes it. */
const rowBytes: Readonly<Record<Format, number>> = { parquet: 93, csv: 187 };

/** Rows of 2000 tenants in no order at all. The column `campaign` is missing in every fourth file. */
const rowsSql = (n: number, from: number, to: number, hasCampaign: boolean): string => `
  SELECT CASE WHEN hash(i) % 2000 = 0 THEN 'acme' ELSE 'tenant-' || (hash(i) % 2000) END AS tenant_id,
    DATE '2026-01-01' + (hash(i + 1) % 365)::INTEGER AS day, ${n}::BIGINT AS visits,
    TIMESTAMP '2026-01-01' + to_seconds((hash(i + 2) % 31536000)::BIGINT) AS at, md5(i::VARCHAR) AS session,
    '/products/' || (hash(i + 3) % 100000) AS path, (hash(i + 4) % 1000000) / 100 AS amount, hash(i + 5) % 5 = 0 AS returning_visitor,
    ['web', 'store', 'app'][1 + (hash(i + 6) % 3)::INTEGER] AS area, md5((i + ${n})::VARCHAR) || md5((i - ${n})::VARCHAR) AS note
    ${hasCampaign ? `, 'campaign-' || (hash(i + 7) % 5000) AS campaign` : ''}
  FROM range(${from}, ${to}) r(i)`;

const resourcesOf = (endpointUrl: string): readonly unknown[] => [
  ...formats.flatMap((format) => {
    const source = {
      manifest: { url: `s3://lake/${format}/manifest.json` },
      interval: '1s',
      s3: { endpoint: endpointUrl, region: 'us-east-1', forcePathStyle: true },
    };
    return [{ ...visitsDataset('', { source, schema }), metadata: { name: format } }, endpoint(format, { datasetRef: { name: format } })];
  }),
  apiKey('acme'),
];

/** With `keepsFiles` a copy of each lies on the disk as long as its snapshot, for `sortBare`. */
export const startLargeSource = async (keepsFiles = false): Promise<LargeSource> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-large-'));
  const store = await startMinio(folder);
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '512MiB', threads: '2' });
  const connection = await instance.connect();
  await connection.run('SET preserve_insertion_order = false');
  const keyOf = (format: Format, n: number, at: number): string => `${format}/a${n}/part-${at}.${format}`;
  const made = new Map<number, number>();

  const publishOne = async (format: Format, n: number, bytes: number, files: number): Promise<Published> => {
    const rows = Math.ceil(bytes / files / rowBytes[format]);
    const entries: { path: string; format: Format; row_count: number; size_bytes: number }[] = [];
    for (let at = 0; at < files; at += 1) {
      const file = join(folder, `a${n}-part-${at}.${format}`);
      const select = rowsSql(n, at * rows, (at + 1) * rows, at % 4 !== 3);
      await connection.run(`COPY (${select}) TO '${file}' (FORMAT ${format}${format === 'csv' ? ', HEADER' : ''})`);
      entries.push({ path: `a${n}/part-${at}.${format}`, format, row_count: rows, size_bytes: (await stat(file)).size });
      await store.put(keyOf(format, n, at), await readFile(file));
      if (!keepsFiles) await rm(file);
    }
    const published = { rows: rows * files, bytes: entries.reduce((sum, entry) => sum + entry.size_bytes, 0), files };
    const manifest = {
      dataset_id: format,
      snapshot_id: `a${n}`,
      created_at: '2026-01-31T00:00:00Z',
      watermark: new Date(Date.UTC(2026, 0, 31, 0, n)).toISOString(),
      schema,
      files: entries,
      partition_columns: [],
      sort_columns: ['day'],
      row_count: published.rows,
      size_bytes: published.bytes,
      producer: 'bench',
      upstream_run_id: `run-${n}`,
      schema_version: 1,
      data_quality_status: 'passed',
      compatibility_policy: 'additive_only',
    };
    await store.put(`${format}/manifest.json`, Buffer.from(JSON.stringify(manifest)));
    return published;
  };

  return {
    resources: resourcesOf(store.url),
    environment: { AWS_ACCESS_KEY_ID: minioKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: minioKeys.secretAccessKey },
    publish: async (n, bytes, files) => {
      made.set(n, files);
      const parquet = await publishOne('parquet', n, bytes, files);
      return { parquet, csv: await publishOne('csv', n, bytes, files) };
    },
    sortBare: async (n) => {
      const took = {} as Record<Format, number>;
      for (const format of formats) took[format] = await sortBare(format, join(folder, `a${n}-part-*.${format}`), folder);
      return took;
    },
    drop: async (n) => {
      for (const name of await readdir(folder)) if (name.startsWith(`a${n}-part-`)) await rm(join(folder, name));
      for (const format of formats) for (let at = 0; at < (made.get(n) ?? 0); at += 1) await store.remove(keyOf(format, n, at));
    },
    end: async () => {
      connection.closeSync();
      instance.closeSync();
      await store.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
