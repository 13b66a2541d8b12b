/** Where a Dataset stands on the gateways: one state per pod, one outcome for all of them. */
import type { CompiledDataset, DatasetReport, RefreshError } from '@offloader/contract';
import type { Outcome } from './conditions.ts';
import { behindOf, invalid, live, named, onGateways, rollingOut } from './judgement.ts';
import type { Judged } from './judgement.ts';
import type { PodState } from './pod-state.ts';
import { pascal } from './reasons.ts';
import type { Reason } from './reasons.ts';

export type DatasetFacts = Judged & { readonly compiled: CompiledDataset | undefined };

/** Why a pod does not yet serve the dataset as it should; 'serving' when it does. */
type Standing = 'serving' | 'behind' | 'cutover' | 'empty' | 'refused' | 'disobeys';

/** The outcome, and the pods that do not serve this generation. */
export const datasetOutcome = (facts: DatasetFacts): { readonly outcome: Outcome; readonly behind: readonly string[] } => {
  const { verdict, compiled, pods } = facts;
  const refused = invalid(verdict);
  if (refused !== undefined || compiled === undefined) {
    return { outcome: refused ?? { kind: 'waiting', reason: 'Compiling', message: 'Not part of the configuration yet.' }, behind: [] };
  }
  const standings = standingsOf(facts, compiled);
  const without = pods.filter((pod) => standings.get(pod.name) !== 'serving').map((pod) => pod.name);
  const behind = behindOf(facts);
  return { outcome: rollingOut(pods, behind) ?? standingOutcome(compiled, pods, standings) ?? settled(compiled, pods), behind: without };
};

const standingsOf = (facts: DatasetFacts, compiled: CompiledDataset): ReadonlyMap<string, Standing> => {
  const behind = new Set(behindOf(facts));
  return new Map(facts.pods.map((pod) => [pod.name, behind.has(pod.name) ? 'behind' : standingOf(compiled, pod.rows.get(compiled.name))]));
};

const standingOf = (compiled: CompiledDataset, row: DatasetReport | undefined): Standing => {
  const active = row?.active_snapshot?.snapshot_id;
  if (row !== undefined && row.rollback_refused !== null) return 'refused';
  if (row === undefined || active === undefined) return 'empty';
  if (row.layout !== null && row.layout !== compiled.layout) return 'cutover';
  const { pin, blocked } = compiled.snapshot;
  return (pin !== null && pin !== active) || blocked.includes(active) ? 'disobeys' : 'serving';
};

const standingOutcome = (
  compiled: CompiledDataset,
  pods: readonly PodState[],
  standings: ReadonlyMap<string, Standing>,
): Outcome | undefined => {
  const having = (standing: Standing): readonly PodState[] => pods.filter((pod) => standings.get(pod.name) === standing);
  const [refused] = having('refused');
  if (refused !== undefined) {
    const why = refused.rows.get(compiled.name)?.rollback_refused ?? 'The rollback was refused';
    return { kind: 'stalled', reason: 'RollbackRefused', message: `${why.replace(/\.$/, '')}. What served before keeps serving.` };
  }
  const empty = having('empty');
  if (empty.length > 0) return emptyOutcome(compiled, pods, empty);
  const cutover = having('cutover');
  if (cutover.length > 0) return pending('CutoverPending', 'still serve the previous schema', compiled, cutover);
  const disobeying = having('disobeys');
  return disobeying.length > 0 ? pending('RollingBack', 'still serve another snapshot', compiled, disobeying) : undefined;
};

const emptyOutcome = (compiled: CompiledDataset, pods: readonly PodState[], empty: readonly PodState[]): Outcome => {
  if (compiled.suspend) return { kind: 'waiting', reason: 'Suspended', message: `Suspended with no snapshot on ${names(empty)}.` };
  const error = firstError(compiled, empty);
  const where = `a snapshot is active on ${onGateways(pods.length - empty.length, pods.length)}`;
  if (error === undefined) {
    const note = empty.map((pod) => pod.rows.get(compiled.name)?.last_attempted?.note ?? '').find((text) => text !== '');
    return note === undefined
      ? { kind: 'waiting', reason: 'Loading', message: `Loading: ${where}.` }
      : { kind: 'waiting', reason: 'NothingToLoad', message: `${note} (${where})` };
  }
  return { kind: 'waiting', reason: pascal(error.code), message: `${errorText(error)} (${where})` };
};

const pending = (reason: Reason, what: string, compiled: CompiledDataset, pods: readonly PodState[]): Outcome => {
  const error = firstError(compiled, pods);
  const why = error === undefined ? '' : ` ${errorText(error)}`;
  return { kind: 'waiting', reason, message: `${names(pods)} ${what}.${why}` };
};

const settled = (compiled: CompiledDataset, pods: readonly PodState[]): Outcome => {
  if (compiled.suspend)
    return live(
      pods,
      'Suspended',
      remarks('Suspended: no polling and no activation; what serves keeps serving.', ...heldBack(compiled, pods)),
    );
  const doubtful = pods.some((pod) => pod.rows.get(compiled.name)?.active_snapshot?.quality === 'warning');
  const error = firstError(compiled, pods);
  const failed = error === undefined ? '' : `The last refresh brought nothing new: ${errorText(error)}`;
  const warning = doubtful ? 'The producer marks this snapshot with a quality warning.' : '';
  return live(pods, doubtful ? 'QualityWarning' : 'Live', remarks(warning, ...heldBack(compiled, pods), failed));
};

/** Why a newer snapshot may not be the one that serves, as far as that is meant. */
const heldBack = ({ name, snapshot }: CompiledDataset, pods: readonly PodState[]): readonly string[] => {
  const entries = pods.flatMap((pod) => pod.rows.get(name)?.quarantined ?? []);
  const kept = [...new Set(entries.map(({ snapshot_id: id, reason }) => `${id} (${reason})`))].toSorted();
  return [snapshot.pin === null ? '' : `Pinned to ${snapshot.pin}.`, kept.length === 0 ? '' : `In quarantine: ${named(kept)}.`];
};

const remarks = (...texts: readonly string[]): string => texts.filter((text) => text !== '').join(' ');

const firstError = (compiled: CompiledDataset, pods: readonly PodState[]): RefreshError | undefined =>
  pods.map((pod) => pod.rows.get(compiled.name)?.refresh_error ?? undefined).find((error) => error !== undefined);

/** A refresh error in one line for people; it names whose it is. */
export const errorText = (error: RefreshError): string =>
  `${error.path === '' ? '' : `${error.path}: `}${error.message.replace(/\.$/, '')} [${error.code}; owner: ${error.owner}].`;

const names = (pods: readonly PodState[]): string => named(pods.map((pod) => pod.name));
