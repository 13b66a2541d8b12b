/** The operator's settings: one table of names, defaults and sentences, parsed once at start. */
import { err, ok } from '@offloader/contract';
import type { AuthMode, Result } from '@offloader/contract';

export type OperatorSettings = {
  readonly namespace: string;
  readonly release: string;
  readonly auth: AuthMode;
  readonly adminToken: string;
  readonly adminPort: number;
  readonly httpPort: number;
  /** Who this process is in the election; the pod's name. */
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly leaseRenewDeadlineMs: number;
  readonly leaseRetryMs: number;
  /** Whether cache volumes may be replaced, also unasked, and how often unasked. */
  readonly volumeQuarantine: boolean;
  readonly volumeQuarantineAutomatic: boolean;
  readonly volumeQuarantineSettleMs: number;
  readonly volumeQuarantineIntervalMs: number;
  readonly logLevel: string;
};

type Setting = { readonly env: string; readonly fallback?: string; readonly about: string };

export const settingsTable = {
  namespace: { env: 'OFFLOADER_NAMESPACE', about: 'the namespace it watches; POD_NAMESPACE when unset' },
  release: { env: 'OFFLOADER_RELEASE', fallback: 'offloader', about: 'the Helm release whose gateways it serves' },
  auth: { env: 'OFFLOADER_AUTH', fallback: 'required', about: 'required or none: whether endpoints need a key' },
  adminToken: { env: 'OFFLOADER_ADMIN_TOKEN', about: 'the token for /diagnostics of the gateways' },
  adminPort: { env: 'OFFLOADER_ADMIN_PORT', fallback: '4001', about: 'the admin port of the gateways' },
  httpPort: { env: 'OFFLOADER_HTTP_PORT', fallback: '8080', about: 'the port for /healthz, /readyz and /metrics' },
  identity: { env: 'POD_NAME', fallback: '', about: 'who holds the lease; the pod name' },
  leaseDurationMs: { env: 'OFFLOADER_LEASE_DURATION', fallback: '15s', about: 'how long a lease holds without being renewed' },
  leaseRenewDeadlineMs: {
    env: 'OFFLOADER_LEASE_RENEW_DEADLINE',
    fallback: '10s',
    about: 'a leader that has not renewed for this long ends',
  },
  leaseRetryMs: { env: 'OFFLOADER_LEASE_RETRY', fallback: '2s', about: 'how often the lease is renewed or tried for' },
  volumeQuarantine: {
    env: 'OFFLOADER_VOLUME_QUARANTINE',
    fallback: 'true',
    about: 'true or false: whether it may replace the cache volume of a replica',
  },
  volumeQuarantineAutomatic: {
    env: 'OFFLOADER_VOLUME_QUARANTINE_AUTOMATIC',
    fallback: 'true',
    about: 'true or false: whether a gateway that reports its volume as failed is given a new one unasked',
  },
  volumeQuarantineSettleMs: {
    env: 'OFFLOADER_VOLUME_QUARANTINE_SETTLE',
    fallback: '5m',
    about: 'how long a volume must have failed before it is replaced unasked',
  },
  volumeQuarantineIntervalMs: {
    env: 'OFFLOADER_VOLUME_QUARANTINE_INTERVAL',
    fallback: '360m',
    about: 'how long after an unasked replacement of a replica the next one may follow',
  },
  logLevel: { env: 'OFFLOADER_LOG_LEVEL', fallback: 'info', about: 'error, warn, info or debug' },
} as const satisfies Record<keyof OperatorSettings, Setting>;

/** Settings from the environment, or one line per variable that cannot be used. */
export const parseSettings = (
  env: Readonly<Record<string, string | undefined>>,
  hostName: string,
): Result<OperatorSettings, readonly string[]> => {
  const problems: string[] = [];
  const text = (setting: Setting): string => (env[setting.env] ?? '').trim() || (setting.fallback ?? '');
  const refuse = (setting: Setting, takes: string): void => {
    problems.push(`${setting.env} must be ${takes} (${setting.about})`);
  };
  const number = (setting: Setting): number => {
    const value = Number(text(setting));
    if (!Number.isInteger(value) || value < 0 || value > 65_535) refuse(setting, 'a port number');
    return value;
  };
  const duration = (setting: Setting): number => {
    const value = durationMs(text(setting));
    if (value === undefined) refuse(setting, 'a positive number of seconds or a duration such as 250ms, 5s, 2m');
    return value ?? 0;
  };
  const flag = (setting: Setting): boolean => {
    if (!['true', 'false'].includes(text(setting))) refuse(setting, 'true or false');
    return text(setting) === 'true';
  };
  const { auth, logLevel } = settingsTable;
  const namespace = text(settingsTable.namespace) || (env['POD_NAMESPACE'] ?? '').trim();
  if (namespace === '') refuse(settingsTable.namespace, 'the name of a namespace');
  if (text(settingsTable.adminToken) === '') refuse(settingsTable.adminToken, 'set');
  if (!['required', 'none'].includes(text(auth))) refuse(auth, 'required or none');
  if (!['error', 'warn', 'info', 'debug'].includes(text(logLevel))) refuse(logLevel, 'error, warn, info or debug');
  const settings: OperatorSettings = {
    namespace,
    release: text(settingsTable.release),
    auth: text(auth) === 'none' ? 'none' : 'required',
    adminToken: text(settingsTable.adminToken),
    adminPort: number(settingsTable.adminPort),
    httpPort: number(settingsTable.httpPort),
    identity: text(settingsTable.identity) || hostName,
    leaseDurationMs: duration(settingsTable.leaseDurationMs),
    leaseRenewDeadlineMs: duration(settingsTable.leaseRenewDeadlineMs),
    leaseRetryMs: duration(settingsTable.leaseRetryMs),
    volumeQuarantine: flag(settingsTable.volumeQuarantine),
    volumeQuarantineAutomatic: flag(settingsTable.volumeQuarantineAutomatic),
    volumeQuarantineSettleMs: duration(settingsTable.volumeQuarantineSettleMs),
    volumeQuarantineIntervalMs: duration(settingsTable.volumeQuarantineIntervalMs),
    logLevel: text(logLevel),
  };
  if (settings.leaseDurationMs > 0 && settings.leaseRenewDeadlineMs >= settings.leaseDurationMs)
    refuse(settingsTable.leaseRenewDeadlineMs, `shorter than ${settingsTable.leaseDurationMs.env}`);
  return problems.length === 0 ? ok(settings) : err(problems);
};

/** `5` and `5s` are five seconds; `250ms`, `2m`. */
const durationMs = (text: string): number | undefined => {
  const [, amount, unit] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const value = Number(amount) * (unit === 'ms' ? 1 : unit === 'm' ? 60_000 : 1000);
  return value > 0 ? value : undefined;
};
