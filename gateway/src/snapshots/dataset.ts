/** The lifecycle of one dataset's snapshots: attempts one after another, what is wanted always looked at anew. */
import { type CompiledDataset, crashText, type Problem, type SourceCredentials } from '@offloader/contract';
import { heldBack } from '../domain/refresh.ts';
import { nextPollMs } from '../domain/schedule.ts';
import { createActivation } from './activation.ts';
import { createAttempts } from './attempt.ts';
import type { DatasetActor, DatasetPorts, Force } from './dataset-actor.ts';
import { createDatasetState } from './dataset-state.ts';
import { createHealer } from './heal.ts';
import { createHoldings } from './holdings.ts';
import { reportOf } from './report.ts';

/** Whether two configurations read the same source with the same credentials. */
const isSameSource = (a: CompiledDataset, b: CompiledDataset, was: SourceCredentials | null, is: SourceCredentials | null): boolean =>
  JSON.stringify([a.source, was]) === JSON.stringify([b.source, is]);

/** Whether they look for data in different places, or in other ways. */
const looksElsewhere = (a: CompiledDataset, b: CompiledDataset): boolean =>
  JSON.stringify({ ...a.source, intervalMs: 0 }) !== JSON.stringify({ ...b.source, intervalMs: 0 });

/**
 * Whether what runs is not wanted any more: its table would have the wrong form, come from elsewhere, be blocked or pinned away,
 * or nothing may run.
 */
const isOvertaken = (running: CompiledDataset, next: CompiledDataset, loading: string | null): boolean =>
  running.layout !== next.layout || looksElsewhere(running, next) || (loading !== null && heldBack(loading, next) !== null) || next.suspend;

/** Everything but the operator's word that a snapshot may go live: any other edit is a reason to look at the source. */
const edited = (dataset: CompiledDataset): string => JSON.stringify({ ...dataset, snapshot: { ...dataset.snapshot, release: null } });

export const createDataset = (initial: CompiledDataset, ports: DatasetPorts): DatasetActor => {
  const { servings, observe, now, elapsedMs } = ports;
  const { name } = initial;
  const state = createDatasetState(initial, ports.openStore(initial.source, null));
  let isConfigured = false;
  let timer: NodeJS.Timeout | undefined;
  let queue: Promise<void> = Promise.resolve();
  let tried = false;
  const first = Promise.withResolvers<undefined>();

  const save = (): void => void ports.save().catch(() => undefined);
  const onSwap = (): void => {
    state.index = { ...state.index, lastGoodAt: new Date(now()).toISOString() };
    save();
  };
  const held = createHoldings(name, { servings, observe, elapsedMs, dataset: () => state.dataset, onSwap, save: ports.save });
  const activation = createActivation(state, held, ports);
  const healer = createHealer(state, held, activation, ports, () => void refresh('no'));
  const attempts = createAttempts(state, held, activation, ports);
  const activeRecord = () => held.active()?.record ?? null;

  const mustRebuild = (): boolean => {
    const { rebuildToken } = state.dataset;
    return held.active() !== null && rebuildToken !== null && rebuildToken !== state.index.rebuilt;
  };
  const mustRefresh = (): boolean => state.dataset.refreshToken !== null && state.dataset.refreshToken !== state.index.refreshed;

  /** A bug in one attempt ends that attempt, never the dataset. */
  const guarded = async (asked: Force): Promise<void> => {
    if (state.ended || state.dataset.suspend) return;
    const token = state.dataset.refreshToken;
    // A token stays to be done until it is done, whatever failed or restarted in between.
    const force = mustRebuild() || state.damaged !== null ? 'rebuild' : mustRefresh() ? 'refresh' : asked;
    try {
      if (!(await attempts.run(force))) return;
    } catch (error) {
      // Its message may hold anything, also what nobody may read.
      const [what, where] = crashText(error).split('\n');
      const problem: Problem = { code: 'load_failed', path: '', message: `the attempt broke: ${[what, where?.trim()].join(' ')}` };
      attempts.note(now(), { status: 'failed', snapshotId: null, problems: [problem], note: null });
    }
    if (force !== 'no') state.index = { ...state.index, refreshed: token };
    tried = true;
    first.resolve(undefined);
    save();
  };

  const schedule = (): void => {
    clearTimeout(timer);
    if (state.ended || state.dataset.suspend) return;
    timer = setTimeout(() => void refresh('no'), nextPollMs(state.dataset.source.intervalMs, state.failures, ports.random()));
    timer.unref();
  };

  const refresh = async (force: Force): Promise<void> => {
    queue = queue.then(async () => guarded(force)).then(schedule);
    return queue;
  };

  const endAttempt = (): void => {
    state.abort.abort();
    state.abort = new AbortController();
  };

  const configure = (next: CompiledDataset, secret: SourceCredentials | null): void => {
    const previous = isConfigured ? state.dataset : null;
    const isMoved = previous === null || !isSameSource(previous, next, state.credentials, secret);
    isConfigured = true;
    state.dataset = next;
    state.credentials = secret;
    if (isMoved) state.store = ports.openStore(next.source, secret);
    if (isMoved && previous !== null) state.seen = null;
    // What waits came from where the dataset does not look any more.
    if (previous !== null && looksElsewhere(previous, next)) held.stage(null);
    if (previous !== null && isOvertaken(previous, next, state.loading)) endAttempt();
    held.obey();
    if (isMoved || previous.snapshot.pin !== next.snapshot.pin) state.isPinMissed = false;
    if (next.suspend) {
      first.resolve(undefined);
      return schedule();
    }
    if (isMoved || edited(previous) !== edited(next)) void refresh('no');
  };

  return {
    configure,
    warm: ({ active, kept, damaged, index }) => {
      held.restore(active, kept);
      // What was damaged before the restart is still to be built again, unless it serves.
      const before = index.damaged?.snapshotId === active?.record.snapshotId ? null : index.damaged;
      state.damaged = before ?? (damaged === null ? null : { snapshotId: damaged, atMs: now() });
      state.index = index;
      state.seen = active === null || index.etag === null ? null : { etag: index.etag, snapshotId: active.record.snapshotId };
    },
    refresh: async (force) => refresh(force ? 'refresh' : 'no'),
    tick: activation.tick,
    ...healer,
    loads: () => [held.active(), held.staged(), ...held.kept()].flatMap((one) => (one === null ? [] : [one.record.loadId])),
    index: () => {
      const active = activeRecord();
      const { seen } = state;
      return {
        ...state.index,
        etag: seen !== null && seen.snapshotId === active?.snapshotId ? seen.etag : null,
        active: active?.loadId ?? null,
        kept: held.kept().map((one) => one.record.loadId),
        damaged: state.damaged,
      };
    },
    report: (nowMs) => reportOf({ ...state, active: held.active(), kept: held.kept(), staged: held.staged() }, nowMs),
    triedOnce: () => tried || state.dataset.suspend,
    firstTry: async () => first.promise,
    end: async (isDropped) => {
      state.ended = true;
      clearTimeout(timer);
      state.abort.abort();
      // In the same tick: a dataset that was removed answers nothing more.
      const remove = isDropped ? held.dropAll() : null;
      await queue.catch(() => undefined);
      first.resolve(undefined);
      await remove?.();
    },
  };
};
