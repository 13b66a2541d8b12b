/** One attempt of a dataset: ask the source, decide, load, put in place. However it ends, what serves still serves. */
import { err, ok, type Result } from '@offloader/contract';
import { decideOffer, guardProblems } from '../domain/refresh.ts';
import type { DatasetPorts } from './dataset-actor.ts';
import type { DatasetState } from './dataset-state.ts';
import { fetchById, fetchCurrent } from './fetch-manifest.ts';
import type { FetchFailure, Offered } from './fetched.ts';
import type { Holdings, SwapCause } from './holdings.ts';
import type { LoadFailure } from './load-job.ts';
import { materialise } from './materialise.ts';
import type { Attempt } from './report.ts';
import type { Attached } from './servings.ts';

/** 'no' loads what is new; 'refresh' also what serves already; 'rebuild' that very snapshot, its old copy going into quarantine. */
export type Force = 'no' | 'refresh' | 'rebuild';
export type Attempts = {
  /** Asks the source once and does what follows from its answer; ends with the state's `attempt` set. Throws only for bugs. */
  run(force: Force): Promise<void>;
  /** Writes down how an attempt that broke has ended. */
  note(startedMs: number, end: Omit<Attempt, 'at'>): void;
};

export const createAttempts = (state: DatasetState, held: Holdings, { servings, observe, now, ...ports }: DatasetPorts): Attempts => {
  const { name } = state.dataset;
  const activeRecord = () => held.active()?.record ?? null;
  const isLaidOut = (): boolean => activeRecord()?.layout === state.dataset.layout;

  const note: Attempts['note'] = (startedMs, end) => {
    state.attempt = { ...end, at: new Date(now()).toISOString() };
    state.failures = end.status === 'failed' ? state.failures + 1 : 0;
    const { status, snapshotId, problems } = end;
    observe({ kind: 'refresh_ended', dataset: name, status, snapshotId, problems, tookMs: now() - startedMs });
  };
  const failed = (startedMs: number, { status, problems }: LoadFailure | FetchFailure, snapshotId: string | null): void =>
    note(startedMs, { status, snapshotId, problems, note: null });

  /** A finished load looks again at what is wanted: the dataset may have been edited meanwhile. */
  const place = (loaded: Attached, cause: SwapCause): void => {
    const { layout, snapshotId } = loaded.record;
    const { pin, blocked, activation, release } = state.dataset.snapshot;
    const isHeldBack = blocked.includes(snapshotId) || (pin !== null && pin !== snapshotId);
    if (state.ended || layout !== state.dataset.layout || isHeldBack) return held.drop(loaded);
    held.stage(null);
    const waits =
      cause === 'refresh' && held.active() !== null && activation === 'Coordinated' && release !== snapshotId && ports.operatorAlive();
    if (waits) held.stage(loaded);
    else held.swap(loaded, cause, cause === 'rebuild' ? 'quarantine' : 'keep');
  };

  const loadOffered = async (offered: Offered, force: Force): Promise<Result<null, LoadFailure>> => {
    const startedMs = now();
    const { dataset: wanted, store, abort } = state;
    const loaded = await materialise(ports, { dataset: wanted, ...offered }, store, abort.signal);
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
    state.seen = etag === null ? null : { etag, snapshotId: manifest.snapshot_id };
  };

  const loadNew = async (offered: Offered, force: Force, startedMs: number): Promise<void> => {
    const id = offered.manifest.snapshot_id;
    const wasEmpty = held.active() === null;
    const token = state.dataset.rebuildToken;
    const loaded = await loadOffered(offered, force);
    if (!loaded.ok) {
      if (loaded.error.status === 'rejected') state.manifestValid = false;
      return failed(startedMs, loaded.error, id);
    }
    remember(offered);
    // What was loaded into an empty cache has been built after the token was set.
    if (force === 'rebuild' || wasEmpty) state.index = { ...state.index, rebuilt: token };
    state.healthy = true;
    note(startedMs, { status: 'ok', snapshotId: id, problems: [], note: null });
  };

  const consider = async (offered: Offered, force: Force, startedMs: number): Promise<void> => {
    const { manifest, manifestUrl, promised } = offered;
    const id = manifest.snapshot_id;
    const offer = decideOffer(manifest, manifestUrl, {
      dataset: state.dataset,
      active: activeRecord(),
      kept: held.kept().map((one) => one.record),
      staged: held.staged()?.record.snapshotId ?? null,
      force: force !== 'no',
      promised,
    });
    state.manifestValid = offer.kind !== 'rejected';
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
    const { dataset, store, seen, abort } = state;
    const id = dataset.snapshot.pin ?? (force === 'rebuild' ? activeRecord()?.snapshotId : undefined);
    const isHere = force === 'no' && activeRecord()?.snapshotId === id && isLaidOut();
    if (id !== undefined && !isHere) return fetchById(dataset, id, store, abort.signal);
    const etag = force === 'no' && isLaidOut() && seen !== null && held.has(seen.snapshotId) ? seen.etag : null;
    return fetchCurrent(dataset, etag, store, abort.signal);
  };

  const judgePin = (): void => {
    const { pin } = state.dataset.snapshot;
    if (pin === null) return;
    state.refused =
      activeRecord()?.snapshotId === pin
        ? null
        : `snapshot ${pin} of snapshot.pin is neither kept nor at the source; what serves is left as it is`;
  };

  return {
    note,
    run: async (force) => {
      const startedMs = now();
      const fetched = await fetch(force);
      state.reachable = fetched.ok || fetched.error.reached;
      if (!fetched.ok) {
        if (state.reachable) state.manifestValid = false;
        return failed(startedMs, fetched.error, null);
      }
      if (fetched.value.kind === 'offered') {
        await consider(fetched.value.offered, force, startedMs);
        return judgePin();
      }
      if (fetched.value.kind === 'unchanged') state.manifestValid = true;
      note(startedMs, {
        status: 'unchanged',
        snapshotId: activeRecord()?.snapshotId ?? null,
        problems: [],
        note: fetched.value.kind === 'nothing' ? 'nothing committed' : null,
      });
    },
  };
};
