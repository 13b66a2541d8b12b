/** The names that operator, gateway, chart and users share: API group, labels, annotations, object keys, patterns. */
import { sha256Hex } from './canonical.ts';

export const group = 'offloader.dev';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const fieldManager = 'offloader-operator';

export const kinds = {
  Dataset: { plural: 'datasets', singular: 'dataset', shortName: 'odset' },
  Endpoint: { plural: 'endpoints', singular: 'endpoint', shortName: 'oep' },
  ApiKey: { plural: 'apikeys', singular: 'apikey', shortName: 'oak' },
} as const;
export type Kind = keyof typeof kinds;

export const annotations = {
  /** On gateway pods: a new value makes the kubelet refresh mounted ConfigMaps at once. */
  configRevision: 'offloader.dev/config-revision',
  /** On a Dataset: a new value forces one refresh on every replica. */
  refreshRequestedAt: 'offloader.dev/refresh-requested-at',
  /** On a gateway pod or claim: replace this replica's cache volume once. */
  quarantineVolume: 'offloader.dev/quarantine-volume',
} as const;
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  component: 'app.kubernetes.io/component',
  instance: 'app.kubernetes.io/instance',
  /** On every ConfigMap and Secret that the operator writes; what its watches select by. */
  release: 'offloader.dev/release',
  quarantinedFrom: 'offloader.dev/quarantined-from',
} as const;

/** What the names of a release's objects begin with, as the chart has it: a StatefulSet's name may have 52 characters. */
const baseOf = (release: string): string =>
  release.length > 44 ? `${release.slice(0, 35).replace(/-$/, '')}-${sha256Hex(release).slice(0, 8)}` : release;

/** Kubernetes objects of a release R. */
export const objectNames = (release: string) => namesFrom(baseOf(release));

const namesFrom = (release: string) => ({
  operator: `${release}-operator`,
  gateway: `${release}-gateway`,
  admin: `${release}-gateway-admin`,
  pods: `${release}-gateway-pods`,
  /** ConfigMap with the index; parts are `${index}-0`, `${index}-1`, … */
  index: `${release}-gateway-config`,
  part: (n: number) => `${release}-gateway-config-${String(n)}`,
  /** Secret with the compiled keys (hashes only). */
  keys: `${release}-gateway-keys`,
  /** Secret with copies of the source credentials that datasets name. */
  credentials: `${release}-gateway-credentials`,
  /** ConfigMap with what is remembered of each replica's cache volume: requests to replace it, and the tokens acted on. */
  volumes: `${release}-gateway-volumes`,
  /** Secret with secretKeyBase and adminToken. */
  secrets: `${release}-gateway-secrets`,
});

/** The most config parts that the chart mounts (projected, optional). 16 × 512 KiB gzipped holds far over 5,000 endpoints. */
export const maxConfigParts = 16;
/** Bytes of one part after gzip; half of what a ConfigMap may hold, since metadata counts too. */
export const maxPartBytes = 512 * 1024;

/** Files in the mounted configuration folder. */
export const mounted = {
  index: 'index.json',
  part: (n: number) => `part-${String(n)}.json.gz`,
  keys: 'keys.json.gz',
  credentials: 'credentials.json.gz',
} as const;

/** spec.name and params. */
export const identifierPattern = '^[a-z][a-z0-9_-]{0,62}$';
/** Column names, select `as`, tenant column. */
export const columnPattern = '^[A-Za-z0-9_]{1,63}$';
export const snapshotIdPattern = '^[A-Za-z0-9:_.-]{1,200}$';
/** Go-like durations of one or more units: 500ms, 30s, 5m, 26h, 1h30m, 7d. Seven digits keep any sum exact in milliseconds. */
export const durationPattern = '^([0-9]{1,7}(ms|s|m|h|d))+$';
/** Query parameters that the gateway itself owns. */
export const reservedParams = ['limit', 'offset', 'columns', 'cursor'] as const;
