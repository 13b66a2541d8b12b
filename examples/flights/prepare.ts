/** Makes the demo's data files out of the flights of vega-datasets: one Parquet file per step, sorted by tenant and time. */
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { root } from '../places.ts';
import type { Places } from '../places.ts';
import type { Step } from './steps.ts';

/** The folder with the step's data file; made once, found again by the next run. */
export const prepare = async (places: Places, step: Step): Promise<string> => {
  const folder = join(places.staging, step.snapshotId);
  const file = join(folder, 'flights.parquet');
  if (existsSync(file)) return folder;
  await mkdir(folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(copySql(step, `${file}.tmp`));
  connection.closeSync();
  instance.closeSync();
  await rename(`${file}.tmp`, file);
  return folder;
};

const copySql = (step: Step, out: string): string => {
  const source = join(root, 'node_modules/vega-datasets/data');
  return `
    COPY (
      SELECT origin, CAST(date AS DATE) AS day, date AS departed, destination, city AS destination_city,
             CAST(delay AS INTEGER) AS delay_minutes, CAST(distance AS INTEGER) AS distance_miles
      FROM '${join(source, 'flights-3m.parquet')}' AS flight
      LEFT JOIN (SELECT iata, city FROM '${join(source, 'airports.csv')}') AS airport ON iata = destination
      WHERE day <= DATE '${step.until}'
      ORDER BY origin, departed
    ) TO '${out}' (FORMAT parquet, COMPRESSION zstd)`;
};
