/** The edits of a Dataset that the commands make: what is changed, what is then awaited, what is said. Pure. */
import { err, ok, snapshotIdPattern } from '@offloader/contract';
import type { Edit } from './edit-dataset.ts';
import { refreshAnnotation } from './cluster.ts';

const isSnapshotId = (id: string): boolean => new RegExp(snapshotIdPattern).test(id);
const noId = (id: string) => err(`${id} is no snapshot id`);

/** Serves exactly this snapshot until the pin goes. */
export const pin =
  (id: string): Edit =>
  ({ spec }) => {
    if (!isSnapshotId(id)) return noId(id);
    if (spec.snapshot?.blocked?.includes(id) === true) return err(`snapshot ${id} is blocked; take it off spec.snapshot.blocked first`);
    return ok({ patch: { spec: { snapshot: { pin: id } } }, wanted: { snapshot: { is: id } }, said: `pinned to snapshot ${id}` });
  };

/** Lets newer snapshots through again. */
export const unpin: Edit = ({ spec }) => {
  const pinned = spec.snapshot?.pin;
  if (pinned === undefined) return err('is not pinned');
  return ok({ patch: { spec: { snapshot: { pin: null } } }, wanted: {}, said: `no longer pinned to snapshot ${pinned}` });
};

/** Never serves this snapshot; newer ones come through. */
export const block =
  (id: string): Edit =>
  ({ spec, status }) => {
    if (!isSnapshotId(id)) return noId(id);
    const { blocked = [], pin: pinned } = spec.snapshot ?? {};
    if (pinned === id) return err(`is pinned to snapshot ${id}; unpin it first`);
    const all = [...new Set([...blocked, id])];
    const others = (status?.kept ?? []).filter((kept) => !all.includes(kept));
    if (status?.activeSnapshot?.id === id && others.length === 0)
      return err(`snapshot ${id} is active and no other is kept: there is nothing to go back to`);
    return ok({ patch: { spec: { snapshot: { blocked: all } } }, wanted: { snapshot: { isNot: id } }, said: `blocked snapshot ${id}` });
  };

/** Leaves the active snapshot for the newest kept one. */
export const rollback: Edit = (dataset) => {
  const active = dataset.status?.activeSnapshot?.id;
  if (active === undefined) return err('has no active snapshot');
  if (dataset.spec.snapshot?.pin === active) return err(`is pinned to snapshot ${active}; use rollback --to ID, or unpin it first`);
  return block(active)(dataset);
};

/** One refresh now, on every replica. */
export const refresh =
  (token: string): Edit =>
  () =>
    ok({
      patch: { metadata: { annotations: { [refreshAnnotation]: token } } },
      wanted: { refresh: token },
      said: `refresh requested (${token})`,
    });

/** Builds the cache anew from the source, once, on every replica. */
export const rebuild =
  (token: string): Edit =>
  () =>
    ok({ patch: { spec: { cache: { rebuild: token } } }, wanted: { rebuild: token }, said: `rebuild requested (${token})` });
