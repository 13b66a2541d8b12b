// Whether a real room is where a model of it is: status, answers, files on the volume.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { Serving } from '../../src/domain/serving.ts';
import { readJson } from '../../src/durable-file.ts';
import type { Lake } from './lake.ts';
import type { Room } from './room.ts';
import type { Door } from './door.ts';
import { type Copy, isRefused, type Model } from './snapshot-model.ts';

const patienceMs = Number(process.env['MODEL_PATIENCE'] ?? 60_000);

type Reading = { readonly wrong: readonly string[]; readonly failed: readonly string[]; forgiven: boolean; end(): Promise<void> };
export type Real = {
  readonly room: Room;
  readonly other: Lake;
  readonly reading: Reading;
  readonly numbers: Map<number, string>;
  readonly door: Door;
  /** The clock that nobody sets. */
  readonly clock: { ms: number };
};

/** Somebody who reads all the time: no answer is wrong or mixed, whatever happens, and none fails for want of a swap. */
export const startReading = (room: Room, numbers: ReadonlyMap<number, string>): Reading => {
  const [wrong, failed]: [string[], string[]] = [[], []];
  let isOver = false;
  const reading = { wrong, failed, forgiven: false };
  const read = async (): Promise<void> => {
    if (room.snapshots.state.servings().get('visits') === undefined) return;
    try {
      const { id, values } = await room.answer();
      if (values.length !== 1 || numbers.get(values[0]!) !== id) wrong.push(`${id}: ${values.join()}`);
    } catch (error) {
      if (!reading.forgiven) failed.push(String(error));
    }
  };
  const running = (async () => {
    while (!isOver) {
      await read();
      await pause(5);
    }
  })();
  return Object.assign(reading, {
    end: async () => {
      isOver = true;
      await running;
    },
  });
};

/** Waits until it is so; what it is then, when it never becomes so, is what the failure shows. */
const eventually = async (seen: () => unknown, expected: unknown): Promise<void> => {
  const givesUpAt = performance.now() + patienceMs;
  for (;;)
    try {
      return void expect(await seen()).toEqual(expected);
    } catch (error) {
      if (performance.now() > givesUpAt) throw error;
      await pause(10);
    }
};

export const servingOf = ({ room }: Real, id: string, isActive: boolean): Serving => {
  const { servings, kept } = room.snapshots.state;
  const found = isActive ? servings().get('visits') : [...kept().values()].find(({ snapshotId }) => snapshotId === id);
  if (found?.snapshotId !== id) throw new Error(`${id} is not there`);
  return found;
};
const loadIdOf = ({ relations }: Serving): string => /^"s_([0-9a-f]+)_/.exec(Object.values(relations)[0]!)![1]!;
export const folderOf = (real: Real, serving: Serving): string => join(real.room.cacheDir, 'snapshots', 'visits', loadIdOf(serving));

const attemptsOf = ({ observed }: Room): number =>
  observed.filter((event) => event.kind === 'refresh_ended' && event.dataset === 'visits').length;
const statusOf = ({ room }: Real) => {
  const { active_snapshot: active, kept, last_attempted: last, ...report } = room.report();
  return {
    attempts: attemptsOf(room),
    active: active?.snapshot_id ?? null,
    kept: kept.toSorted(),
    staged: report.staged,
    attempt: last === null ? null : { status: last.status, id: last.snapshot_id },
    hasError: report.refresh_error !== null,
    refused: report.rollback_refused !== null,
    damaged: report.quarantined.filter(({ reason }) => !reason.startsWith('blocked')).map((one) => one.snapshot_id),
    healthy: report.cache_healthy,
    rebuilt: report.rebuilt,
    refreshed: report.refreshed,
  };
};
const expectedStatus = (model: Model): ReturnType<typeof statusOf> => ({
  attempts: model.attempts,
  active: model.active?.id ?? null,
  kept: model.kept.map(({ id }) => id).toSorted(),
  staged: model.staged?.id ?? null,
  attempt: model.attempt,
  hasError: ['rejected', 'failed'].includes(model.attempt?.status ?? ''),
  refused: isRefused(model),
  damaged: model.damaged === null ? [] : [model.damaged],
  healthy: model.damaged === null,
  rebuilt: model.rebuilt,
  refreshed: model.refreshed,
});

type Index = { datasets: { visits: { active: string | null; kept: string[] } } };
/** What lies on the volume, and what its index names. */
const volumeOf = async ({ room: { cacheDir } }: Real, expected: readonly string[]) => {
  const index = (await readJson(join(cacheDir, 'index.json'))) as Index;
  const { active, kept } = index.datasets.visits;
  const folders = await readdir(join(cacheDir, 'snapshots', 'visits')).catch(() => []);
  return {
    folders: folders.filter((name) => expected.includes(name)).toSorted(),
    others: folders.filter((name) => !expected.includes(name)).length,
    named: [active, kept.toSorted()],
    scratch: [...(await readdir(join(cacheDir, 'tmp'))), ...(await readdir(cacheDir)).filter((name) => name.endsWith('.tmp'))],
  };
};
const expectedVolume = (model: Model, real: Real): Awaited<ReturnType<typeof volumeOf>> => {
  const loadId = ({ id }: Copy, isActive: boolean): string => loadIdOf(servingOf(real, id, isActive));
  const active = model.active === null ? null : loadId(model.active, true);
  const there = [model.active, ...model.kept].filter((one) => one?.gone === false) as Copy[];
  return {
    folders: there.map((one) => loadId(one, one === model.active)).toSorted(),
    // No serving tells the name of what waits.
    others: model.staged === null ? 0 : 1,
    named: [active, model.kept.map((one) => loadId(one, false)).toSorted()],
    scratch: [],
  };
};

const numbersIn = async ({ room }: Real, { relations }: Serving): Promise<readonly number[]> => {
  const options = { mode: 'LocalTable' as const, signal: new AbortController().signal, timeoutMs: 30_000 };
  const sql = { text: `SELECT DISTINCT visits::INTEGER FROM ${relations.LocalTable!}`, values: [] };
  const result = await room.engine.query(sql, options, async ({ chunks }) => {
    const numbers: number[] = [];
    for await (const chunk of chunks) numbers.push(...chunk.map((row) => Number(row[0])));
    return numbers;
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.value;
};

/** What serves and what is kept is what the model says, row for row. */
export const checkAnswers = async (model: Model, real: Real): Promise<void> => {
  const serving = real.room.snapshots.state.servings().get('visits');
  expect(serving?.snapshotId).toBe(model.active?.id);
  for (const copy of [model.active, ...model.kept].filter((one) => one !== null)) {
    const found = servingOf(real, copy.id, copy === model.active);
    const { type } = found.schema.find(({ name }) => name === 'visits')!;
    expect([copy.id, type, await numbersIn(real, found)]).toEqual([copy.id, copy.type, [copy.n]]);
  }
  expect([real.reading.wrong, real.reading.failed]).toEqual([[], []]);
};

/** What has happened to the other dataset since the room was opened. */
const ofOther = ({ observed }: Room): readonly string[] =>
  observed.flatMap((event) => ('dataset' in event && event.dataset === 'other' ? [event.kind] : []));
/** The other dataset serves what it has served, and nothing was done to it but its first attempt and what that took. */
const checkOther = async ({ room }: Real): Promise<void> => {
  await eventually(() => room.activeId('other'), 'o1');
  expect(await room.answer('other')).toEqual({ id: 'o1', values: [1] });
  for (const kind of ['snapshot_swapped', 'refresh_ended']) await eventually(() => ofOther(room).filter((one) => one === kind), [kind]);
};

export const agree = async (model: Model, real: Real): Promise<void> => {
  await eventually(() => statusOf(real), expectedStatus(model));
  await checkAnswers(model, real);
  await eventually(async () => volumeOf(real, expectedVolume(model, real).folders), expectedVolume(model, real));
  await checkOther(real);
};
