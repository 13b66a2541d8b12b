/** What to do with an offered snapshot, and which of the loaded ones may serve. Pure: facts in, decision out. */
import { checkCompatibility, checkManifest, type CompiledDataset, type Manifest, type Problem } from '@offloader/contract';

/** A loaded snapshot as far as decisions need to know it. */
export type Loaded = {
  readonly snapshotId: string;
  readonly watermark: string | null;
  readonly rows: number;
  readonly layout: string;
  readonly loadedAt: string;
};

export type Offer =
  | { readonly kind: 'load' }
  /** It is on the volume already: an instant swap. */
  | { readonly kind: 'activate'; readonly snapshotId: string }
  | { readonly kind: 'unchanged'; readonly note: string | null }
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };

type Facts = {
  readonly dataset: CompiledDataset;
  readonly active: Loaded | null;
  readonly kept: readonly Loaded[];
  /** The id that is loaded and waits for its activation. */
  readonly staged: string | null;
  /** The id whose files were damaged: it is asked for, as far as guards are concerned. */
  readonly damaged: string | null;
  /** Load again even what serves: a rebuild or a forced refresh. */
  readonly force: boolean;
  /** Whether the manifest promises row counts; if not, the guards look at what was loaded. */
  readonly promised: boolean;
};

const guard = (code: Problem['code'], path: string, message: string, hint: string): Problem => ({ code, path, message, hint });

/** The Dataset's guards against the active snapshot. */
export const guardProblems = (
  manifest: Manifest,
  { dataset: { guards }, active }: Pick<Facts, 'dataset' | 'active'>,
): readonly Problem[] => {
  const { minRows, maxRowDropPercent, allowOlderWatermark } = guards;
  const drop = active === null || active.rows === 0 ? 0 : ((active.rows - manifest.row_count) / active.rows) * 100;
  const isOlder = active?.watermark != null && Date.parse(manifest.watermark) < Date.parse(active.watermark);
  return [
    ...(minRows !== null && manifest.row_count < minRows
      ? [
          guard(
            'guard_min_rows',
            'row_count',
            `${manifest.row_count} rows are fewer than guards.minRows, ${minRows}`,
            'publish more rows or lower the guard',
          ),
        ]
      : []),
    ...(maxRowDropPercent !== null && drop > maxRowDropPercent
      ? [
          guard(
            'guard_row_drop',
            'row_count',
            `the rows fall by ${Math.round(drop)} %, guards.maxRowDropPercent is ${maxRowDropPercent}`,
            'publish all rows or raise the guard',
          ),
        ]
      : []),
    ...(isOlder && !allowOlderWatermark
      ? [
          guard(
            'guard_older_watermark',
            'watermark',
            'the watermark is older than that of the active snapshot',
            'publish newer data or set guards.allowOlderWatermark',
          ),
        ]
      : []),
  ];
};

const heldBack = (id: string, { dataset: { snapshot } }: Facts): string | null => {
  if (snapshot.blocked.includes(id)) return `snapshot ${id} is blocked by snapshot.blocked`;
  return snapshot.pin !== null && snapshot.pin !== id ? `snapshot ${id} waits: snapshot.pin holds ${snapshot.pin}` : null;
};

/** A manifest that was just read, against what serves and what is asked for. */
export const decideOffer = (manifest: Manifest, manifestUrl: string, facts: Facts): Offer => {
  const { dataset, active, kept, staged, force } = facts;
  const id = manifest.snapshot_id;
  const problems = [...checkManifest(manifest, dataset, manifestUrl), ...checkCompatibility(manifest, dataset)];
  if (problems.length > 0) return { kind: 'rejected', problems };
  const note = heldBack(id, facts);
  if (note !== null) return { kind: 'unchanged', note };
  const serves = active !== null && active.layout === dataset.layout && active.snapshotId === id;
  if (!force && (serves || staged === id)) return { kind: 'unchanged', note: null };
  const isAskedFor = [dataset.snapshot.pin, active?.snapshotId, facts.damaged].includes(id);
  const guards = isAskedFor || !facts.promised ? [] : guardProblems(manifest, facts);
  if (guards.length > 0) return { kind: 'rejected', problems: guards };
  const isHere = kept.some((one) => one.snapshotId === id && one.layout === dataset.layout);
  return !force && isHere ? { kind: 'activate', snapshotId: id } : { kind: 'load' };
};

export type ServingDecision =
  | { readonly kind: 'keep' }
  | { readonly kind: 'swap'; readonly snapshotId: string }
  /** What is pinned is not on the volume: it has to be fetched. */
  | { readonly kind: 'fetch'; readonly snapshotId: string }
  | { readonly kind: 'refuse'; readonly why: string };

const newestFirst = (a: Loaded, b: Loaded): number =>
  Date.parse(b.watermark ?? b.loadedAt) - Date.parse(a.watermark ?? a.loadedAt) || (a.loadedAt < b.loadedAt ? 1 : -1);

/**
 * Which snapshot on the volume pin and blocks ask for; with none active (its file is damaged) the newest kept one, unless a
 * pin forbids it. Answers at once; the source is not needed.
 */
export const decideServing = (dataset: CompiledDataset, active: Loaded | null, kept: readonly Loaded[]): ServingDecision => {
  const { pin, blocked } = dataset.snapshot;
  const candidates = kept.filter((one) => one.layout === dataset.layout && !blocked.includes(one.snapshotId)).toSorted(newestFirst);
  if (pin !== null) {
    if (active?.snapshotId === pin) return { kind: 'keep' };
    return candidates.some((one) => one.snapshotId === pin) ? { kind: 'swap', snapshotId: pin } : { kind: 'fetch', snapshotId: pin };
  }
  if (active !== null && !blocked.includes(active.snapshotId)) return { kind: 'keep' };
  const [target] = candidates;
  if (target === undefined && active === null) return { kind: 'keep' };
  return target === undefined
    ? {
        kind: 'refuse',
        why: `snapshot ${active?.snapshotId ?? ''} is blocked, and no other snapshot is kept to roll back to; it keeps serving`,
      }
    : { kind: 'swap', snapshotId: target.snapshotId };
};

/** Which of the kept snapshots go: what can be rolled back to stays before what is blocked, then the newest. */
export const surplus = (kept: readonly Loaded[], { layout, snapshot: { keep, blocked } }: CompiledDataset): readonly Loaded[] => {
  const isBlocked = ({ snapshotId }: Loaded): number => Number(blocked.includes(snapshotId));
  const usable = kept.filter((one) => one.layout === layout).toSorted((a, b) => isBlocked(a) - isBlocked(b) || newestFirst(a, b));
  const staying = new Set(usable.slice(0, keep));
  return kept.filter((one) => !staying.has(one));
};
