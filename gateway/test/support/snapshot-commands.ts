// What can happen to a dataset's snapshots, done to the model and to a real room; after each of them both must say the same.
import { rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import fc from 'fast-check';
import { spoil } from './damage.ts';
import { datasetOf } from './lake.ts';
import { openRoom, type Room } from './room.ts';
import { agree, checkAnswers, folderOf, type Real, servingOf, startReading } from './snapshot-agreement.ts';
import {
  attempt,
  condemn,
  type Copy,
  type Defect,
  emptyModel,
  type Force,
  missFiles,
  type Model,
  obey,
  restart,
  type Spec,
} from './snapshot-model.ts';

const ids = ['a1', 'a2', 'a3', 'a4'] as const;

/** So much text that a proof by one row leaves most blocks unread: what DuckDB holds in memory is not damaged. */
const rowsOf = (n: number): string =>
  `SELECT 'tenant-' || hash(i) AS tenant_id, DATE '2026-01-01' AS day, ${n}::BIGINT AS visits FROM range(60000) r(i)`;
const atMinute = (watermark: number): string => new Date(Date.UTC(2026, 0, 31, 0, watermark)).toISOString();

type Step = fc.AsyncCommand<Model, Real>;

const step = (
  name: string,
  isPossible: (model: Model) => boolean,
  act: (model: Model, real: Real) => Promise<void> | void,
  settled = agree,
): Step => ({
  toString: () => name,
  check: isPossible,
  run: async (model, real) => {
    await act(model, real);
    await settled(model, real);
    real.reading.forgiven = false;
  },
});

const compiled = ({ lake }: Room, { pin, blocked, keep, rebuild, refresh }: Spec): CompiledDataset => ({
  ...datasetOf(lake.url, {
    // Nobody polls but the test.
    source: { manifest: { url: lake.url }, interval: '24h' },
    snapshot: { ...(pin === null ? {} : { pin }), blocked, keep },
    ...(rebuild === null ? {} : { cache: { rebuild } }),
  }),
  refreshToken: refresh,
});

/** An edit of the resource: what is on the volume obeys in the same tick, then the source is looked at. */
const edit = (name: string, isPossible: (model: Model) => boolean, change: (spec: Spec) => Partial<Spec>): Step =>
  step(name, isPossible, (model, { room }) => {
    const { pin } = model.spec;
    model.spec = { ...model.spec, ...change(model.spec) };
    if (model.spec.pin !== pin) model.pinMissed = false;
    obey(model);
    room.snapshots.configure([compiled(room, model.spec)], {});
    expect(room.activeId()).toBe(model.active?.id);
    attempt(model, 'no');
  });

const look =
  (force: Force) =>
  async (model: Model, { room }: Real): Promise<void> => {
    await room.snapshots.refresh('visits', { force: force !== 'no' });
    attempt(model, force);
  };
const refresh = (force: Force): Step => step(force === 'no' ? 'poll' : 'forced refresh', () => true, look(force));

const isThere = ({ source }: Model): boolean => source === 'there';
const lies: Readonly<Partial<Record<Defect, (manifest: Record<string, unknown>) => void>>> = {
  unreadable: (manifest) => (manifest['snapshot_id'] = null),
  'failed quality': (manifest) => (manifest['data_quality_status'] = 'failed'),
  'wrong row count': (manifest) => (manifest['row_count'] = 59_999),
  'missing file': (manifest) => Object.assign((manifest['files'] as object[])[0]!, { path: 'snapshots/elsewhere.parquet' }),
};

type Publish = { readonly id: string; readonly isOlder: boolean; readonly defect: Defect | null; readonly isPolled: boolean };
const publishing = ({ id, isOlder, defect, isPolled }: Publish): string =>
  `publish ${id}${isOlder ? ' with an older watermark' : ''}${defect === null ? '' : `, ${defect}`}${isPolled ? ', and poll' : ''}`;
const publish = ({ id, isOlder, defect, isPolled }: Publish): Step =>
  step(publishing({ id, isOlder, defect, isPolled }), isThere, async (model, real) => {
    const { room, numbers } = real;
    const n = (model.published += 1);
    const watermark = isOlder ? -n : n;
    const { lake } = room;
    numbers.set(n, id);
    await lake.publish(id, rowsOf(n), { watermark: atMinute(watermark), change: (manifest) => defect !== null && lies[defect]?.(manifest) });
    const isCorrupt = defect === 'corrupt file';
    if (isCorrupt) await writeFile(lake.fileOf(id), Buffer.alloc(Number((await lake.readManifest())['size_bytes']), 7));
    model.current = { id, n, watermark, defect };
    // The manifest in the snapshot's own folder tells the truth.
    model.older.set(id, { id, n, watermark, defect: isCorrupt ? defect : null });
    if (isPolled) await look('no')(model, real);
  }); // prettier-ignore

const away = (lake: Room['lake']) => `${lake.folder}-away`;
const looped = (lake: Room['lake']) => join(lake.folder, 'manifest.json');
const takeAway = (how: 'gone' | 'broken'): Step =>
  step(
    `the source is ${how}`,
    (model) => isThere(model) && model.current !== null,
    async (model, { room: { lake } }) => {
      if (how === 'gone') await rename(lake.folder, away(lake));
      else {
        await rename(looped(lake), `${looped(lake)}.aside`);
        await symlink(looped(lake), looped(lake));
      }
      model.source = how;
    },
  );
const giveBack = step(
  'the source is back',
  (model) => !isThere(model),
  async (model, { room: { lake } }) => {
    if (model.source === 'gone') await rename(away(lake), lake.folder);
    else await rename(`${looped(lake)}.aside`, looped(lake));
    model.source = 'there';
  },
);

type Which = 'active' | 'kept';
/** The copy that is meant, if there is one with files. */
const copyOf = (model: Model, which: Which): Copy | undefined => {
  const copy = which === 'active' ? model.active : model.kept[0];
  return copy?.gone === false ? copy : undefined;
};
const spoilLive = (which: Which): Step =>
  step(
    `bits of the ${which} snapshot's file turn, and it is suspected`,
    (model) => copyOf(model, which) !== undefined,
    async (model, real) => {
      const copy = copyOf(model, which)!;
      const serving = servingOf(real, copy.id, which === 'active');
      real.reading.forgiven = true;
      await spoil(join(folderOf(real, serving), 'data.duckdb'));
      real.room.snapshots.suspect('visits', serving.epoch);
      condemn(model, copy);
    },
  );
const removeLive = (which: Which): Step =>
  step(
    `the files of the ${which} snapshot go, and are missed`,
    (model) => copyOf(model, which) !== undefined,
    async (model, real) => {
      const copy = copyOf(model, which)!;
      await rm(folderOf(real, servingOf(real, copy.id, which === 'active')), { recursive: true });
      copy.gone = true;
      real.room.snapshots.checkFiles();
      missFiles(model);
    },
  );

type AtRest = 'nothing' | 'the index' | Which | 'both';
/** Ends the room, damages what lies there, opens it again: what is found serves before the source is asked. */
const reopen = (lost: AtRest, how: 'cut' | 'gone'): Step =>
  step(
    lost === 'nothing' ? 'restart' : lost === 'the index' ? 'restart without the index' : `restart with ${lost} ${how}`,
    (model) => ['nothing', 'the index'].includes(lost) || (['active', 'kept'] as const).some((which) => [which, 'both'].includes(lost) && copyOf(model, which) !== undefined),
    async (model, real) => {
      const { room } = real;
      const hit = (['active', 'kept'] as const)
        .filter((which) => [which, 'both'].includes(lost))
        .flatMap((which) => copyOf(model, which) ?? []);
      const folders = hit.map((copy) => folderOf(real, servingOf(real, copy.id, copy === model.active)));
      real.reading.forgiven = true;
      await room.close();
      if (lost === 'the index') await rm(join(room.cacheDir, 'index.json'));
      for (const folder of folders) {
        if (how === 'gone') await rm(folder, { recursive: true });
        else await truncate(join(folder, 'data.duckdb'), 100);
      }
      for (const copy of hit) copy.gone ||= how === 'gone';
      room.observed.length = 0;
      await room.reopen([compiled(room, model.spec)]);
      real.reading.forgiven = false;
      restart(model, { indexLost: lost === 'the index', cut: how === 'cut' ? hit : [] });
      await checkAnswers(model, real);
      obey(model);
      room.snapshots.configure([compiled(room, model.spec)], {});
      attempt(model, 'no');
    },
  ); // prettier-ignore

const mostly = fc.constantFrom(true, true, true, false);
const rarely = mostly.map((is) => !is);
const anyId = fc.constantFrom(...ids);
const anyDefect = fc.constantFrom<Defect>('unreadable', 'failed quality', 'wrong row count', 'missing file', 'corrupt file');
const token = (at: number): string => `token-${at}`;

/** The commands, those that make more of a state more often. */
export const steps: readonly fc.Arbitrary<Step>[] = [
  ...[1, 2, 3, 4].map(() => fc.record({ id: anyId, isOlder: rarely, defect: fc.constant(null), isPolled: mostly }).map(publish)),
  fc.record({ id: anyId, isOlder: rarely, defect: anyDefect, isPolled: mostly }).map(publish),
  fc.constant(refresh('no')),
  fc.constant(refresh('refresh')),
  ...[1, 2].map(() => anyId.map((id) => edit(`block ${id}`, ({ spec }) => !spec.blocked.includes(id) && spec.pin !== id, ({ blocked }) => ({ blocked: [...blocked, id] })))),
  anyId.map((id) => edit(`unblock ${id}`, ({ spec }) => spec.blocked.includes(id), ({ blocked }) => ({ blocked: blocked.filter((one) => one !== id) }))),
  anyId.map((id) => edit(`pin ${id}`, ({ spec }) => !spec.blocked.includes(id) && spec.pin !== id, () => ({ pin: id }))),
  fc.constant(edit('unpin', ({ spec }) => spec.pin !== null, () => ({ pin: null }))),
  fc.constantFrom(0, 1, 2).map((keep) => edit(`keep ${keep}`, ({ spec }) => spec.keep !== keep, () => ({ keep }))),
  fc.nat(99).map((at) => edit(`rebuild ${token(at)}`, ({ spec }) => spec.rebuild !== token(at), () => ({ rebuild: token(at) }))),
  fc.nat(99).map((at) => edit(`refresh ${token(at)}`, ({ spec }) => spec.refresh !== token(at), () => ({ refresh: token(at) }))),
  fc.constantFrom('gone' as const, 'broken' as const).map(takeAway),
  ...[1, 2].map(() => fc.constant(giveBack)),
  fc.constantFrom('active' as const, 'active' as const, 'kept' as const).map(spoilLive),
  fc.constantFrom('active' as const, 'active' as const, 'kept' as const).map(removeLive),
  fc.tuple(fc.constantFrom('nothing' as const, 'nothing' as const, 'the index' as const, 'active' as const, 'kept' as const, 'both' as const), fc.constantFrom('cut' as const, 'gone' as const)).map(([lost, how]) => reopen(lost, how)),
]; // prettier-ignore

/** Does these commands to a model and to a room of its own. */
export const runSteps = async (commands: Iterable<Step>): Promise<void> => {
  const room = await openRoom({ checkMs: 86_400_000 });
  const numbers = new Map<number, string>();
  const reading = startReading(room, numbers);
  const model = emptyModel();
  const real = { room, reading, numbers };
  try {
    await room.start(compiled(room, model.spec));
    attempt(model, 'no');
    await publish({ id: 'a1', isOlder: false, defect: null, isPolled: true }).run(model, real);
    await fc.asyncModelRun(() => ({ model, real }), commands);
  } finally {
    await reading.end();
    if (model.source === 'gone') await rename(away(room.lake), room.lake.folder);
    await room.end();
  }
};
