/** Makes data files of examples with DuckDB. */
import { mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** Writes the rows of a SELECT; the file is there whole or not at all. */
export const writeParquet = async (file: string, select: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${select}) TO '${file}.tmp' (FORMAT parquet, COMPRESSION zstd)`);
  connection.closeSync();
  instance.closeSync();
  await rename(`${file}.tmp`, file);
};
