/** When a finished load goes live: at once, with the operator's word, or never when the dataset was edited while it waited. */
import { isWanted } from '../domain/refresh.ts';
import type { DatasetActor, DatasetPorts, Force } from './dataset-actor.ts';
import type { DatasetState } from './dataset-state.ts';
import type { Holdings } from './holdings.ts';
import type { Attached } from './servings.ts';

export type Activation = Pick<DatasetActor, 'tick'> & {
  /** Puts a finished load, or a kept snapshot that the source has come back to, in its place. */
  place(next: Attached, force: Force): void;
};

export const createActivation = (
  state: DatasetState,
  held: Holdings,
  { operatorAlive, releaseOverdueMs }: Pick<DatasetPorts, 'operatorAlive' | 'releaseOverdueMs'>,
): Activation => {
  const isStillWanted = ({ record }: Attached): boolean =>
    isWanted(record, { dataset: state.dataset, active: held.active()?.record ?? null, damaged: state.damaged?.snapshotId ?? null });
  const isReleased = ({ record }: Attached): boolean => {
    const { activation, release } = state.dataset.snapshot;
    return release === record.snapshotId || activation === 'Immediate' || !operatorAlive();
  };

  /** What serves, or did until it was found damaged, built anew: other replicas have it. Anything newer is not. */
  const isBuiltAnew = ({ record }: Attached, force: Force): boolean =>
    force === 'rebuild' && [held.active()?.record.snapshotId, state.damaged?.snapshotId].includes(record.snapshotId);
  const plainCause = (one: Attached): 'rollback' | 'refresh' => (held.kept().includes(one) ? 'rollback' : 'refresh');

  return {
    place: (next, force) => {
      held.stage(null);
      const active = held.active();
      const isCutover = active !== null && active.record.layout !== next.record.layout;
      const cause = isCutover ? 'cutover' : isBuiltAnew(next, force) ? 'rebuild' : plainCause(next);
      const isCoordinated = cause === 'refresh' || cause === 'rollback';
      if (isCoordinated && active !== null && !isReleased(next)) held.stage(next);
      else held.swap(next, cause, cause === 'rebuild' ? 'quarantine' : 'keep');
    },
    tick: () => {
      const staged = held.staged();
      if (staged === null) return;
      if (!isStillWanted(staged)) return held.stage(null);
      if (state.dataset.suspend) return;
      const isAlone = held.active() === null;
      // An operator that is there and can write nothing must not hold new data back for ever.
      if (!isAlone && !isReleased(staged) && held.stagedForMs() <= releaseOverdueMs) return;
      // What it is newer than is not built again to take its place.
      if (isAlone) state.damaged = null;
      held.swap(staged, plainCause(staged));
    },
  };
};
