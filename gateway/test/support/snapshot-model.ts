// What the contract says of one dataset's snapshots, in the simplest form that says it: no files, no processes, no time.

/** A loaded snapshot: every row of it carries `n`, which no other publication has. */
export type Copy = {
  readonly id: string;
  readonly n: number;
  readonly watermark: number;
  /** Its files have gone from the volume; a reader that has them open reads on. */
  gone: boolean;
};
/** What is wrong with a publication: its manifest does not parse, says failed, lies, names a file that is not there; or its file is damaged. */
export type Defect = 'unreadable' | 'failed quality' | 'wrong row count' | 'missing file' | 'corrupt file';
type Publication = Omit<Copy, 'gone'> & { readonly defect: Defect | null };
export type Force = 'no' | 'refresh' | 'rebuild';
export type Spec = { pin: string | null; blocked: readonly string[]; keep: number; rebuild: string | null; refresh: string | null };
export type Attempt = { readonly status: 'ok' | 'unchanged' | 'rejected' | 'failed'; readonly id: string | null };

export type Model = {
  source: 'there' | 'gone' | 'broken';
  current: Publication | null;
  /** What lies at the source under its own id. */
  older: Map<string, Publication>;
  spec: Spec;
  active: Copy | null;
  kept: readonly Copy[];
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
  spec: { pin: null, blocked: [], keep: 1, rebuild: null, refresh: null },
  active: null,
  kept: [],
  pinMissed: false,
  damaged: null,
  rebuilt: null,
  refreshed: null,
  attempt: null,
  attempts: 0,
  published: 0,
});

const isBlocked = ({ spec }: Model, { id }: Copy): boolean => spec.blocked.includes(id);
const newestFirst = (a: Copy, b: Copy): number => b.watermark - a.watermark;

/** What can be rolled back to stays before what is blocked, then the newest. */
const trimmed = (model: Model, copies: readonly Copy[]): readonly Copy[] =>
  copies.toSorted((a, b) => Number(isBlocked(model, a)) - Number(isBlocked(model, b)) || newestFirst(a, b)).slice(0, model.spec.keep);

const swap = (model: Model, next: Copy): void => {
  const others = [model.active, ...model.kept].filter((one) => one !== null).filter(({ id }) => id !== next.id);
  model.active = next;
  model.kept = trimmed(model, others);
};

/** What of the kept should serve instead of the active one, by pin and blocks. */
const better = (model: Model): Copy | undefined => {
  const { spec, active, kept } = model;
  if (spec.pin !== null) return active?.id === spec.pin ? undefined : kept.find(({ id }) => id === spec.pin);
  if (active !== null && !isBlocked(model, active)) return undefined;
  return kept.filter((one) => !isBlocked(model, one)).toSorted(newestFirst)[0];
};

/** Does at once what the spec asks of what is on the volume. */
export const obey = (model: Model): void => {
  const target = better(model);
  if (target !== undefined) swap(model, target);
  model.kept = trimmed(model, model.kept);
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
  const isHere = force === 'no' && active?.id === wanted;
  if (wanted === null || isHere || parsed?.id === wanted) return parsed;
  return model.older.get(wanted) ?? parsed;
};

const load = (model: Model, { id, n, watermark, defect }: Publication, force: Force): Attempt => {
  if (defect === 'corrupt file') return { status: 'failed', id };
  if (defect !== null) return { status: 'rejected', id };
  if (force === 'rebuild' || model.active === null) model.rebuilt = model.spec.rebuild;
  swap(model, { id, n, watermark, gone: false });
  model.damaged = null;
  return { status: 'ok', id };
};

const consider = (model: Model, publication: Publication, force: Force): Attempt => {
  const { id, watermark, defect } = publication;
  const { spec, active } = model;
  if (defect === 'failed quality') return { status: 'rejected', id };
  if (spec.blocked.includes(id) || (spec.pin !== null && spec.pin !== id)) {
    model.damaged = null;
    return { status: 'unchanged', id };
  }
  if (force === 'no' && active?.id === id) return { status: 'unchanged', id };
  const isAskedFor = [spec.pin, active?.id, model.damaged].includes(id);
  if (!isAskedFor && active !== null && watermark < active.watermark) return { status: 'rejected', id };
  const here = force === 'no' ? model.kept.find((one) => one.id === id) : undefined;
  if (here === undefined) return load(model, publication, force);
  swap(model, here);
  return { status: 'ok', id };
};

/** One attempt: what was asked for and is not done yet is done with it. */
export const attempt = (model: Model, asked: Force): void => {
  const { spec, active, damaged } = model;
  const mustRebuild = damaged !== null || (active !== null && spec.rebuild !== null && spec.rebuild !== model.rebuilt);
  const mustRefresh = spec.refresh !== null && spec.refresh !== model.refreshed;
  const force = mustRebuild ? 'rebuild' : mustRefresh ? 'refresh' : asked;
  const look = (): Attempt => {
    if (model.source !== 'there') return { status: model.source === 'gone' ? 'rejected' : 'failed', id: null };
    const publication = offered(model, force);
    if (publication === null) return { status: 'rejected', id: null };
    const end = consider(model, publication, force);
    model.pinMissed = spec.pin !== null && model.active?.id !== spec.pin;
    return end;
  };
  model.attempt = look();
  model.attempts += 1;
  if (force !== 'no') model.refreshed = spec.refresh;
};

/** A copy is found not to read: it never serves again, and what served is built anew. */
export const condemn = (model: Model, copy: Copy): void => {
  model.kept = model.kept.filter((one) => one !== copy);
  if (copy !== model.active) return;
  model.active = null;
  const next = better(model);
  model.active = next ?? null;
  model.kept = model.kept.filter((one) => one !== next);
  model.damaged ??= copy.id;
  attempt(model, 'rebuild');
};

/** The files of every copy are looked for: what is kept goes with them, what serves is built anew. */
export const missFiles = (model: Model): void => {
  model.kept = model.kept.filter(({ gone }) => !gone);
  if (model.active?.gone !== true || model.damaged !== null) return;
  model.damaged = model.active.id;
  attempt(model, 'rebuild');
};

/** What a restart finds: `cut` are copies whose files no longer read. */
export const restart = (model: Model, { indexLost, cut }: { indexLost: boolean; cut: readonly Copy[] }): void => {
  const reads = (copy: Copy | null): copy is Copy => copy !== null && !indexLost && !copy.gone && !cut.includes(copy);
  const { active } = model;
  const wasCut = active !== null && cut.includes(active);
  const damaged = model.damaged ?? (wasCut ? active.id : null);
  model.active = reads(active) ? active : null;
  model.kept = model.kept.filter(reads);
  if (indexLost) model.rebuilt = model.refreshed = null;
  const chosen = better(model) ?? model.active;
  model.kept = [model.active, ...model.kept].filter((one) => one !== null && one !== chosen) as Copy[];
  model.active = chosen;
  model.damaged = indexLost || damaged === chosen?.id ? null : damaged;
  model.pinMissed = false;
  model.attempt = null;
  model.attempts = 0;
};
