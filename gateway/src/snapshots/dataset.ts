/** The lifecycle of one dataset's snapshots: attempts one after another, swaps at once, what is wanted always looked at anew. */
import { type CompiledDataset, type DatasetReport, ok, type Problem, type Result, type SourceCredentials } from '@offloader/contract';
import type { Observation, Observe } from '../domain/observation.ts';
import { decideOffer, decideServing, guardProblems, surplus } from '../domain/refresh.ts';
import { nextPollMs } from '../domain/schedule.ts';
import { fetchById, fetchCurrent, type FetchFailure, type Offered } from './fetch-manifest.ts';
import { type LoadFailure, type LoadLimits, materialise } from './materialise.ts';
import type { ObjectStore, OpenStore } from './object-store.ts';
import { type DatasetIndex, emptyIndex } from './record.ts';
import { type Attempt, reportOf } from './report.ts';
import type { Attached, Servings } from './servings.ts';

export type Ports = {
  readonly cacheDir: string;
  readonly servings: Servings;
  readonly openStore: OpenStore;
  readonly observe: Observe;
  readonly limits: LoadLimits;
  /** Runs a load when memory allows one more. */
  readonly admit: <T>(load: () => Promise<T>) => Promise<T>;
  readonly save: () => Promise<void>;
  readonly now: () => number;
  readonly random: () => number;
  /** Whether an operator has been heard of lately: only then a coordinated activation waits for its word. */
  readonly operatorAlive: () => boolean;
};

export type DatasetActor = {
  configure(dataset: CompiledDataset, credentials: SourceCredentials | null): void;
  /** Puts what was found on the volume into service; called once, before configure. */
  warm(active: Attached | null, kept: readonly Attached[], index: DatasetIndex): void;
  refresh(force: boolean): Promise<void>;
  /** Coordinated activation: looks whether the staged snapshot may go live now. */
  tick(): void;
  healthFailed(epoch: number): void;
  index(): DatasetIndex;
  report(nowMs: number): DatasetReport;
  triedOnce(): boolean;
  firstTry(): Promise<void>;
  /** Ends polling and loads; `drop` also removes every file. */
  end(drop: boolean): Promise<void>;
};

type Cause = Extract<Observation, { kind: 'snapshot_swapped' }>['cause'];

export const createDataset = (initial: CompiledDataset, ports: Ports): DatasetActor => {
  const { servings, observe } = ports;
  const { name } = initial;
  let dataset = initial;
  let isConfigured = false;
  let store: ObjectStore = ports.openStore(initial.source, null);
  let credentials: SourceCredentials | null = null;
  let active: Attached | null = null;
  let kept: readonly Attached[] = [];
  let staged: Attached | null = null;
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
  let ended = false;
  let tried = false;
  let announceFirst: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (announceFirst = resolve));
  let abort = new AbortController();

  const save = (): void => void ports.save().catch(() => undefined);
  const retire = (attached: Attached, fate: 'delete' | 'quarantine'): void => void servings.retire(attached, fate).catch(() => undefined);

  /** Swaps in the same tick; what falls out of `keep` goes once nobody reads it. */
  const swap = (next: Attached, cause: Cause, old: 'keep' | 'quarantine' = 'keep'): void => {
    const previous = active;
    const others = [...(previous === null || old === 'quarantine' ? [] : [previous]), ...kept].filter(
      (one) => one !== next && one.record.snapshotId !== next.record.snapshotId,
    );
    const replaced = [...kept, ...(previous === null ? [] : [previous])].filter((one) => one !== next && !others.includes(one));
    const going = surplus(
      others.map((one) => one.record),
      dataset.snapshot.keep,
      dataset.layout,
    );
    active = next;
    kept = others.filter((one) => !going.includes(one.record));
    staged = staged === next ? null : staged;
    servings.set(name, active, kept);
    observe({
      kind: 'snapshot_swapped',
      dataset: name,
      snapshotId: next.record.snapshotId,
      previous: previous?.record.snapshotId ?? null,
      cause,
    });
    for (const one of others.filter((other) => going.includes(other.record))) retire(one, 'delete');
    for (const one of replaced) retire(one, old === 'quarantine' && one === previous ? 'quarantine' : 'delete');
    index = { ...index, lastGoodAt: new Date(ports.now()).toISOString() };
    save();
  };

  const drop = (attached: Attached): void => retire(attached, 'delete');

  const note = (
    status: Attempt['status'],
    snapshotId: string | null,
    problems: readonly Problem[],
    text: string | null,
    startedMs: number,
  ): void => {
    attempt = { status, snapshotId, at: new Date(ports.now()).toISOString(), problems, note: text };
    failures = status === 'failed' ? failures + 1 : 0;
    observe({ kind: 'refresh_ended', dataset: name, status, snapshotId, problems, tookMs: ports.now() - startedMs });
  };

  /** A finished load looks again at what is wanted: the dataset may have been edited meanwhile. */
  const place = (loaded: Attached, cause: Cause): void => {
    const { layout, snapshotId } = loaded.record;
    const isUnwanted =
      ended ||
      layout !== dataset.layout ||
      dataset.snapshot.blocked.includes(snapshotId) ||
      (dataset.snapshot.pin !== null && dataset.snapshot.pin !== snapshotId);
    if (isUnwanted) return drop(loaded);
    if (staged !== null) drop(staged);
    staged = null;
    const waits =
      cause === 'refresh' &&
      active !== null &&
      dataset.snapshot.activation === 'Coordinated' &&
      dataset.snapshot.release !== snapshotId &&
      ports.operatorAlive();
    if (waits) staged = loaded;
    else swap(loaded, cause, cause === 'rebuild' ? 'quarantine' : 'keep');
  };

  const loadOffered = async (offered: Offered, force: 'no' | 'refresh' | 'rebuild'): Promise<Result<null, LoadFailure>> => {
    const startedMs = ports.now();
    const wanted = dataset;
    const loaded = await ports.admit(async () =>
      materialise(ports.cacheDir, { dataset: wanted, ...offered }, store, ports.limits, abort.signal),
    );
    if (!loaded.ok) return loaded;
    const { value: record } = loaded;
    const late = offered.promised
      ? []
      : guardProblems({ ...offered.manifest, row_count: record.rows }, { dataset: wanted, active: active?.record ?? null });
    const attached = await servings.attach(record);
    if (late.length > 0) {
      drop(attached);
      return { ok: false, error: { status: 'rejected', problems: late } };
    }
    observe({
      kind: 'load_ended',
      dataset: name,
      snapshotId: record.snapshotId,
      rows: record.rows,
      bytes: record.bytes,
      tookMs: ports.now() - startedMs,
    });
    const isCutover = active !== null && active.record.layout !== record.layout;
    place(attached, isCutover ? 'cutover' : force === 'rebuild' ? 'rebuild' : 'refresh');
    return ok(null);
  };

  const failed = ({ status, problems }: LoadFailure | FetchFailure, id: string | null, startedMs: number): void =>
    note(status, id, problems, null, startedMs);

  const remember = ({ etag, manifest }: Offered): void => {
    seen = etag === null ? null : { etag, snapshotId: manifest.snapshot_id };
  };
  const has = (id: string): boolean => active?.record.snapshotId === id || staged?.record.snapshotId === id;

  const consider = async (offered: Offered, force: 'no' | 'refresh' | 'rebuild', startedMs: number): Promise<void> => {
    const { manifest, manifestUrl, promised } = offered;
    const facts = {
      dataset,
      active: active?.record ?? null,
      kept: kept.map((one) => one.record),
      staged: staged?.record.snapshotId ?? null,
      force: force !== 'no',
      promised,
    };
    const offer = decideOffer(manifest, manifestUrl, facts);
    manifestValid = offer.kind !== 'rejected';
    if (offer.kind === 'rejected') return note('rejected', manifest.snapshot_id, offer.problems, null, startedMs);
    if (offer.kind === 'unchanged') {
      remember(offered);
      return note('unchanged', manifest.snapshot_id, [], offer.note, startedMs);
    }
    if (offer.kind === 'activate') {
      const target = kept.find((one) => one.record.snapshotId === offer.snapshotId);
      if (target !== undefined) swap(target, 'rollback');
      return note('ok', manifest.snapshot_id, [], null, startedMs);
    }
    const loaded = await loadOffered(offered, force);
    if (!loaded.ok) {
      if (loaded.error.status === 'rejected') manifestValid = false;
      return failed(loaded.error, manifest.snapshot_id, startedMs);
    }
    remember(offered);
    if (force === 'rebuild' || index.rebuilt === null) index = { ...index, rebuilt: dataset.rebuildToken };
    healthy = true;
    note('ok', manifest.snapshot_id, [], null, startedMs);
  };

  /** Which snapshot to ask for: the pinned one, on a rebuild the one that serves, else whatever is current. */
  const fetch = async (force: 'no' | 'refresh' | 'rebuild') => {
    const { pin } = dataset.snapshot;
    const isLaidOut = active?.record.layout === dataset.layout;
    const id = pin ?? (force === 'rebuild' ? active?.record.snapshotId : undefined);
    if (id !== undefined && !(force === 'no' && active?.record.snapshotId === id && isLaidOut))
      return fetchById(dataset, id, store, abort.signal);
    return fetchCurrent(
      dataset,
      force === 'no' && isLaidOut && seen !== null && has(seen.snapshotId) ? seen.etag : null,
      store,
      abort.signal,
    );
  };

  const tryOnce = async (force: 'no' | 'refresh' | 'rebuild'): Promise<void> => {
    const startedMs = ports.now();
    const fetched = await fetch(force);
    if (!fetched.ok) {
      reachable = fetched.error.reached;
      if (fetched.error.reached) manifestValid = false;
      return failed(fetched.error, null, startedMs);
    }
    reachable = true;
    if (fetched.value.kind === 'offered') {
      await consider(fetched.value.offered, force, startedMs);
      const { pin } = dataset.snapshot;
      refused =
        pin !== null && active?.record.snapshotId !== pin
          ? `snapshot ${pin} of snapshot.pin is neither kept nor at the source; what serves is left as it is`
          : refused;
      return;
    }
    if (fetched.value.kind === 'unchanged') manifestValid = true;
    note('unchanged', active?.record.snapshotId ?? null, [], fetched.value.kind === 'nothing' ? 'nothing committed' : null, startedMs);
  };

  const schedule = (): void => {
    clearTimeout(timer);
    if (ended || dataset.suspend) return;
    timer = setTimeout(() => void refresh('no'), nextPollMs(dataset.source.intervalMs, failures, ports.random()));
    timer.unref();
  };

  /** A bug in one attempt ends that attempt, never the dataset. */
  const guarded = async (force: 'no' | 'refresh' | 'rebuild'): Promise<void> => {
    if (ended) return;
    try {
      await tryOnce(force);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      note(
        'failed',
        null,
        [{ code: 'load_failed', path: '', message: `the attempt broke: ${text.split('\n')[0] ?? ''}` }],
        null,
        ports.now(),
      );
    }
    tried = true;
    announceFirst();
    save();
  };

  const refresh = async (force: 'no' | 'refresh' | 'rebuild'): Promise<void> => {
    queue = queue.then(async () => guarded(force)).then(schedule);
    return queue;
  };

  const obeySelection = (): void => {
    const decision = decideServing(
      dataset,
      active?.record ?? null,
      kept.map((one) => one.record),
    );
    refused = decision.kind === 'refuse' ? decision.why : null;
    if (staged !== null && (dataset.snapshot.blocked.includes(staged.record.snapshotId) || staged.record.layout !== dataset.layout)) {
      drop(staged);
      staged = null;
    }
    if (decision.kind !== 'swap') return;
    const target = kept.find((one) => one.record.snapshotId === decision.snapshotId);
    if (target !== undefined) swap(target, 'rollback');
  };

  const trim = (): void => {
    const going = surplus(
      kept.map((one) => one.record),
      dataset.snapshot.keep,
      dataset.layout,
    );
    if (going.length === 0) return;
    const gone = kept.filter((one) => going.includes(one.record));
    kept = kept.filter((one) => !gone.includes(one));
    servings.set(name, active, kept);
    for (const one of gone) drop(one);
  };

  const actOnTokens = (): void => {
    const isRebuild = dataset.rebuildToken !== null && dataset.rebuildToken !== index.rebuilt;
    const isRefresh = dataset.refreshToken !== null && dataset.refreshToken !== index.refreshed;
    if (isRefresh) {
      index = { ...index, refreshed: dataset.refreshToken };
      void refresh('refresh');
    }
    if (isRebuild && active !== null) void refresh('rebuild');
  };

  return {
    warm: (found, others, remembered) => {
      active = found;
      kept = others;
      index = remembered;
      seen = found === null || remembered.etag === null ? null : { etag: remembered.etag, snapshotId: found.record.snapshotId };
      servings.set(name, active, kept);
    },
    configure: (next, secret) => {
      const previous = isConfigured ? dataset : undefined;
      isConfigured = true;
      const isMoved = previous === undefined || JSON.stringify([previous.source, credentials]) !== JSON.stringify([next.source, secret]);
      dataset = next;
      credentials = secret;
      if (isMoved) store = ports.openStore(next.source, secret);
      if (isMoved && previous !== undefined) seen = null;
      if (previous !== undefined && previous.layout !== next.layout) {
        abort.abort();
        abort = new AbortController();
      }
      obeySelection();
      if (next.suspend) return schedule();
      if (previous !== undefined) trim();
      actOnTokens();
      const isWanted =
        previous === undefined ||
        JSON.stringify({ ...previous, refreshToken: null, snapshot: { ...previous.snapshot, release: null } }) !==
          JSON.stringify({ ...next, refreshToken: null, snapshot: { ...next.snapshot, release: null } });
      if (isWanted) void refresh('no');
    },
    refresh: async (force) => refresh(force ? 'refresh' : 'no'),
    tick: () => {
      if (
        staged !== null &&
        !dataset.suspend &&
        (dataset.snapshot.release === staged.record.snapshotId || !ports.operatorAlive() || dataset.snapshot.activation === 'Immediate')
      )
        swap(staged, 'refresh');
    },
    healthFailed: (epoch) => {
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
    index: () => ({
      ...index,
      etag: seen !== null && seen.snapshotId === active?.record.snapshotId ? seen.etag : null,
      active: active?.record.loadId ?? null,
      kept: kept.map((one) => one.record.loadId),
    }),
    report: (nowMs) => reportOf({ dataset, active, kept, staged, attempt, refused, reachable, manifestValid, healthy, index }, nowMs),
    triedOnce: () => tried || dataset.suspend,
    firstTry: async () => first,
    end: async (isDropped) => {
      ended = true;
      clearTimeout(timer);
      abort.abort();
      const all = [active, staged, ...kept].filter((one) => one !== null);
      // In the same tick: a dataset that was removed answers nothing more.
      if (isDropped) servings.set(name, null, []);
      await queue.catch(() => undefined);
      announceFirst();
      if (isDropped) await Promise.all(all.map(async (one) => servings.retire(one, 'delete')));
    },
  };
};
