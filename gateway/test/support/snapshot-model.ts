// What the contract says of one dataset's snapshots, in the simplest form that says it: no files, no processes, no time.

/** The type that the contract declares for the BIGINT that is published: both others change the table, and DOUBLE takes nothing narrower. */
export type Type = 'BIGINT' | 'INTEGER' | 'DOUBLE';
/** A loaded snapshot: every row of it carries `n`, which no other publication has. */
export type Copy = {
  readonly id: string;
  readonly n: number;
  readonly watermark: number;
  /** The declared type that its values were loaded as. */
  readonly type: Type;
  /** Its files have gone from the volume; a reader that has them open reads on. */
  gone: boolean;
};
/** What is wrong with a publication: its manifest does not parse, says failed, lies, names a file that is not there; or its file is damaged. */
export type Defect = 'unreadable' | 'failed quality' | 'wrong row count' | 'missing file' | 'corrupt file';
type Publication = Omit<Copy, 'gone' | 'type'> & { readonly defect: Defect | null };
export type Force = 'no' | 'refresh' | 'rebuild';
export type Spec = {
  pin: string | null;
  blocked: readonly string[];
  keep: number;
  rebuild: string | null;
  refresh: string | null;
  suspend: boolean;
  coordinated: boolean;
  /** What the operator says may go live. */
  release: string | null;
  allowOlder: boolean;
  type: Type;
};
export type Attempt = { readonly status: 'ok' | 'unchanged' | 'rejected' | 'failed'; readonly id: string | null };

export type Model = {
  source: 'there' | 'gone' | 'broken';
  current: Publication | null;
  /** What lies at the source under its own id. */
  older: Map<string, Publication>;
  spec: Spec;
  active: Copy | null;
  kept: readonly Copy[];
  /** Loaded, and waits for its activation. */
  staged: Copy | null;
  nowMs: number;
  /** Since when it waits. */
  stagedAtMs: number;
  /** When the operator was heard of last; null before that. */
  heardAtMs: number | null;
  /** The source has answered, and what is pinned did not come of it. */
  pinMissed: boolean;
  /** The snapshot that is to be built again because its files are damaged or gone. */
  damaged: string | null;
  rebuilt: string | null;
  refreshed: string | null;
  attempt: Attempt | null;
  /** Attempts since the room was opened. */
  attempts: number;
  published: number;
};

export const emptyModel = (): Model => ({
  source: 'there',
  current: null,
  older: new Map(),
  spec: {
    pin: null,
    blocked: [],
    keep: 2,
    rebuild: null,
    refresh: null,
    suspend: false,
    coordinated: true,
    release: null,
    allowOlder: false,
    type: 'BIGINT',
  },
  active: null,
  kept: [],
  staged: null,
  nowMs: 0,
  stagedAtMs: 0,
  heardAtMs: null,
  pinMissed: false,
  damaged: null,
  rebuilt: null,
  refreshed: null,
  attempt: null,
  attempts: 0,
  published: 0,
});

const isBlocked = ({ spec }: Model, { id }: Pick<Copy, 'id'>): boolean => spec.blocked.includes(id);
const newestFirst = (a: Copy, b: Copy): number => b.watermark - a.watermark;

/** What can be rolled back to stays before what is blocked, then the newest; what has another form than what serves never does. */
const trimmed = (model: Model, copies: readonly Copy[]): readonly Copy[] =>
  copies
    .filter(({ type }) => type === (model.active ?? model.spec).type)
    .toSorted((a, b) => Number(isBlocked(model, a)) - Number(isBlocked(model, b)) || newestFirst(a, b))
    .slice(0, model.spec.keep);

/** What goes waits for nothing any more. */
const keep = (model: Model, copies: readonly Copy[]): void => {
  model.kept = trimmed(model, copies);
  if (model.staged !== null && copies.includes(model.staged) && !model.kept.includes(model.staged)) model.staged = null;
};

const swap = (model: Model, next: Copy): void => {
  const others = [model.active, ...model.kept].filter((one) => one !== null).filter(({ id }) => id !== next.id);
  model.active = next;
  if (model.staged === next) model.staged = null;
  keep(model, others);
};

/** The guard, here that against an older watermark; what was asked for needs no guard. */
const isGuarded = ({ spec, active, damaged }: Model, { id, watermark }: Pick<Copy, 'id' | 'watermark'>): boolean =>
  !spec.allowOlder && active !== null && watermark < active.watermark && ![spec.pin, active.id, damaged].includes(id);
const isHeldBack = (model: Model, copy: Pick<Copy, 'id'>): boolean => isBlocked(model, copy) || ![null, copy.id].includes(model.spec.pin);
const isWanted = (model: Model, copy: Copy): boolean =>
  copy.type === model.spec.type && !isHeldBack(model, copy) && !isGuarded(model, copy);

/** Whether a loaded snapshot waits for nobody's word. */
const isReleased = ({ spec, heardAtMs, nowMs }: Model, { id }: Copy): boolean =>
  !spec.coordinated || spec.release === id || heardAtMs === null || nowMs - heardAtMs >= 120_000;

/** What waits goes live when it may, when it has waited for too long, and when nothing else serves; edits may have made it unwanted. */
const activate = (model: Model): void => {
  const { staged, spec, active, nowMs, stagedAtMs } = model;
  if (staged === null) return;
  if (!isWanted(model, staged)) model.staged = null;
  else if (!spec.suspend && (active === null || isReleased(model, staged) || nowMs - stagedAtMs > 180_000)) {
    if (active === null) model.damaged = null;
    swap(model, staged);
  }
};

/** What of the kept should serve instead of the active one, by pin and blocks. */
const better = (model: Model): Copy | undefined => {
  const { spec, active } = model;
  const kept = model.kept.filter(({ type }) => type === (active ?? spec).type);
  if (spec.pin !== null) return active?.id === spec.pin ? undefined : kept.find(({ id }) => id === spec.pin);
  if (active !== null && !isBlocked(model, active)) return undefined;
  return kept.filter((one) => !isBlocked(model, one)).toSorted(newestFirst)[0];
};

/** Does at once what the spec asks of what is on the volume. */
export const obey = (model: Model): void => {
  const target = better(model);
  if (target !== undefined) swap(model, target);
  keep(model, model.kept);
  activate(model);
};

/** The operator is heard of when the time has passed, or is not. */
export const passTime = (model: Model, { ms, isHeard }: { ms: number; isHeard: boolean }): void => {
  model.nowMs += ms;
  if (isHeard) model.heardAtMs = model.nowMs;
  activate(model);
};

/** Why what serves is not what was asked for: status says so. */
export const isRefused = (model: Model): boolean => {
  const { spec, active, pinMissed } = model;
  if (spec.pin !== null) return pinMissed && active?.id !== spec.pin;
  return active !== null && isBlocked(model, active);
};

/** What the source answers; null when there is no manifest that parses. */
const offered = (model: Model, force: Force): Publication | null => {
  const { spec, active, current, damaged } = model;
  const wanted = spec.pin ?? (force === 'rebuild' ? (damaged ?? active?.id ?? null) : null);
  const parsed = current?.defect === 'unreadable' ? null : current;
  const isHere = force === 'no' && active !== null && active.id === wanted && active.type === spec.type;
  if (wanted === null || isHere || parsed?.id === wanted) return parsed;
  return model.older.get(wanted) ?? parsed;
};

/** An edit ends the load of what is not to be loaded any more, or in another form. */
const isGivenUp = (asked: Spec, model: Model, publication: Publication): boolean =>
  model.spec.suspend || model.spec.type !== asked.type || isHeldBack(model, publication);

/** Null when it was given up; `meanwhile` is what happens while it loads. */
const load = (model: Model, publication: Publication, force: Force, meanwhile: () => void): Attempt | null => {
  const { id, n, watermark, defect } = publication;
  if (defect === 'missing file') return { status: 'rejected', id };
  const { spec: asked, active: before } = model;
  meanwhile();
  if (isGivenUp(asked, model, publication)) return null;
  if (defect === 'corrupt file') return { status: 'failed', id };
  if (defect === 'wrong row count' || isGuarded(model, publication)) return { status: 'rejected', id };
  const copy = { id, n, watermark, type: asked.type, gone: false };
  if (force === 'rebuild' || before === null) model.rebuilt = asked.rebuild;
  place(model, copy, force);
  model.damaged = null;
  return { status: 'ok', id };
};

/** Loaded or come back to: it goes live, or waits until all replicas have it. */
const place = (model: Model, copy: Copy, force: Force): void => {
  const isCutover = model.active !== null && model.active.type !== copy.type;
  const isBuiltAnew = force === 'rebuild' && [model.active?.id, model.damaged].includes(copy.id);
  model.staged = null;
  if (model.active === null || isCutover || isBuiltAnew || isReleased(model, copy)) return swap(model, copy);
  model.staged = copy;
  model.stagedAtMs = model.nowMs;
};

const consider = (model: Model, publication: Publication, force: Force, meanwhile: () => void): Attempt | null => {
  const { id, defect } = publication;
  const { spec, active, staged } = model;
  if (defect === 'failed quality' || spec.type === 'DOUBLE') return { status: 'rejected', id };
  if (isHeldBack(model, publication)) {
    model.damaged = null;
    return { status: 'unchanged', id };
  }
  const serves = active?.id === id && active.type === spec.type;
  if (force === 'no' && (serves || staged?.id === id)) return { status: 'unchanged', id };
  if (isGuarded(model, publication)) return { status: 'rejected', id };
  const here = force === 'no' ? model.kept.find((one) => one.id === id && one.type === spec.type) : undefined;
  if (here === undefined) return load(model, publication, force, meanwhile);
  place(model, here, force);
  return { status: 'ok', id };
};

/** One attempt, unless the dataset is suspended: what was asked for and is not done yet is done with it. */
export const attempt = (model: Model, asked: Force, meanwhile = (): void => undefined): void => {
  const { spec, active, damaged } = model;
  if (spec.suspend) return;
  const mustRebuild = damaged !== null || (active !== null && spec.rebuild !== null && spec.rebuild !== model.rebuilt);
  const mustRefresh = spec.refresh !== null && spec.refresh !== model.refreshed;
  const force = mustRebuild ? 'rebuild' : mustRefresh ? 'refresh' : asked;
  model.attempts += 1;
  if (model.source !== 'there') model.attempt = { status: model.source === 'gone' ? 'rejected' : 'failed', id: null };
  else {
    const publication = offered(model, force);
    const end = publication === null ? { status: 'rejected' as const, id: null } : consider(model, publication, force, meanwhile);
    const { pin } = model.spec;
    if (publication !== null && pin === spec.pin) model.pinMissed = pin !== null && ![model.active?.id, model.staged?.id].includes(pin);
    model.attempt = end ?? { status: 'unchanged', id: publication?.id ?? null };
    // One that an edit has overtaken has done nothing.
    if (end === null) return;
  }
  if (force !== 'no') model.refreshed = spec.refresh;
};

/** A copy is found not to read: it never serves again, and what served is built anew. */
export const condemn = (model: Model, copy: Copy): void => {
  model.kept = model.kept.filter((one) => one !== copy);
  if (copy === model.staged) model.staged = null;
  if (copy !== model.active) return;
  model.active = null;
  const next = better(model);
  model.active = next ?? null;
  model.kept = model.kept.filter((one) => one !== next);
  model.damaged ??= copy.id;
  activate(model);
  attempt(model, 'no');
};

/** The files of every copy are looked for: what is kept goes with them, what serves is built anew. */
export const missFiles = (model: Model): void => {
  model.kept = model.kept.filter(({ gone }) => !gone);
  if (model.staged?.gone === true) model.staged = null;
  if (model.active?.gone !== true || model.damaged !== null) return;
  model.damaged = model.active.id;
  attempt(model, 'no');
};

type Found = { readonly indexLost: boolean; readonly damaged: readonly Copy[]; readonly isMounted: boolean };
/** What a restart finds: `damaged` are copies whose files do not read any more; a configuration that is mounted is the operator's word. */
export const restart = (model: Model, { indexLost, damaged: bad, isMounted }: Found): void => {
  const reads = (copy: Copy | null): copy is Copy =>
    copy !== null && !indexLost && !copy.gone && !bad.includes(copy) && copy.type === model.spec.type;
  const { active } = model;
  const wasCut = active !== null && bad.includes(active) && active.type === model.spec.type;
  const damaged = model.damaged ?? (wasCut ? active.id : null);
  model.active = reads(active) ? active : null;
  model.kept = model.kept.filter(reads);
  if (indexLost) model.rebuilt = model.refreshed = null;
  const chosen = better(model) ?? model.active;
  model.kept = [model.active, ...model.kept].filter((one) => one !== null && one !== chosen) as Copy[];
  model.active = chosen;
  model.damaged = indexLost || damaged === chosen?.id ? null : damaged;
  model.staged = null;
  model.heardAtMs = isMounted ? model.nowMs : null;
  model.pinMissed = false;
  model.attempt = null;
  model.attempts = 0;
};
