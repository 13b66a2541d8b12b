/** The Dataset's own conditions: source, manifest, freshness and cache, each with the likely owner in its reason. */
import type { CacheVolume, DatasetReport, Owner, RefreshError } from '@offloader/contract';
import type { Finding } from './conditions.ts';
import { errorText } from './dataset-outcome.ts';
import { pascal } from './reasons.ts';

/** A replica whose cache volume can no longer be used, as it says itself. */
export type FailedVolume = { readonly pod: string; readonly volume: CacheVolume };

/** From the rows of all pods that report on the dataset, and their volumes. One replica's trouble is the dataset's trouble. */
export const datasetConditions = (rows: readonly DatasetReport[], failed: readonly FailedVolume[] = []): readonly Finding[] => {
  const error = rows.map((row) => row.refresh_error).find((found) => found !== null) ?? null;
  return [sourceReachable(rows, error), manifestValid(rows, error), fresh(rows), cacheHealthy(rows, failed)];
};

const sourceReachable = (rows: readonly DatasetReport[], error: RefreshError | null): Finding => {
  const type = 'SourceReachable';
  const away = rows.find((row) => row.source_reachable === false);
  if (away !== undefined) {
    const cause = away.refresh_error ?? error;
    return {
      type,
      status: 'False',
      reason: owned(cause?.owner ?? 'Environment', cause?.code ?? 'source_unreachable'),
      message: cause === null ? 'The source cannot be reached.' : errorText(cause),
    };
  }
  return rows.some((row) => row.source_reachable === true)
    ? { type, status: 'True', reason: 'Reachable', message: 'The last contact with the source succeeded.' }
    : unknown(type, 'The source has not been contacted yet.');
};

const manifestValid = (rows: readonly DatasetReport[], error: RefreshError | null): Finding => {
  const type = 'ManifestValid';
  const bad = rows.find((row) => row.manifest_valid === false);
  if (bad !== undefined) {
    const causes = bad.refresh_errors.length > 0 ? bad.refresh_errors : [bad.refresh_error ?? error].filter((cause) => cause !== null);
    const [first] = causes;
    return {
      type,
      status: 'False',
      reason: owned(first?.owner ?? 'UpstreamData', first?.code ?? 'rejected'),
      message: causes.map(errorText).join(' ').slice(0, 1000) || 'The manifest was rejected.',
    };
  }
  return rows.some((row) => row.manifest_valid === true)
    ? { type, status: 'True', reason: 'Valid', message: 'The manifest of the last attempt was accepted.' }
    : unknown(type, 'No manifest has been read yet.');
};

const fresh = (rows: readonly DatasetReport[]): Finding => {
  const type = 'Fresh';
  if (rows.some((row) => row.stale === true)) {
    const late = rows.find((row) => row.stale === true);
    // Data is late either because it was not published, or because it could not be fetched or loaded.
    const cause = late?.refresh_error ?? null;
    return {
      type,
      status: 'False',
      reason: owned(cause?.owner ?? 'UpstreamData', 'stale'),
      message:
        cause === null ? 'The active snapshot is older than its freshness limit and the source offers nothing newer.' : errorText(cause),
    };
  }
  return rows.some((row) => row.active_snapshot !== null)
    ? { type, status: 'True', reason: 'Fresh', message: 'The active snapshot is within its freshness limit, or has none.' }
    : unknown(type, 'No snapshot is active.');
};

const cacheHealthy = (rows: readonly DatasetReport[], [failed]: readonly FailedVolume[]): Finding => {
  const type = 'CacheHealthy';
  if (failed !== undefined) {
    const { pod, volume } = failed;
    const reason = volume.reason ?? 'unreadable';
    const since = volume.since === null ? '' : ` since ${volume.since}`;
    return {
      type,
      status: 'False',
      reason: owned('Environment', `cache_volume_${reason}`),
      message: `The cache volume of ${pod} is ${reason}${since}: kubectl offloader quarantine-volume ${pod} gives it another one.`,
    };
  }
  if (rows.some((row) => !row.cache_healthy)) {
    return {
      type,
      status: 'False',
      reason: owned('Offloader', 'cache_damaged'),
      message: 'The local copy was damaged or could not be written; it is rebuilt from the source.',
    };
  }
  return rows.length > 0
    ? { type, status: 'True', reason: 'Healthy', message: 'Every replica reads its local copy.' }
    : unknown(type, 'No gateway reports on it yet.');
};

/** A reason that names whose it is and what: `EnvironmentSourceUnreachable`. */
const owned = (owner: Owner, code: string): string => `${owner}${pascal(code)}`;

const unknown = (type: string, message: string): Finding => ({ type, status: 'Unknown', reason: 'Unknown', message });
