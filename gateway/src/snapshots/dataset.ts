/** The lifecycle of one dataset's snapshots: attempts one after another, swaps at once, what is wanted always looked at anew. */
import { type CompiledDataset, err, ok, type Problem, type Result, type SourceCredentials } from '@offloader/contract';
import { decideOffer, guardProblems } from '../domain/refresh.ts';
import { nextPollMs } from '../domain/schedule.ts';
import type { DatasetActor, DatasetPorts } from './dataset-actor.ts';
import { fetchById, fetchCurrent } from './fetch-manifest.ts';
import type { FetchFailure, Offered } from './fetched.ts';
import { createHoldings, type SwapCause } from './holdings.ts';
import { type LoadFailure, materialise } from './materialise.ts';
import type { ObjectStore } from './object-store.ts';
import { type DatasetIndex, emptyIndex } from './record.ts';
import { type Attempt, reportOf } from './report.ts';
import type { Attached } from './servings.ts';

/** 'no' loads what is new; 'refresh' also what serves already; 'rebuild' that very snapshot, its old copy going into quarantine. */
type Force = 'no' | 'refresh' | 'rebuild';

/** Whether two configurations read the same source with the same credentials. */
const isSameSource = (a: CompiledDataset, b: CompiledDataset, was: SourceCredentials | null, is: SourceCredentials | null): boolean =>
  JSON.stringify([a.source, was]) === JSON.stringify([b.source, is]);

/** What an edit may change without a new look at the source. */
const sourceSide = (dataset: CompiledDataset): string =>
  JSON.stringify({ ...dataset, refreshToken: null, rebuildToken: null, snapshot: { ...dataset.snapshot, release: null } });

export const createDataset = (initial: CompiledDataset, ports: DatasetPorts): DatasetActor => {
  const { servings, observe, now } = ports;
  const { name } = initial;
  let dataset = initial;
  let isConfigured = false;
  let credentials: SourceCredentials | null = null;
  let store: ObjectStore = ports.openStore(initial.source, null);
  let index: DatasetIndex = emptyIndex;
  /** The manifest that was looked at last and what it named; a conditional request is right only while that is what we have. */
  let seen: { readonly etag: string; readonly snapshotId: string } | null = null;
  let attempt: Attempt | null = null;
  let refused: string | null = null;
  let reachable: boolean | null = null;
  let manifestValid: boolean | null = null;
  let healthy = true;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let queue: Promise<void> = Promise.resolve();
  let askedRefresh: string | null = null;
  let ended = false;
  let tried = false;
  let abort = new AbortController();
  const first = Promise.withResolvers<undefined>();

  const save = (): void => void ports.save().catch(() => undefined);
  const onSwap = (): void => {
    index = { ...index, lastGoodAt: new Date(now()).toISOString() };
    save();
  };
  const held = createHoldings(name, { servings, observe, dataset: () => dataset, onSwap });
  const activeRecord = () => held.active()?.record ?? null;
  const isLaidOut = (): boolean => activeRecord()?.layout === dataset.layout;

  const note = (startedMs: number, end: Omit<Attempt, 'at'>): void => {
    attempt = { ...end, at: new Date(now()).toISOString() };
    failures = attempt.status === 'failed' ? failures + 1 : 0;
    observe({
      kind: 'refresh_ended',
      dataset: name,
      status: attempt.status,
      snapshotId: attempt.snapshotId,
      problems: attempt.problems,
      tookMs: now() - startedMs,
    });
  };
  const failed = (startedMs: number, { status, problems }: LoadFailure | FetchFailure, snapshotId: string | null): void =>
    note(startedMs, { status, snapshotId, problems, note: null });

  /** A finished load looks again at what is wanted: the dataset may have been edited meanwhile. */
  const place = (loaded: Attached, cause: SwapCause): void => {
    const { layout, snapshotId } = loaded.record;
    const { pin, blocked, activation, release } = dataset.snapshot;
    const isHeldBack = blocked.includes(snapshotId) || (pin !== null && pin !== snapshotId);
    if (ended || layout !== dataset.layout || isHeldBack) return held.drop(loaded);
    held.stage(null);
    const waits =
      cause === 'refresh' && held.active() !== null && activation === 'Coordinated' && release !== snapshotId && ports.operatorAlive();
    if (waits) held.stage(loaded);
    else held.swap(loaded, cause, cause === 'rebuild' ? 'quarantine' : 'keep');
  };

  const loadOffered = async (offered: Offered, force: Force): Promise<Result<null, LoadFailure>> => {
    const startedMs = now();
    const wanted = dataset;
    const loaded = await ports.admit(async () =>
      materialise(ports.cacheDir, { dataset: wanted, ...offered }, store, ports.limits, abort.signal),
    );
    if (!loaded.ok) return loaded;
    const { snapshotId, rows, bytes, layout } = loaded.value;
    const attached = await servings.attach(loaded.value);
    const late = offered.promised
      ? []
      : guardProblems({ ...offered.manifest, row_count: rows }, { dataset: wanted, active: activeRecord() });
    if (late.length > 0) {
      held.drop(attached);
      return err({ status: 'rejected', problems: late });
    }
    observe({ kind: 'load_ended', dataset: name, snapshotId, rows, bytes, tookMs: now() - startedMs });
    const isCutover = held.active() !== null && activeRecord()?.layout !== layout;
    place(attached, isCutover ? 'cutover' : force === 'rebuild' ? 'rebuild' : 'refresh');
    return ok(null);
  };

  const remember = ({ etag, manifest }: Offered): void => {
    seen = etag === null ? null : { etag, snapshotId: manifest.snapshot_id };
  };

  const loadNew = async (offered: Offered, force: Force, startedMs: number): Promise<void> => {
    const id = offered.manifest.snapshot_id;
    const wasEmpty = held.active() === null;
    const token = dataset.rebuildToken;
    const loaded = await loadOffered(offered, force);
    if (!loaded.ok) {
      if (loaded.error.status === 'rejected') manifestValid = false;
      return failed(startedMs, loaded.error, id);
    }
    remember(offered);
    // What was loaded into an empty cache has been built after the token was set.
    if (force === 'rebuild' || wasEmpty) index = { ...index, rebuilt: token };
    healthy = true;
    note(startedMs, { status: 'ok', snapshotId: id, problems: [], note: null });
  };

  const consider = async (offered: Offered, force: Force, startedMs: number): Promise<void> => {
    const { manifest, manifestUrl, promised } = offered;
    const id = manifest.snapshot_id;
    const kept = held.kept().map((one) => one.record);
    const offer = decideOffer(manifest, manifestUrl, {
      dataset,
      active: activeRecord(),
      kept,
      staged: held.staged()?.record.snapshotId ?? null,
      force: force !== 'no',
      promised,
    });
    manifestValid = offer.kind !== 'rejected';
    if (offer.kind === 'load') return loadNew(offered, force, startedMs);
    if (offer.kind === 'rejected') return note(startedMs, { status: 'rejected', snapshotId: id, problems: offer.problems, note: null });
    if (offer.kind === 'unchanged') {
      remember(offered);
      return note(startedMs, { status: 'unchanged', snapshotId: id, problems: [], note: offer.note });
    }
    const target = held.kept().find((one) => one.record.snapshotId === offer.snapshotId);
    if (target !== undefined) held.swap(target, 'rollback');
    note(startedMs, { status: 'ok', snapshotId: id, problems: [], note: null });
  };

  /** Which snapshot to ask for: the pinned one, on a rebuild the one that serves, else whatever is current. */
  const fetch = async (force: Force) => {
    const { pin } = dataset.snapshot;
    const id = pin ?? (force === 'rebuild' ? activeRecord()?.snapshotId : undefined);
    const isHere = force === 'no' && activeRecord()?.snapshotId === id && isLaidOut();
    if (id !== undefined && !isHere) return fetchById(dataset, id, store, abort.signal);
    const etag = force === 'no' && isLaidOut() && seen !== null && held.has(seen.snapshotId) ? seen.etag : null;
    return fetchCurrent(dataset, etag, store, abort.signal);
  };

  const judgePin = (): void => {
    const { pin } = dataset.snapshot;
    if (pin === null) return;
    refused =
      activeRecord()?.snapshotId === pin
        ? null
        : `snapshot ${pin} of snapshot.pin is neither kept nor at the source; what serves is left as it is`;
  };

  const tryOnce = async (force: Force): Promise<void> => {
    const startedMs = now();
    const fetched = await fetch(force);
    reachable = fetched.ok || fetched.error.reached;
    if (!fetched.ok) {
      if (reachable) manifestValid = false;
      return failed(startedMs, fetched.error, null);
    }
    if (fetched.value.kind === 'offered') {
      await consider(fetched.value.offered, force, startedMs);
      return judgePin();
    }
    if (fetched.value.kind === 'unchanged') manifestValid = true;
    note(startedMs, {
      status: 'unchanged',
      snapshotId: activeRecord()?.snapshotId ?? null,
      problems: [],
      note: fetched.value.kind === 'nothing' ? 'nothing committed' : null,
    });
  };

  const mustRebuild = (): boolean => held.active() !== null && dataset.rebuildToken !== null && dataset.rebuildToken !== index.rebuilt;
  const mustRefresh = (): boolean => dataset.refreshToken !== null && dataset.refreshToken !== index.refreshed;

  /** A bug in one attempt ends that attempt, never the dataset. */
  const guarded = async (asked: Force): Promise<void> => {
    if (ended) return;
    const token = dataset.refreshToken;
    // A token stays to be done until it is done, whatever failed or restarted in between.
    const force = mustRebuild() || !healthy ? 'rebuild' : mustRefresh() ? 'refresh' : asked;
    try {
      await tryOnce(force);
    } catch (error) {
      const [text = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      const problem: Problem = { code: 'load_failed', path: '', message: `the attempt broke: ${text}` };
      note(now(), { status: 'failed', snapshotId: null, problems: [problem], note: null });
    }
    if (force !== 'no') index = { ...index, refreshed: token };
    tried = true;
    first.resolve(undefined);
    save();
  };

  const schedule = (): void => {
    clearTimeout(timer);
    if (ended || dataset.suspend) return;
    timer = setTimeout(() => void refresh('no'), nextPollMs(dataset.source.intervalMs, failures, ports.random()));
    timer.unref();
  };

  const refresh = async (force: Force): Promise<void> => {
    queue = queue.then(async () => guarded(force)).then(schedule);
    return queue;
  };

  const moveTo = (isOther: boolean): void => {
    store = ports.openStore(dataset.source, credentials);
    if (isOther) seen = null;
  };

  const restartLoads = (): void => {
    abort.abort();
    abort = new AbortController();
  };

  const configure = (next: CompiledDataset, secret: SourceCredentials | null): void => {
    const previous = isConfigured ? dataset : null;
    const isMoved = previous === null || !isSameSource(previous, next, credentials, secret);
    isConfigured = true;
    dataset = next;
    credentials = secret;
    if (isMoved) moveTo(previous !== null);
    if (previous !== null && previous.layout !== next.layout) restartLoads();
    const decision = held.obey();
    refused = decision.kind === 'refuse' ? decision.why : null;
    if (next.suspend) return schedule();
    const isNewToken = mustRebuild() || (mustRefresh() && next.refreshToken !== askedRefresh);
    askedRefresh = next.refreshToken;
    if (previous === null || isMoved || isNewToken || sourceSide(previous) !== sourceSide(next)) void refresh('no');
  };

  return {
    configure,
    warm: (active, kept, remembered) => {
      held.restore(active, kept);
      index = remembered;
      seen = active === null || remembered.etag === null ? null : { etag: remembered.etag, snapshotId: active.record.snapshotId };
    },
    refresh: async (force) => refresh(force ? 'refresh' : 'no'),
    tick: () => {
      const staged = held.staged();
      const { activation, release } = dataset.snapshot;
      const isReleased = release === staged?.record.snapshotId || activation === 'Immediate' || !ports.operatorAlive();
      if (staged !== null && isReleased && !dataset.suspend) held.swap(staged, 'refresh');
    },
    healthFailed: (epoch) => {
      const active = held.active();
      if (active?.serving.epoch !== epoch || !healthy) return;
      healthy = false;
      observe({
        kind: 'snapshot_quarantined',
        dataset: name,
        snapshotId: active.record.snapshotId,
        reason: 'the snapshot file does not read',
      });
      void refresh('rebuild');
    },
    index: () => {
      const active = activeRecord();
      return {
        ...index,
        etag: seen !== null && seen.snapshotId === active?.snapshotId ? seen.etag : null,
        active: active?.loadId ?? null,
        kept: held.kept().map((one) => one.record.loadId),
      };
    },
    report: (nowMs) =>
      reportOf(
        {
          dataset,
          active: held.active(),
          kept: held.kept(),
          staged: held.staged(),
          attempt,
          refused,
          reachable,
          manifestValid,
          healthy,
          index,
        },
        nowMs,
      ),
    triedOnce: () => tried || dataset.suspend,
    firstTry: async () => first.promise,
    end: async (isDropped) => {
      ended = true;
      clearTimeout(timer);
      abort.abort();
      // In the same tick: a dataset that was removed answers nothing more.
      const remove = isDropped ? held.dropAll() : null;
      await queue.catch(() => undefined);
      first.resolve(undefined);
      await remove?.();
    },
  };
};
