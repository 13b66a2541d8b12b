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

/** A snapshot that may come to serve, from its manifest or once it is loaded. */
type Candidate = Pick<Loaded, 'snapshotId' | 'watermark' | 'rows'>;
/** What is wanted and what is there, as far as it decides whether a candidate may serve. */
export type Wanted = {
  readonly dataset: CompiledDataset;
  readonly active: Loaded | null;
  /** The id whose files were damaged: it is asked for, as far as guards are concerned. */
  readonly damaged: string | null;
};

export type Offer =
  | { readonly kind: 'load' }
  /** It is on the volume already: an instant swap. */
  | { readonly kind: 'activate'; readonly snapshotId: string }
  | { readonly kind: 'unchanged'; readonly note: string | null }
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };

type Facts = Wanted & {
  readonly kept: readonly Loaded[];
  /** The id that is loaded and waits for its activation. */
  readonly staged: string | null;
  /** Load again even what serves: a rebuild or a forced refresh. */
  readonly force: boolean;
  /** Whether the manifest promises row counts; if not, the guards look at what was loaded. */
  readonly promised: boolean;
};

const guard = (code: Problem['code'], path: string, message: string, hint: string): Problem => ({ code, path, message, hint });

/** The Dataset's guards against the active snapshot; what was asked for needs none. */
export const guardProblems = ({ snapshotId, watermark, rows }: Candidate, { dataset, active, damaged }: Wanted): readonly Problem[] => {
  if ([dataset.snapshot.pin, active?.snapshotId, damaged].includes(snapshotId)) return [];
  const { minRows, maxRowDropPercent, allowOlderWatermark } = dataset.guards;
  const drop = active === null || active.rows === 0 ? 0 : ((active.rows - rows) / active.rows) * 100;
  const isOlder = active?.watermark != null && watermark !== null && Date.parse(watermark) < Date.parse(active.watermark);
  return [
    ...(minRows !== null && rows < minRows
      ? [
          guard(
            'guard_min_rows',
            'row_count',
            `${rows} rows are fewer than guards.minRows, ${minRows}`,
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

/** Why a block or a pin keeps this snapshot from being loaded or paged through; null when neither does. */
export const heldBack = (id: string, { snapshot }: Pick<CompiledDataset, 'snapshot'>): string | null => {
  if (snapshot.blocked.includes(id)) return `snapshot ${id} is blocked by snapshot.blocked`;
  return snapshot.pin !== null && snapshot.pin !== id ? `snapshot ${id} waits: snapshot.pin holds ${snapshot.pin}` : null;
};

/** Whether a snapshot that waits for its activation may still serve: the dataset may have been edited meanwhile. */
export const isWanted = (loaded: Loaded, wanted: Wanted): boolean =>
  loaded.layout === wanted.dataset.layout &&
  heldBack(loaded.snapshotId, wanted.dataset) === null &&
  guardProblems(loaded, wanted).length === 0;

/** A manifest that was just read, against what serves and what is asked for. */
export const decideOffer = (manifest: Manifest, manifestUrl: string, facts: Facts): Offer => {
  const { dataset, active, kept, staged, force } = facts;
  const id = manifest.snapshot_id;
  const problems = [...checkManifest(manifest, dataset, manifestUrl), ...checkCompatibility(manifest, dataset)];
  if (problems.length > 0) return { kind: 'rejected', problems };
  const note = heldBack(id, dataset);
  if (note !== null) return { kind: 'unchanged', note };
  const serves = active !== null && active.layout === dataset.layout && active.snapshotId === id;
  if (!force && (serves || staged === id)) return { kind: 'unchanged', note: null };
  const candidate = { snapshotId: id, watermark: manifest.watermark, rows: manifest.row_count };
  const guards = facts.promised ? guardProblems(candidate, facts) : [];
  if (guards.length > 0) return { kind: 'rejected', problems: guards };
  const isHere = kept.some((one) => one.snapshotId === id && one.layout === dataset.layout);
  return !force && isHere ? { kind: 'activate', snapshotId: id } : { kind: 'load' };
};

const newestFirst = (a: Loaded, b: Loaded): number =>
  Date.parse(b.watermark ?? b.loadedAt) - Date.parse(a.watermark ?? a.loadedAt) || (a.loadedAt < b.loadedAt ? 1 : -1);

/** What may serve has the form of what serves: until a cutover is done the old snapshots can be rolled back to, and after it none of them. */
const fits = ({ layout }: CompiledDataset, active: Loaded | null): ((one: Loaded) => boolean) => {
  const serving = active?.layout ?? layout;
  return (one) => one.layout === serving;
};

/**
 * Which of the kept snapshots pin and blocks ask for instead of the active one, null for none; with none active (its file is
 * damaged) the newest, unless a pin forbids it. Answers at once; the source is not needed.
 */
export const decideServing = (dataset: CompiledDataset, active: Loaded | null, kept: readonly Loaded[]): Loaded | null => {
  const { pin, blocked } = dataset.snapshot;
  const isWell = active !== null && (pin === null ? !blocked.includes(active.snapshotId) : active.snapshotId === pin);
  if (isWell) return null;
  const candidates = kept
    .filter(fits(dataset, active))
    .filter((one) => !blocked.includes(one.snapshotId))
    .toSorted(newestFirst);
  return candidates.find((one) => pin === null || one.snapshotId === pin) ?? null;
};

/** Why a pin or a block is not obeyed by what serves; null while it is, and while the source has not been heard on what is pinned. */
export const refusal = (
  { snapshot: { pin, blocked } }: CompiledDataset,
  active: Pick<Loaded, 'snapshotId'> | null,
  isPinMissed: boolean,
): string | null => {
  if (pin !== null)
    return isPinMissed && active?.snapshotId !== pin
      ? `snapshot ${pin} of snapshot.pin is neither kept nor to be had from the source; what serves is left as it is`
      : null;
  return active !== null && blocked.includes(active.snapshotId)
    ? `snapshot ${active.snapshotId} is blocked, and no other snapshot is kept to roll back to; it keeps serving`
    : null;
};

/** Which of the kept snapshots go: what can be rolled back to stays before what is blocked, then the newest. */
export const surplus = (kept: readonly Loaded[], dataset: CompiledDataset, active: Loaded | null): readonly Loaded[] => {
  const { keep, blocked } = dataset.snapshot;
  const isBlocked = ({ snapshotId }: Loaded): number => Number(blocked.includes(snapshotId));
  const usable = kept.filter(fits(dataset, active)).toSorted((a, b) => isBlocked(a) - isBlocked(b) || newestFirst(a, b));
  const staying = new Set(usable.slice(0, keep));
  return kept.filter((one) => !staying.has(one));
};
