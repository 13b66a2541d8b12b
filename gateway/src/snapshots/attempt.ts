/** One attempt of a dataset: ask the source, decide, load, put in place. However it ends, what serves still serves. */
import { advised, err, ok, type Problem, type Result } from '@offloader/contract';
import { decideOffer, guardProblems, type Wanted } from '../domain/refresh.ts';
import type { Activation } from './activation.ts';
import type { DatasetPorts, Force } from './dataset-actor.ts';
import type { DatasetState } from './dataset-state.ts';
import { fetchById, fetchCurrent } from './fetch-manifest.ts';
import type { Offered } from './fetched.ts';
import type { Holdings } from './holdings.ts';
import type { LoadFailure } from './load-job.ts';
import { materialise } from './materialise.ts';
import type { Attempt } from './report.ts';
import { alsoProbed } from './stage-files.ts';

type End = Omit<Attempt, 'at'>;
export type Attempts = {
  /**
   * Asks the source once and does what follows from its answer; ends with the state's `attempt` set. False when an edit has
   * overtaken it: then it has proved nothing, and the next one counts. Throws only for bugs.
   */
  run(force: Force): Promise<boolean>;
  /** Writes down how an attempt that broke has ended. */
  note(startedMs: number, end: End): void;
};

const ended = (status: End['status'], snapshotId: string | null, problems: End['problems'] = [], told: string | null = null): End => ({
  status,
  snapshotId,
  problems,
  note: told,
});
const unreadable: Problem = { code: 'load_failed', path: '', message: 'the table that was built does not read back from the cache volume' };
const overtaken = (snapshotId: string | null): End =>
  ended('unchanged', snapshotId, [], 'given up: the dataset was edited meanwhile, and is looked at anew');

export const createAttempts = (
  state: DatasetState,
  held: Holdings,
  activation: Activation,
  { servings, observe, now, ...ports }: DatasetPorts,
): Attempts => {
  const { name } = state.dataset;
  const activeRecord = () => held.active()?.record ?? null;
  const wanted = (): Wanted => ({ dataset: state.dataset, active: activeRecord(), damaged: state.damaged?.snapshotId ?? null });
  const isLaidOut = (): boolean => activeRecord()?.layout === state.dataset.layout;

  const note: Attempts['note'] = (startedMs, end) => {
    const problems = end.problems.map(advised);
    state.attempt = { ...end, problems, at: new Date(now()).toISOString() };
    state.failures = end.status === 'failed' ? state.failures + 1 : 0;
    const { status, snapshotId } = end;
    observe({ kind: 'refresh_ended', dataset: name, status, snapshotId, problems, tookMs: now() - startedMs });
  };

  /** `isLoaded` is called in the tick in which it goes live or waits, before either is written down. */
  const loadOffered = async (
    offered: Offered,
    { force, signal, isLoaded }: { readonly force: Force; readonly signal: AbortSignal; readonly isLoaded: () => void },
  ): Promise<Result<null, LoadFailure>> => {
    const startedMs = now();
    const { dataset, store } = state;
    const loaded = await materialise(ports, { dataset, ...offered }, store, signal);
    if (!loaded.ok) return loaded;
    const { snapshotId, rows, bytes } = loaded.value;
    const attached = await servings.attach(loaded.value).catch(() => null);
    if (attached === null) {
      await servings.remove(loaded.value, 'delete');
      return err({ status: 'failed', problems: [unreadable] });
    }
    if (signal.aborted) {
      held.drop(attached);
      return ok(null);
    }
    // Also what a manifest promises is looked at again: guards may have been edited meanwhile.
    const late = guardProblems(loaded.value, wanted());
    if (late.length > 0) {
      held.drop(attached);
      return err({ status: 'rejected', problems: late });
    }
    observe({ kind: 'load_ended', dataset: name, snapshotId, rows, bytes, tookMs: now() - startedMs });
    isLoaded();
    activation.place(attached, force);
    return ok(null);
  };

  const remember = ({ etag, manifest }: Offered): void => {
    state.seen = etag === null ? null : { etag, snapshotId: manifest.snapshot_id };
  };

  const loadNew = async (offered: Offered, force: Force, signal: AbortSignal): Promise<End> => {
    const id = offered.manifest.snapshot_id;
    const wasEmpty = held.active() === null;
    const { rebuildToken, refreshToken } = state.dataset;
    /** One token acts once: what has the new copy says also that the token is done, whatever dies in between. */
    const isLoaded = (): void => {
      // What was loaded into an empty cache has been built after the token was set.
      if (force === 'rebuild' || wasEmpty) state.index = { ...state.index, rebuilt: rebuildToken };
      if (force !== 'no') state.index = { ...state.index, refreshed: refreshToken };
    };
    state.loading = id;
    const loaded = await loadOffered(offered, { force, signal, isLoaded }).finally(() => (state.loading = null));
    if (signal.aborted) return overtaken(id);
    if (!loaded.ok) {
      if (loaded.error.status === 'rejected') state.manifestValid = false;
      return ended(loaded.error.status, id, loaded.error.problems);
    }
    remember(offered);
    state.damaged = null;
    return ended('ok', id);
  };

  const consider = async (offered: Offered, force: Force, signal: AbortSignal): Promise<End> => {
    const { manifest, manifestUrl, promised } = offered;
    const id = manifest.snapshot_id;
    const offer = decideOffer(manifest, manifestUrl, {
      ...wanted(),
      kept: held.kept().map((one) => one.record),
      staged: held.staged()?.record.snapshotId ?? null,
      force: force !== 'no',
      promised,
    });
    state.manifestValid = offer.kind !== 'rejected';
    if (offer.kind === 'load') return loadNew(offered, force, signal);
    if (offer.kind === 'rejected') return ended('rejected', id, await alsoProbed(offer.problems, offered, state.store));
    if (offer.kind === 'unchanged') {
      remember(offered);
      // What may not serve is not built again.
      if (offer.note !== null) state.damaged = null;
      return ended('unchanged', id, [], offer.note);
    }
    const target = held.kept().find((one) => one.record.snapshotId === offer.snapshotId);
    if (target !== undefined) activation.place(target, force);
    return ended('ok', id);
  };

  /** Which snapshot to ask for: the pinned one, on a rebuild the damaged or the serving one, else whatever is current. */
  const fetch = async (force: Force, signal: AbortSignal) => {
    const { dataset, store, seen } = state;
    const id = dataset.snapshot.pin ?? (force === 'rebuild' ? (state.damaged?.snapshotId ?? activeRecord()?.snapshotId) : undefined);
    const isHere = force === 'no' && activeRecord()?.snapshotId === id && isLaidOut();
    if (id !== undefined && !isHere) return fetchById(dataset, id, store, signal);
    const etag = force === 'no' && isLaidOut() && seen !== null && held.has(seen.snapshotId) ? seen.etag : null;
    return fetchCurrent(dataset, etag, store, signal);
  };

  const attempt = async (force: Force, signal: AbortSignal): Promise<End> => {
    const fetched = await fetch(force, signal);
    if (signal.aborted) return overtaken(null);
    state.reachable = fetched.ok || fetched.error.reached;
    if (!fetched.ok) {
      if (state.reachable) state.manifestValid = false;
      return ended(fetched.error.status, null, fetched.error.problems);
    }
    if (fetched.value.kind === 'offered') {
      const { pin } = state.dataset.snapshot;
      const end = await consider(fetched.value.offered, force, signal);
      if (state.dataset.snapshot.pin === pin) state.isPinMissed = pin !== null && !held.has(pin);
      return end;
    }
    if (fetched.value.kind === 'nothing') return ended('unchanged', activeRecord()?.snapshotId ?? null, [], 'nothing committed');
    state.manifestValid = true;
    return ended('unchanged', state.seen?.snapshotId ?? null);
  };

  return {
    note,
    run: async (force) => {
      const startedMs = now();
      const { signal } = state.abort;
      note(startedMs, await attempt(force, signal));
      return !signal.aborted;
    },
  };
};
