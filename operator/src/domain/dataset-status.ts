/** The status of a Dataset: what serves, what was tried last, and on how many replicas. */
import type { CompiledDataset, DatasetReport, DatasetStatus } from '@offloader/contract';
import { conditionsOf } from './conditions.ts';
import { datasetConditions } from './dataset-conditions.ts';
import type { FailedVolume } from './dataset-conditions.ts';
import { datasetOutcome } from './dataset-outcome.ts';
import { firstNames, gatewaysOf } from './gateways.ts';
import type { PodState } from './pod-state.ts';
import type { StatusFacts } from './status-facts.ts';

/** The time of an attempt that only repeats the last one moves in steps, so that polling a source does not write statuses. */
const attemptStepMs = 10 * 60_000;

/** Builds the status from the compiler's verdict and the pods' reports. */
export const datasetStatus = (facts: StatusFacts, compiled: CompiledDataset | undefined): DatasetStatus => {
  const { object, pods, place } = facts;
  const before = (object.status ?? {}) as Partial<DatasetStatus>;
  const { outcome, behind } = datasetOutcome({ ...facts, compiled });
  const invalid = facts.verdict.problems.length > 0;
  const rows = pods.flatMap((pod) => pod.rows.get(object.metadata.name) ?? []);
  const generation = object.metadata.generation ?? 0;
  return {
    observedGeneration: generation,
    conditions: conditionsOf({
      outcome,
      findings: datasetConditions(rows, failedVolumes(pods)),
      generation,
      previous: before.conditions ?? [],
      now: facts.now,
    }),
    gateways: gatewaysOf({ pods, serving: invalid ? 0 : pods.length - behind.length, behind, place, before: before.gateways }),
    ...(rows.length === 0 ? remembered(before) : reported(rows, before, facts.nowMs)),
    ...handled(pods, compiled, before),
  };
};

const failedVolumes = (pods: readonly PodState[]): readonly FailedVolume[] =>
  pods.flatMap(({ name, report }) => (report?.cache_volume.status === 'failed' ? [{ pod: name, volume: report.cache_volume }] : []));

/** While no pod reports, the last known state stays: it is what serves, as far as anyone knows. */
const remembered = ({ activeSnapshot, kept, quarantined, lastAttempt, refreshError, stale, sourceReachable }: Partial<DatasetStatus>) =>
  defined({ activeSnapshot, kept, quarantined, lastAttempt, refreshError, stale, sourceReachable });

const reported = (rows: readonly DatasetReport[], before: Partial<DatasetStatus>, nowMs: number) => {
  const refreshError = rows.map((row) => row.refresh_error).find((error) => error !== null);
  return defined({
    activeSnapshot: activeSnapshot(rows, nowMs),
    kept: [...new Set(rows.flatMap((row) => row.kept))].toSorted(),
    quarantined: quarantined(rows, before.quarantined),
    lastAttempt: lastAttempt(rows, before.lastAttempt),
    refreshError:
      refreshError === undefined ? undefined : { code: refreshError.code, path: refreshError.path, message: refreshError.message },
    stale: anyTrue(rows.map((row) => row.stale)),
    sourceReachable: everywhereTrue(rows.map((row) => row.source_reachable)),
  });
};

const activeSnapshot = (rows: readonly DatasetReport[], nowMs: number): DatasetStatus['activeSnapshot'] => {
  const active = rows.find((row) => row.active_snapshot !== null)?.active_snapshot;
  if (active === undefined || active === null) return undefined;
  if (active.watermark === null) return { id: active.snapshot_id, rows: active.rows };
  const age = coarseAge(nowMs - Date.parse(active.watermark));
  return { id: active.snapshot_id, watermark: rfc3339(active.watermark), age, rows: active.rows };
};

/** As the producer wrote it; without seconds or a colon in its offset the API server would make no age of it. */
const rfc3339 = (moment: string): string => {
  const ms = Date.parse(moment);
  const plain = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(moment);
  return plain || Number.isNaN(ms) ? moment : new Date(ms).toISOString();
};

/** Whole hours up to two days, then days: fine enough to read, too coarse to rewrite statuses all the time. */
export const coarseAge = (ageMs: number): string => {
  const hours = Math.floor(ageMs / 3_600_000);
  if (Number.isNaN(hours)) return 'unknown';
  if (hours < 1) return '<1h';
  return hours < 48 ? `${String(hours)}h` : `${String(Math.floor(hours / 24))}d`;
};

/** A snapshot that was in quarantine before keeps the time it went there. */
const quarantined = (rows: readonly DatasetReport[], before: DatasetStatus['quarantined']): DatasetStatus['quarantined'] => {
  const entries = rows.flatMap((row) => row.quarantined).map(({ snapshot_id: id, at, reason }) => ({ id, at, reason }));
  const first = entries.filter((entry, n) => entries.findIndex((other) => other.id === entry.id) === n);
  return first
    .map((entry) => before?.find((known) => known.id === entry.id && known.reason === entry.reason) ?? entry)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
};

/** The attempt that went worst, so that one failing replica is not hidden by a working one. */
const lastAttempt = (rows: readonly DatasetReport[], before: DatasetStatus['lastAttempt']): DatasetStatus['lastAttempt'] => {
  const attempts = rows.flatMap((row) => row.last_attempted ?? []);
  const worst = attempts.toSorted((a, b) => severity.indexOf(a.status) - severity.indexOf(b.status))[0];
  if (worst === undefined) return undefined;
  const attempt = { ...defined({ id: worst.snapshot_id ?? undefined }), status: worst.status, at: worst.at };
  const repeats = before !== undefined && before.id === attempt.id && before.status === attempt.status;
  return repeats && Date.parse(attempt.at) - Date.parse(before.at) < attemptStepMs ? before : attempt;
};
const severity = ['failed', 'rejected', 'ok', 'unchanged'] as const;

/** A token is handled when every replica has acted on it, and stays so; until then those that have not are named. */
const handled = (pods: readonly PodState[], compiled: CompiledDataset | undefined, before: Partial<DatasetStatus>) => {
  const refresh = tokenStanding(pods, compiled?.refreshToken, before.handledRefresh, (pod) => ofRow(pod, compiled, (row) => row.refreshed));
  const rebuild = tokenStanding(pods, compiled?.rebuildToken, before.handledRebuild, (pod) => ofRow(pod, compiled, (row) => row.rebuilt));
  const pending = defined({ refresh: refresh.pending, rebuild: rebuild.pending });
  return defined({
    handledRefresh: refresh.handled,
    handledRebuild: rebuild.handled,
    pending: Object.keys(pending).length === 0 ? undefined : pending,
  });
};

type TokenStanding = { readonly handled: string | undefined; readonly pending: string[] | undefined };

const tokenStanding = (
  pods: readonly PodState[],
  token: string | null | undefined,
  known: string | undefined,
  of: (pod: PodState) => string | null | undefined,
): TokenStanding => {
  if (token === null || token === undefined || token === known || pods.length === 0) return { handled: known, pending: undefined };
  const open = pods.filter((pod) => of(pod) !== token).map(({ name }) => name);
  return open.length === 0 ? { handled: token, pending: undefined } : { handled: known, pending: firstNames(open) };
};

const ofRow = (
  pod: PodState,
  compiled: CompiledDataset | undefined,
  of: (row: DatasetReport) => string | null,
): string | null | undefined => {
  const row = pod.rows.get(compiled?.name ?? '');
  return row === undefined ? undefined : of(row);
};

const anyTrue = (values: readonly (boolean | null)[]): boolean | undefined => {
  if (values.includes(true)) return true;
  return values.includes(false) ? false : undefined;
};

/** False as soon as one replica says so: its trouble must not be outvoted. */
const everywhereTrue = (values: readonly (boolean | null)[]): boolean | undefined => {
  if (values.includes(false)) return false;
  return values.includes(true) ? true : undefined;
};

/** Without the fields that are undefined: status never holds a null. */
const defined = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
