/** Makes the demo's data files out of the flights of vega-datasets: one Parquet file per step, sorted by tenant and time. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../places.ts';
import type { Places } from '../places.ts';
import { writeParquet } from '../write-parquet.ts';
import type { Step } from './steps.ts';

/** The folder with the step's data file; made once, found again by the next run. */
export const prepare = async (places: Places, step: Step): Promise<string> => {
  const folder = join(places.staging, step.snapshotId);
  const file = join(folder, 'flights.parquet');
  if (!existsSync(file)) await writeParquet(file, select(step));
  return folder;
};

const select = (step: Step): string => {
  const source = join(root, 'node_modules/vega-datasets/data');
  return `
    SELECT origin, CAST(date AS DATE) AS day, date AS departed, destination, city AS destination_city,
           CAST(delay AS INTEGER) AS delay_minutes, CAST(distance AS INTEGER) AS distance_miles
    FROM '${join(source, 'flights-3m.parquet')}' AS flight
    LEFT JOIN (SELECT iata, city FROM '${join(source, 'airports.csv')}') AS airport ON iata = destination
    WHERE day <= DATE '${step.until}'
    ORDER BY origin, departed`;
};
