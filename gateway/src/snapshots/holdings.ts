/** The snapshots of one dataset that are on the volume: the one that serves, those kept for rollback, the one that waits. */
import type { CompiledDataset } from '@offloader/contract';
import type { Observation, Observe } from '../domain/observation.ts';
import { decideServing, surplus } from '../domain/refresh.ts';
import type { Attached, Fate, Servings } from './servings.ts';

export type SwapCause = Extract<Observation, { kind: 'snapshot_swapped' }>['cause'];
export type Holdings = {
  active(): Attached | null;
  kept(): readonly Attached[];
  staged(): Attached | null;
  /** Milliseconds since it waits, by a clock that nobody sets; 0 when nothing waits. */
  stagedForMs(): number;
  /** What a warm start found. */
  restore(active: Attached | null, kept: readonly Attached[]): void;
  /** Swaps in the same tick; what falls out of `snapshot.keep` goes once nobody reads it, what is suspected into quarantine. */
  swap(next: Attached, cause: SwapCause, old?: 'keep' | 'quarantine'): void;
  /** Takes a load that does not read out of service in the same tick; of what is kept the newest that may takes its place. */
  condemn(bad: Attached): void;
  /** Holds a snapshot back until its release, be it new or kept; null lets go of the one that waits. */
  stage(next: Attached | null): void;
  /** Removes a load that is in no use. */
  drop(attached: Attached): void;
  /** Does at once what pin and blocks ask of what is here, and lets go of what is over `snapshot.keep`. */
  obey(): void;
  /** Whether this snapshot serves or waits. */
  has(snapshotId: string): boolean;
  /** Nothing serves any more from this tick on; the result resolves when the files have gone. */
  dropAll(): () => Promise<void>;
};

type Ports = {
  readonly servings: Servings;
  readonly observe: Observe;
  readonly elapsedMs: () => number;
  readonly dataset: () => CompiledDataset;
  readonly onSwap: () => void;
  /** Resolves when the index on the volume says what serves now. */
  readonly save: () => Promise<void>;
};

export const createHoldings = (name: string, { servings, observe, elapsedMs, dataset, onSwap, save }: Ports): Holdings => {
  let active: Attached | null = null;
  let kept: readonly Attached[] = [];
  let staged: Attached | null = null;
  let stagedMs = 0;

  /** The index lets go of a load before its files go: whatever dies in between, a restart finds what it looks for. */
  const retire = (attached: Attached, fate: Fate): void => {
    // What goes waits for nothing any more.
    if (staged === attached) staged = null;
    void (async () => {
      const isSaved = await save().then(
        () => true,
        () => false,
      );
      await servings.retire(attached, fate);
      // A volume that was full has room now.
      if (!isSaved) await save();
    })().catch(() => undefined);
  };
  const drop = (attached: Attached): void => retire(attached, 'delete');
  /** Which of what is here should serve instead of `instead`. */
  const better = (instead: Attached | null): Attached | null => {
    const records = kept.map((one) => one.record);
    const target = decideServing(dataset(), instead?.record ?? null, records);
    return kept.find((one) => one.record === target) ?? null;
  };
  /** Which of these are over `snapshot.keep` beside what serves. */
  const overKept = (held: readonly Attached[], beside: Attached | null): readonly Attached[] => {
    const records = surplus(
      held.map((one) => one.record),
      dataset(),
      beside?.record ?? null,
    );
    return held.filter((one) => records.includes(one.record));
  };

  const swap: Holdings['swap'] = (next, cause, old = 'keep') => {
    const previous = active;
    const before = previous === null ? kept : [previous, ...kept];
    // Only a copy of the very snapshot that was built again is suspected.
    const suspect = old === 'quarantine' && previous?.record.snapshotId === next.record.snapshotId ? previous : null;
    // One copy of a snapshot is enough: the one that was loaded last.
    const others = before.filter((one) => one !== next && one !== suspect && one.record.snapshotId !== next.record.snapshotId);
    const surplusOnes = overKept(others, next);
    active = next;
    kept = others.filter((one) => !surplusOnes.includes(one));
    if (staged === next) staged = null;
    servings.set(name, active, kept);
    observe({
      kind: 'snapshot_swapped',
      dataset: name,
      snapshotId: next.record.snapshotId,
      previous: previous?.record.snapshotId ?? null,
      cause,
    });
    for (const one of before.filter((held) => held !== next && !kept.includes(held)))
      retire(one, one === suspect ? 'quarantine' : 'delete');
    onSwap();
  };

  const condemn: Holdings['condemn'] = (bad) => {
    const wasActive = bad === active;
    if (staged === bad) staged = null;
    if (wasActive) active = null;
    kept = kept.filter((one) => one !== bad);
    const next = wasActive ? better(null) : null;
    if (next !== null) {
      active = next;
      kept = kept.filter((one) => one !== next);
      const { snapshotId } = next.record;
      observe({ kind: 'snapshot_swapped', dataset: name, snapshotId, previous: bad.record.snapshotId, cause: 'fallback' });
    }
    servings.set(name, active, kept);
    retire(bad, 'quarantine');
  };

  const stage = (next: Attached | null): void => {
    if (staged !== null && staged !== next && !kept.includes(staged)) drop(staged);
    staged = next;
    stagedMs = elapsedMs();
  };

  const trim = (): void => {
    const going = overKept(kept, active);
    if (going.length === 0) return;
    kept = kept.filter((one) => !going.includes(one));
    servings.set(name, active, kept);
    for (const one of going) drop(one);
  };

  return {
    active: () => active,
    kept: () => kept,
    staged: () => staged,
    stagedForMs: () => (staged === null ? 0 : elapsedMs() - stagedMs),
    restore: (found, others) => {
      active = found;
      kept = others;
      servings.set(name, active, kept);
    },
    swap,
    condemn,
    stage,
    drop,
    obey: () => {
      const target = better(active);
      if (target !== null) swap(target, 'rollback');
      trim();
    },
    has: (id) => active?.record.snapshotId === id || staged?.record.snapshotId === id,
    dropAll: () => {
      const all = [...new Set([active, staged, ...kept])].filter((one) => one !== null);
      active = null;
      staged = null;
      kept = [];
      servings.set(name, null, []);
      return async () => void (await Promise.all(all.map(async (one) => servings.retire(one, 'delete'))));
    },
  };
};
