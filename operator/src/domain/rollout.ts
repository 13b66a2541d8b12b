/** What a change in the pods' reports means: whose status it touches, and how soon to ask again. */
import { remembering } from '@offloader/contract';
import type { Bundle, CompiledDataset, DatasetReport, Verdict } from '@offloader/contract';
import { objectKey } from './placement.ts';
import type { Placement } from './placement.ts';
import type { PodState } from './pod-state.ts';

export type RolloutChange = {
  readonly bundle: Bundle;
  readonly placement: Placement;
  readonly before: readonly PodState[];
  readonly after: readonly PodState[];
};

/** The objects (`Kind/name`) whose status may differ between the two views of the pods; 'all' when pods came or went. */
export const touchedBy = (change: RolloutChange): ReadonlySet<string> | 'all' => {
  const { before, after } = change;
  if (before.map(presenceOf).join() !== after.map(presenceOf).join()) return 'all';
  const touched = new Set<string>();
  for (const [index, pod] of after.entries()) {
    const was = before[index];
    if (was === undefined) continue;
    if (isSilentOtherwise(was, pod)) return 'all';
    if (was.sequence !== pod.sequence || (was.report === null) !== (pod.report === null)) addMoved(touched, change.placement, was, pod);
    if (volumeOf(was) !== volumeOf(pod)) for (const { name } of change.bundle.datasets) touched.add(objectKey('Dataset', name));
    for (const name of changedDatasets(was, pod)) addDataset(touched, change.bundle, name);
    for (const { id } of changedKeys(was, pod)) touched.add(objectKey('ApiKey', id));
  }
  return touched;
};

/** Which pods there are, and of a silent one why: what waits for it tells. */
const presenceOf = ({ name, uid }: PodState): string => `${name} ${uid}`;
const isSilentOtherwise = (was: PodState, is: PodState): boolean => was.report === null && is.report === null && was.why !== is.why;

/** A failed cache volume is told by every dataset; one that is not heard of is not a failed one. */
const volumeOf = ({ report }: PodState): string => `${report?.cache_volume.status ?? 'ok'} ${report?.cache_volume.reason ?? ''}`;

/** Objects that the pod has just come to serve, or no longer serves. */
const addMoved = (touched: Set<string>, placement: Placement, was: PodState, is: PodState): void => {
  const [low, high] = [Math.min(was.sequence, is.sequence), Math.max(was.sequence, is.sequence)];
  for (const [key, { sequence }] of placement) if (sequence > low && sequence <= high) touched.add(key);
  // A pod that has fallen silent is named by the objects that still wait for it too.
  if ((was.report === null) !== (is.report === null)) for (const [key, { sequence }] of placement) if (sequence > high) touched.add(key);
};

const addDataset = (touched: Set<string>, bundle: Bundle, name: string): void => {
  touched.add(objectKey('Dataset', name));
  for (const endpoint of bundle.endpoints) if (endpoint.dataset === name) touched.add(objectKey('Endpoint', endpoint.object));
};

const changedDatasets = (was: PodState, is: PodState): readonly string[] =>
  [...new Set([...was.rows.keys(), ...is.rows.keys()])].filter(
    (name) => fingerprintOf(was.rows.get(name)) !== fingerprintOf(is.rows.get(name)),
  );

/** Everything but the age, which moves by itself. */
const fingerprint = remembering((row: DatasetReport) =>
  JSON.stringify(row, (key, value: unknown) => (key === 'age_seconds' ? undefined : value)),
);
const fingerprintOf = (row: DatasetReport | undefined): string => (row === undefined ? '' : fingerprint(row));

const changedKeys = (was: PodState, is: PodState): readonly { readonly id: string }[] => {
  const before = new Map((was.report?.keys ?? []).map((key) => [key.id, key.last_used_at]));
  return (is.report?.keys ?? []).filter((key) => before.get(key.id) !== key.last_used_at);
};

/** What the compiler said, of which edition of the object. */
export type Judgement = { readonly verdict: Verdict; readonly uid: string; readonly generation: number };

/** What the compiler made of one turn, as far as statuses show it. */
export type Compilation = {
  readonly placement: Placement;
  readonly judgements: ReadonlyMap<string, Judgement>;
  readonly tokens: ReadonlyMap<string, object>;
};

/** The objects (`Kind/name`) whose status may differ after a new compilation. */
export const recompiled = (before: Compilation | undefined, after: Compilation): ReadonlySet<string> => {
  const keys = [...after.judgements.keys()];
  if (before === undefined) return new Set(keys);
  const same = (key: string): boolean => {
    const token = key.slice(key.indexOf('/') + 1);
    return (
      before.placement.get(key) === after.placement.get(key) &&
      sameJudgement(before.judgements.get(key), after.judgements.get(key)) &&
      (!key.startsWith('ApiKey/') || JSON.stringify(before.tokens.get(token)) === JSON.stringify(after.tokens.get(token)))
    );
  };
  return new Set(keys.filter((key) => !same(key)));
};

const sameJudgement = (a: Judgement | undefined, b: Judgement | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.uid === b.uid &&
  a.generation === b.generation &&
  a.verdict.serving === b.verdict.serving &&
  a.verdict.problems.length === b.verdict.problems.length &&
  (a.verdict.problems.length === 0 || JSON.stringify(a.verdict.problems) === JSON.stringify(b.verdict.problems));

/** True while something is on its way to a pod that answers: configuration, a release, a one-shot token. */
export const isUnsettled = (bundle: Bundle, sequence: number, pods: readonly PodState[]): boolean =>
  pods.some(
    (pod) =>
      pod.report !== null && (pod.sequence < sequence || bundle.datasets.some((dataset) => moves(dataset, pod.rows.get(dataset.name)))),
  );

const moves = (dataset: CompiledDataset, row: DatasetReport | undefined): boolean =>
  row === undefined ||
  isSwitching(dataset, row) ||
  hasOpenToken(dataset, row) ||
  (row.active_snapshot === null && row.refresh_error === null);

const isSwitching = ({ snapshot, layout }: CompiledDataset, row: DatasetReport): boolean => {
  const active = row.active_snapshot?.snapshot_id ?? null;
  if (row.staged !== null) return true;
  if (row.layout !== null && row.layout !== layout) return true;
  if (active === null || row.rollback_refused !== null) return false;
  return (snapshot.pin !== null && snapshot.pin !== active) || snapshot.blocked.includes(active);
};

const hasOpenToken = ({ rebuildToken, refreshToken }: CompiledDataset, row: DatasetReport): boolean =>
  (rebuildToken !== null && row.rebuilt !== rebuildToken) || (refreshToken !== null && row.refreshed !== refreshToken);

/** Reading reports may take a tenth of the time: those of a thousand datasets are large. */
const restPerWork = 9;
const restfulMs = 2000;

/**
 * How long until a pod is asked again: soon while something moves, then less often, so that no stuck object costs a hot loop.
 * `tookMs` is what the last time took.
 */
export const pollDelayMs = (unsettledForMs: number | null, tookMs: number): number => {
  if (unsettledForMs === null) return restfulMs;
  const soonMs = unsettledForMs < 10_000 ? 200 : unsettledForMs < 120_000 ? 1000 : restfulMs;
  return Math.min(restfulMs, Math.max(soonMs, restPerWork * tookMs));
};
