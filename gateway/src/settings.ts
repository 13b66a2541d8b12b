/** The gateway's settings: one table of names, readers, defaults and what each is for. Parsed once, at boot. */
import { accessSync, constants, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { err, ok, type Result } from '@offloader/contract';
import type { Settings } from './domain/settings.ts';

type Read<T> = (text: string) => Result<T, string>;
type Setting<T> = {
  readonly env: string;
  readonly read: Read<T>;
  readonly fallback: T | (() => Result<T, string>);
  readonly about: string;
};

const integer =
  (min: number, max: number): Read<number> =>
  (text) =>
    /^[0-9]{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max
      ? ok(Number(text))
      : err(`takes an integer from ${min} to ${max}`);

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, '': 1000 };
const durationMs: Read<number> = (text) => {
  const [, amount, unit] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|)$/.exec(text) ?? [];
  const value = amount === undefined ? 0 : Math.round(Number(amount) * (unitMs[unit ?? ''] ?? 0));
  return value > 0 ? ok(value) : err('takes a duration above 0: seconds as a number, or 250ms, 5s, 2m');
};
const oneOf =
  <const T extends string>(members: readonly T[]): Read<T> =>
  (text) =>
    (members as readonly string[]).includes(text) ? ok(text as T) : err(`takes one of ${members.join(', ')}`);
const memory: Read<string> = (text) =>
  /^[1-9][0-9]*(\.[0-9]+)?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/.test(text) ? ok(text) : err('takes a size such as 512MiB or 2GiB');
const text: Read<string> = (value) => ok(value);
const optional: Read<string | null> = (value) => ok(value === '' ? null : value);
const origins: Read<readonly string[]> = (value) =>
  ok(
    value
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
  );
const baseUrl: Read<string | null> = (value) =>
  /^https?:\/\/[^\s?#]+$/.test(value) && URL.canParse(value)
    ? ok(value.replace(/\/+$/, ''))
    : err('takes an address such as https://data.example.com');
const isReadableFolder = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};
const secret: Read<string> = (value) =>
  Buffer.byteLength(value) >= 32 ? ok(value) : err('must have at least 32 bytes; make one with: openssl rand -hex 32');
const folder: Read<string> = (value) => (isReadableFolder(value) ? ok(value) : err('names a folder that does not exist or cannot be read'));
const missing = (fix: string) => (): Result<never, string> => err(`is missing; ${fix}`);

const setting = <T>(env: string, read: Read<T>, fallback: Setting<T>['fallback'], about: string): Setting<T> => ({
  env,
  read,
  fallback,
  about,
});

/** Order is the order of the documentation. */
export const settingsTable: { readonly [K in keyof Settings]: Setting<Settings[K]> } = {
  secretKeyBase: setting(
    'OFFLOADER_SECRET_KEY_BASE',
    secret,
    missing('set it to at least 32 random bytes: openssl rand -hex 32'),
    'signs cursors and ETags',
  ),
  configDir: setting(
    'OFFLOADER_CONFIG',
    folder,
    missing('set it to a folder of manifests or to the mounted configuration'),
    'folder of the configuration',
  ),
  apiPort: setting('OFFLOADER_API_PORT', integer(0, 65_535), 4000, 'port of the API'),
  adminPort: setting('OFFLOADER_ADMIN_PORT', integer(0, 65_535), 4001, 'port of diagnostics, metrics and probes'),
  cacheDir: setting('OFFLOADER_CACHE_DIR', text, './.cache', 'folder of the cache volume'),
  adminToken: setting('OFFLOADER_ADMIN_TOKEN', optional, null, 'Bearer token of /diagnostics; unset closes it'),
  secretsDir: setting('OFFLOADER_SECRETS_DIR', optional, null, 'standalone: a folder per credentialsSecretRef'),
  auth: setting('OFFLOADER_AUTH', oneOf(['required', 'none']), 'required', 'standalone: none makes a public gateway'),
  logLevel: setting('OFFLOADER_LOG_LEVEL', oneOf(['error', 'warn', 'info', 'debug']), 'info', 'least level that is logged'),
  corsOrigins: setting('OFFLOADER_CORS_ORIGINS', origins, [], '* or a comma-separated list of origins'),
  poolSize: setting('OFFLOADER_POOL_SIZE', integer(1, 1024), 16, 'read connections'),
  longAnswers: setting(
    'OFFLOADER_LONG_ANSWERS',
    integer(1, 1024),
    null,
    'connections that answers over 256 KiB may hold while they are read; unset: three quarters of the pool',
  ),
  remoteScanConcurrency: setting('OFFLOADER_REMOTE_SCAN_CONCURRENCY', integer(1, 1024), 16, 'connections that remote scans may hold'),
  duckdbThreads: setting('OFFLOADER_DUCKDB_THREADS', integer(1, 1024), availableParallelism(), 'threads of the whole engine'),
  duckdbMemoryLimit: setting('OFFLOADER_DUCKDB_MEMORY_LIMIT', memory, '1GiB', 'memory of the whole engine'),
  loadMemoryLimit: setting('OFFLOADER_LOAD_MEMORY_LIMIT', memory, '1GiB', 'memory of one load'),
  loadConcurrency: setting('OFFLOADER_LOAD_CONCURRENCY', integer(1, 64), 2, 'loads at once'),
  quarantineMaxBytes: setting(
    'OFFLOADER_QUARANTINE_MAX_BYTES',
    integer(1, Number.MAX_SAFE_INTEGER),
    4 * 2 ** 30,
    'bytes of copies set aside on the cache volume',
  ),
  quarantineMaxAgeMs: setting('OFFLOADER_QUARANTINE_MAX_AGE', durationMs, 7 * 86_400_000, 'how long such a copy is kept'),
  cacheMaxEntries: setting('OFFLOADER_CACHE_MAX_ENTRIES', integer(1, 100_000_000), 10_000, 'cached responses'),
  cacheMaxBytes: setting('OFFLOADER_CACHE_MAX_BYTES', integer(1, Number.MAX_SAFE_INTEGER), 256 * 1024 * 1024, 'bytes of cached responses'),
  parquetMaxBytes: setting(
    'OFFLOADER_PARQUET_MAX_BYTES',
    integer(1, Number.MAX_SAFE_INTEGER),
    2 ** 30,
    'bytes of Parquet answers that may lie on the cache volume at once, half of what is free at most',
  ),
  queryTimeoutMs: setting('OFFLOADER_QUERY_TIMEOUT', durationMs, 30_000, 'longest query'),
  drainDelayMs: setting('OFFLOADER_DRAIN_DELAY', durationMs, 0, 'time after SIGTERM in which new requests are still served; unset: none'),
  drainTimeoutMs: setting('OFFLOADER_DRAIN_TIMEOUT', durationMs, 30_000, 'longest wait for requests in flight after that'),
  publicUrl: setting('OFFLOADER_PUBLIC_URL', baseUrl, null, 'where consumers reach the API; the documentation names it'),
  podName: setting('OFFLOADER_POD_NAME', optional, null, 'name in X-Offloader-Pod'),
};

const readOne = <T>({ env, read, fallback }: Setting<T>, environment: NodeJS.ProcessEnv): Result<T, string> => {
  const value = environment[env];
  const result =
    value === undefined || value === ''
      ? typeof fallback === 'function'
        ? (fallback as () => Result<T, string>)()
        : ok(fallback)
      : read(value);
  return result.ok ? result : err(`${env} ${result.error}`);
};

/** The settings, or one line that names the first wrong variable and what mends it; values never stand in it. */
export const parseSettings = (environment: NodeJS.ProcessEnv): Result<Settings, string> => {
  const values: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(settingsTable)) {
    const result = readOne(one as Setting<unknown>, environment);
    if (!result.ok) return result;
    values[name] = result.value;
  }
  return ok(values as Settings);
};
