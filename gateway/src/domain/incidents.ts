/** Which incidents a gateway's own state shows, whose they are and what to do first. Pure: a report in, incidents out. */
import { type DatasetReport, type Incident, type IncidentClass, likelyOwner, type Owner, type Report } from '@offloader/contract';

/** What counters add to the report. */
export type Signals = { readonly authFailures: number; readonly authSuccesses: number; readonly busySince: string | null };

const page = (name: IncidentClass): string => `runbooks/${name.replaceAll('_', '-')}.md`;
const lowDiskBytes = 1024 ** 3;
/** Fewer refusals than this are a typo; more without one success are a misconfiguration. */
const manyAuthFailures = 10;

type Text = Pick<Incident, 'evidence' | 'action' | 'escalate'>;
const owned = (owner: Owner, name: IncidentClass, since: string | null, text: Text, dataset?: string): Incident => ({
  class: name,
  ...(dataset === undefined ? {} : { dataset }),
  owner,
  since,
  runbook: page(name),
  ...text,
});
const incident = (name: keyof typeof likelyOwner, since: string | null, text: Text, dataset?: string): Incident =>
  owned(likelyOwner[name], name, since, text, dataset);

const sourceCodes = [
  'source_credentials_missing',
  'source_credentials_rejected',
  'source_bucket_missing',
  'source_unreachable',
  'source_failed',
];

const refreshIncident = (report: DatasetReport): Incident | undefined => {
  const { dataset, last_attempted: attempt, refresh_error: error } = report;
  if (attempt === null || error === null) return undefined;
  const evidence = report.refresh_errors.map(({ code, path, message }) => `${code}${path === '' ? '' : ` at ${path}`}: ${message}`);
  if (report.source_reachable === false || sourceCodes.includes(error.code))
    return incident(
      'source_unreachable',
      attempt.at,
      {
        evidence,
        action: 'check the credentials, the bucket and the way to the host, as the code says',
        escalate: 'the owner of the bucket or the network, with code and manifest URL',
      },
      dataset,
    );
  if (attempt.status === 'rejected')
    return incident(
      'refresh_rejected',
      attempt.at,
      {
        evidence,
        action: 'send the producer code, field path and message; the previous snapshot serves',
        escalate: "the data's producer, with the snapshot id",
      },
      dataset,
    );
  return owned(
    error.owner,
    'refresh_failed',
    attempt.at,
    {
      evidence,
      action: 'do what the runbook says for this code; the gateway tries again by itself',
      escalate: `${error.owner}, with the dataset's entry of /diagnostics`,
    },
    dataset,
  );
};

const staleIncident = ({ dataset, stale, active_snapshot: active, last_attempted: attempt }: DatasetReport): Incident | undefined =>
  stale === true
    ? incident(
        'dataset_stale',
        attempt?.at ?? null,
        {
          evidence: [`watermark ${active?.watermark ?? 'unknown'}`, `last attempt ${attempt?.status ?? 'none'}`],
          action: 'ask the producer for the next snapshot; look for a suspend or a pin',
          escalate: "the data's producer, with the watermark",
        },
        dataset,
      )
    : undefined;

/** All went well and there is nothing to serve: nothing was committed yet, or what was is blocked or waits for a pin. */
const emptyIncident = ({ dataset, active_snapshot: active, last_attempted: attempt }: DatasetReport): Incident | undefined =>
  active === null && attempt?.status === 'unchanged'
    ? incident(
        'dataset_stale',
        attempt.at,
        {
          evidence: ['no snapshot is active', `last attempt unchanged${attempt.note === null ? '' : `: ${attempt.note}`}`],
          action: 'ask the producer for the first snapshot; look for a block or a pin',
          escalate: "the data's producer, with the URL of the source",
        },
        dataset,
      )
    : undefined;

const cacheIncident = ({
  dataset,
  cache_healthy: isHealthy,
  active_snapshot: active,
  quarantined,
}: DatasetReport): Incident | undefined => {
  if (isHealthy) return undefined;
  // The damaged one stands last, after what is blocked.
  const damaged = quarantined.at(-1);
  return incident(
    'duckdb_failure',
    damaged?.at ?? null,
    {
      evidence: [
        `the files of snapshot ${damaged?.snapshot_id ?? 'unknown'} on the cache volume are damaged or gone`,
        active === null ? 'nothing serves until it is built again' : `snapshot ${active.snapshot_id} serves meanwhile`,
      ],
      action: "wait for the rebuild; if it does not come, see refresh_error, or set the Dataset's cache.rebuild",
      escalate: 'Offloader, with the quarantined file',
    },
    dataset,
  );
};

const gatewayIncidents = (report: Report, signals: Signals): readonly (Incident | undefined)[] => [
  report.duckdb_status === 'error'
    ? incident('duckdb_failure', null, { evidence: ['DuckDB does not answer on a connection of its own'], action: 'wait a minute for the engine to be replaced, then delete the pod', escalate: 'Offloader, with the log' })
    : undefined,
  report.cache_volume.status === 'failed'
    ? owned('Environment', 'duckdb_failure', report.cache_volume.since, { evidence: [`the cache volume is ${report.cache_volume.reason ?? 'unusable'}`, `${report.datasets.filter((one) => one.active_snapshot !== null).length} of ${report.datasets.length} datasets serve from it`], action: 'look at the volume and the node below it; if it does not come back, replace it: kubectl offloader quarantine-volume POD', escalate: 'whoever runs the storage' })
    : undefined,
  report.disk.cache_dir_free_bytes !== null && report.disk.cache_dir_free_bytes < lowDiskBytes
    ? incident('cache_disk_low', null, { evidence: [`${report.disk.cache_dir_free_bytes} bytes free on the cache volume`], action: 'grow the volume or keep fewer snapshots', escalate: 'whoever runs the storage' })
    : undefined,
  report.pool.saturated
    ? incident('pool_busy', signals.busySince, { evidence: [`${report.pool.busy} of ${report.pool.connections} connections in use`], action: 'find the slow endpoint by its latency; limit a loud key', escalate: 'Offloader, with endpoint and p99' })
    : undefined,
  signals.authFailures >= manyAuthFailures && signals.authSuccesses === 0
    ? incident('auth_misconfiguration', null, { evidence: [`${signals.authFailures} refused requests and none that a key was good for`], action: 'check the Authorization header, that the keys are Ready, their endpoints and tenant', escalate: 'Offloader, with the request id of a refused call' })
    : undefined,
  report.config_sync.enabled && report.config_sync.result === 'error'
    ? incident('config_rejected', report.config_sync.last_checked, { evidence: [report.config_sync.error ?? 'the configuration cannot be applied'], action: 'correct what the finding names; the running configuration is kept', escalate: 'Offloader, with the manifests and /diagnostics' })
    : undefined,
]; // prettier-ignore

/** Every incident that this gateway shows, the engine's first. */
export const incidentsOf = (report: Omit<Report, 'incidents'>, signals: Signals): readonly Incident[] =>
  [
    ...gatewayIncidents({ ...report, incidents: [] }, signals),
    ...report.datasets.flatMap((dataset) => [
      refreshIncident(dataset),
      staleIncident(dataset),
      emptyIncident(dataset),
      cacheIncident(dataset),
    ]),
  ].filter((one) => one !== undefined);
