/**
 * Coordinated activation: when a snapshot that replicas have loaded ahead is released to all of them. A release stays until
 * the next one, so a restart of the operator or a late replica changes nothing.
 */
import type { CompiledDataset } from '@offloader/contract';
import type { PodState } from './pod-state.ts';

/** How long the others wait for a slow replica. */
export const releaseAfterMs = 60_000;

/** Since when a snapshot of a dataset has been loaded somewhere and not released. */
export type Waiting = Readonly<Record<string, number>>;
export type Releases = Readonly<Record<string, string>>;

export type ReleaseFacts = {
  readonly datasets: readonly CompiledDataset[];
  readonly pods: readonly PodState[];
  readonly releases: Releases;
  readonly waiting: Waiting;
  readonly nowMs: number;
};

/** The releases that hold now, and what is still waited for. */
export const decideReleases = (facts: ReleaseFacts): { readonly releases: Releases; readonly waiting: Waiting } => {
  const releases: Record<string, string> = {};
  const waiting: Record<string, number> = {};
  for (const dataset of facts.datasets) {
    const held = facts.releases[dataset.name];
    if (held !== undefined) releases[dataset.name] = held;
    if (dataset.snapshot.activation !== 'Coordinated' || dataset.suspend) continue;
    const candidate = candidateOf(dataset, facts.pods);
    if (candidate === undefined || candidate.id === held) continue;
    const sinceMs = facts.waiting[dataset.name] ?? facts.nowMs;
    if (candidate.everywhere || facts.nowMs - sinceMs >= releaseAfterMs) releases[dataset.name] = candidate.id;
    else waiting[dataset.name] = sinceMs;
  }
  return { releases, waiting };
};

type Candidate = { readonly id: string; readonly everywhere: boolean };

/** The snapshot that most reachable pods have staged, and whether all of them have it, staged or already serving. */
const candidateOf = (dataset: CompiledDataset, pods: readonly PodState[]): Candidate | undefined => {
  const rows = pods.filter((pod) => pod.report !== null && !pod.ending).map((pod) => pod.rows.get(dataset.name));
  const votes = new Map<string, number>();
  for (const row of rows) {
    const id = row?.staged ?? null;
    if (id !== null && !dataset.snapshot.blocked.includes(id)) votes.set(id, (votes.get(id) ?? 0) + 1);
  }
  const [winner] = [...votes].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? 1 : -1));
  if (winner === undefined) return undefined;
  const [id] = winner;
  return { id, everywhere: rows.every((row) => row?.staged === id || row?.active_snapshot?.snapshot_id === id) };
};
