/** The gateway's settings, parsed. The table of their names, defaults and texts is ../settings.ts. */
export type Settings = Readonly<{
  configDir: string;
  secretKeyBase: string;
  /** Folder with one folder per credentialsSecretRef name (standalone only); null: none. */
  secretsDir: string | null;
  apiPort: number;
  adminPort: number;
  cacheDir: string;
  adminToken: string | null;
  logLevel: 'error' | 'warn' | 'info' | 'debug';
  /** [] off, ['*'] all. */
  corsOrigins: readonly string[];
  poolSize: number;
  /** null: as many as the size of the pool allows. */
  longAnswers: number | null;
  remoteScanConcurrency: number;
  duckdbThreads: number;
  duckdbMemoryLimit: string;
  cacheMaxEntries: number;
  cacheMaxBytes: number;
  /** Of the Parquet answers that lie on the cache volume until they have been read. */
  parquetMaxBytes: number;
  queryTimeoutMs: number;
  /** From SIGTERM on: not ready, yet serving, until whoever sends requests has noticed. */
  drainDelayMs: number;
  /** The longest that requests in flight are waited for afterwards. */
  drainTimeoutMs: number;
  auth: 'required' | 'none';
  podName: string | null;
  /** Where consumers reach the API, as documents name it; null: they name the API port of this gateway. */
  publicUrl: string | null;
  /** Where gateway and loader child may use memory for a load, e.g. 1GiB. */
  loadMemoryLimit: string;
  loadConcurrency: number;
  /** Of the copies set aside on the cache volume. */
  quarantineMaxBytes: number;
  quarantineMaxAgeMs: number;
}>;
