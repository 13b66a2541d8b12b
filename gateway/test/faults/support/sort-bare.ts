// What a load is measured by: the same files, sorted into a DuckDB file by one statement with all the memory of the machine.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** How long it took, in ms, with the file whole on the disk. */
export const sortBare = async (format: 'parquet' | 'csv', files: string, folder: string): Promise<number> => {
  const file = join(folder, 'bare.duckdb');
  const startedAt = performance.now();
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  try {
    const scan = format === 'csv' ? `read_csv('${files}', union_by_name = true)` : `read_parquet('${files}', union_by_name = true)`;
    await connection.run(`CREATE TABLE data AS SELECT * FROM ${scan} ORDER BY tenant_id, day; CHECKPOINT;`);
    return performance.now() - startedAt;
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(file, { force: true });
  }
};
