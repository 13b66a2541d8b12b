// A small data lake in a folder: snapshots of Parquet or CSV files with manifests that tell the truth, unless asked to lie.
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type CompiledDataset, compile } from '@offloader/contract';

export type Lake = {
  readonly folder: string;
  readonly url: string;
  /** Publishes rows of a SELECT as snapshot `id`; `change` edits the manifest before it is written. */
  publish(
    id: string,
    select: string,
    options?: { format?: 'parquet' | 'csv'; change?: (manifest: Record<string, unknown>) => void; watermark?: string },
  ): Promise<void>;
  readManifest(): Promise<Record<string, unknown>>;
  fileOf(id: string, format?: 'parquet' | 'csv'): string;
  remove(): Promise<void>;
};

/** tenant_id VARCHAR, day DATE, visits BIGINT; every value carries the snapshot's number. */
export const visits = (n: number, rows = 1000): string =>
  `SELECT CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'beta' END AS tenant_id, DATE '2026-01-01' + (i % 30)::INTEGER AS day, ${n}::BIGINT AS visits FROM range(${rows}) r(i)`;

export const createLake = async (dataset = 'visits'): Promise<Lake> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-lake-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const url = `file://${join(folder, 'manifest.json')}`;
  const fileOf = (id: string, format: 'parquet' | 'csv' = 'parquet'): string => join(folder, 'snapshots', id, `part-0.${format}`);
  let serial = 0;
  return {
    folder,
    url,
    fileOf,
    publish: async (id, select, { format = 'parquet', change, watermark } = {}) => {
      serial += 1;
      const file = fileOf(id, format);
      await mkdir(join(folder, 'snapshots', id), { recursive: true });
      await connection.run(`COPY (${select}) TO '${file}' (FORMAT ${format}${format === 'csv' ? ', HEADER' : ''})`);
      const [counted] = (await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM (${select})`)).getRows();
      const described = (await connection.runAndReadAll(`DESCRIBE ${select}`)).getRows();
      const { size } = await stat(file);
      const rows = Number(counted?.[0]);
      const manifest: Record<string, unknown> = {
        dataset_id: dataset,
        snapshot_id: id,
        created_at: '2026-01-31T00:00:00Z',
        watermark: watermark ?? new Date(Date.UTC(2026, 0, 31, 0, serial)).toISOString(),
        schema: described.map(([name, type]) => ({ name: String(name), type: String(type) })),
        files: [{ path: `part-0.${format}`, format, row_count: rows, size_bytes: size }],
        partition_columns: [],
        sort_columns: [],
        row_count: rows,
        size_bytes: size,
        producer: 'test',
        upstream_run_id: `run-${serial}`,
        schema_version: 1,
        data_quality_status: 'passed',
        compatibility_policy: 'additive_only',
      };
      await writeFile(join(folder, 'snapshots', id, 'manifest.json'), JSON.stringify(manifest));
      manifest['files'] = [{ path: `snapshots/${id}/part-0.${format}`, format, row_count: rows, size_bytes: size }];
      change?.(manifest);
      await writeFile(join(folder, 'manifest.tmp'), JSON.stringify(manifest));
      await rename(join(folder, 'manifest.tmp'), join(folder, 'manifest.json'));
    },
    readManifest: async () => JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Record<string, unknown>,
    remove: async () => {
      connection.closeSync();
      instance.closeSync();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** A compiled dataset over a lake; `spec` is laid over the plain one. */
export const datasetOf = (
  url: string,
  spec: Record<string, unknown> = {},
  endpoints: readonly unknown[] = [],
  name = 'visits',
): CompiledDataset => {
  const resource = {
    apiVersion: 'offloader.dev/v1alpha1',
    kind: 'Dataset',
    metadata: { name },
    spec: {
      source: { manifest: { url }, interval: '1s' },
      schema: [
        { name: 'tenant_id', type: 'VARCHAR' },
        { name: 'day', type: 'DATE' },
        { name: 'visits', type: 'BIGINT' },
      ],
      tenantColumn: 'tenant_id',
      ...spec,
    },
  };
  const { bundle, verdicts } = compile({ auth: 'required', resources: [resource, ...endpoints], tokens: {}, releases: {}, lastGood: null });
  const problems = verdicts.flatMap((verdict) => verdict.problems);
  const [dataset] = bundle.datasets;
  if (dataset === undefined || problems.length > 0) throw new Error(JSON.stringify(problems));
  return dataset;
};
