/** One sandboxed in-memory DuckDB: snapshot files are attached to it READ_ONLY, and nothing outside the cache folder can be reached. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { literal, quoted } from '../domain/sql.ts';

export type InstanceOptions = { readonly cacheDir: string; readonly threads: number; readonly memoryLimit: string };

/**
 * The sandbox: files only below cacheDir, no extension may be fetched, and no setting can be changed afterwards, not even by
 * a statement that got in somehow. The order matters: after lock_configuration nothing can be set. GLOBAL where DuckDB would set it
 * for this one connection.
 */
const sandbox = (cacheDir: string): readonly string[] => [
  `SET GLOBAL TimeZone = 'UTC'`,
  `SET autoinstall_known_extensions = false`,
  `SET autoload_known_extensions = false`,
  `SET allowed_directories = [${literal(cacheDir)}]`,
  `SET temp_directory = ${literal(`${cacheDir}/tmp`)}`,
  // Parquet footers are read once per file; snapshot files never change.
  `SET GLOBAL parquet_metadata_cache = true`,
  `SET enable_external_access = false`,
  `SET lock_configuration = true`,
];

export type Instance = {
  connect(): Promise<DuckDBConnection>;
  attach(file: string, alias: string): Promise<void>;
  detach(alias: string): Promise<void>;
  close(): void;
};

/** Opens an instance with the whole engine's threads and memory bound. */
export const openInstance = async ({ cacheDir, threads, memoryLimit }: InstanceOptions): Promise<Instance> => {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads), memory_limit: memoryLimit });
  const control = await instance.connect();
  for (const statement of sandbox(cacheDir)) await control.run(statement);
  return {
    connect: async () => instance.connect(),
    attach: async (file, alias) => {
      await control.run(`ATTACH ${literal(file)} AS ${quoted(alias)} (READ_ONLY)`);
    },
    detach: async (alias) => {
      await control.run(`DETACH ${quoted(alias)}`);
    },
    close: () => {
      control.closeSync();
      instance.closeSync();
    },
  };
};
