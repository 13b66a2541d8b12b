/** Whether a load's room on the cache volume is there, beside what other loads have been promised. Pure. */
import type { Problem } from '@offloader/contract';

/** Another load's room: what it may use, and what of it lies on the volume already. */
export type Reserved = { readonly bytes: number; readonly usedBytes: number };
export type RoomDecision =
  | { readonly kind: 'go' }
  /** Not now, but perhaps when a load that runs has ended. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'never'; readonly problem: Problem };

/** The staged files, the copy and the table made of them, and what the sort of a part spills, which is no more than the files: measured between 1.9 and 3.1 times their bytes. */
const roomFactor = 4;

/** What a load of files of this size may take on the volume until it has ended. */
export const neededBytes = (fileBytes: number): number => fileBytes * roomFactor;

const problemOf = (needed: number, free: number, promised: number): Problem => ({
  code: 'disk_full',
  path: '',
  message: `the load needs about ${needed} bytes on the cache volume, ${free} are free${promised === 0 ? '' : `, ${promised} of them for loads that run`}`,
  hint: 'grow the volume or keep fewer snapshots',
});

/** `free` is null when it cannot be told: then the load is tried. */
export const decideRoom = (needed: number, free: number | null, others: readonly Reserved[]): RoomDecision => {
  if (free === null) return { kind: 'go' };
  const promised = others.reduce((sum, { bytes, usedBytes }) => sum + Math.max(0, bytes - usedBytes), 0);
  if (needed <= free - promised) return { kind: 'go' };
  // At most what the others have written comes back when they end.
  const used = others.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  return needed > free + used ? { kind: 'never', problem: problemOf(needed, free, promised) } : { kind: 'wait' };
};
