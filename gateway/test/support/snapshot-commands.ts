// What can happen to a dataset's snapshots, done to the model and to a real room; after each of them both must say the same.
import { rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import fc from 'fast-check';
import { spoil } from './damage.ts';
import { createLake, datasetOf, type Lake, visits } from './lake.ts';
import { openRoom, type Room } from './room.ts';
import { createDoor } from './door.ts';
import type { Edit } from './snapshot-edits.ts';
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
  passTime,
  restart,
  type Spec,
  type Type,
} from './snapshot-model.ts';

/** So much text that a proof by one row leaves most blocks unread: what DuckDB holds in memory is not damaged. */
const rowsOf = (n: number): string =>
  `SELECT 'tenant-' || hash(i) AS tenant_id, DATE '2026-01-01' AS day, ${n}::BIGINT AS visits FROM range(60000) r(i)`;
const atMinute = (watermark: number): string => new Date(Date.UTC(2026, 0, 31, 0, watermark)).toISOString();

export type Step = fc.AsyncCommand<Model, Real>;

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

const schemaOf = (type: Type): readonly unknown[] => [
  { name: 'tenant_id', type: 'VARCHAR' },
  { name: 'day', type: 'DATE' },
  { name: 'visits', type },
];
const compiled = ({ room, other }: Real, { pin, blocked, keep, rebuild, refresh, ...spec }: Spec): readonly CompiledDataset[] => {
  // Nobody polls but the test.
  const sourceOf = ({ url }: Lake) => ({ manifest: { url }, interval: '24h' });
  const visits = datasetOf(room.lake.url, {
    source: sourceOf(room.lake),
    schema: schemaOf(spec.type),
    snapshot: { ...(pin === null ? {} : { pin }), blocked, keep, activation: spec.coordinated ? 'Coordinated' : 'Immediate' },
    guards: { allowOlderWatermark: spec.allowOlder },
    suspend: spec.suspend,
    ...(rebuild === null ? {} : { cache: { rebuild } }),
  });
  return [
    { ...visits, snapshot: { ...visits.snapshot, release: spec.release }, refreshToken: refresh },
    datasetOf(other.url, { source: sourceOf(other) }, [], 'other'),
  ];
};

/** What is on the volume obeys in the same tick. Answers whether the source is then looked at. */
const change = (model: Model, edit: Edit): boolean => {
  const { spec } = model;
  const changed = edit.change(model);
  model.spec = { ...spec, ...changed };
  if (model.spec.pin !== spec.pin) model.pinMissed = false;
  obey(model);
  return Object.keys(changed).some((name) => name !== 'release');
};
const tell = (model: Model, real: Real): void => {
  real.room.snapshots.configure(compiled(real, model.spec), {});
  expect([real.room.activeId(), real.room.report().staged ?? undefined]).toEqual([model.active?.id, model.staged?.id]);
};
export const editing = (edit: Edit): Step =>
  step(edit.name, edit.isPossible, (model, real) => {
    const looks = change(model, edit);
    tell(model, real);
    if (looks) attempt(model, 'no');
  });

const look =
  (force: Force) =>
  async (model: Model, { room }: Real): Promise<void> => {
    await room.snapshots.refresh('visits', { force: force !== 'no' });
    attempt(model, force);
  };
export const refresh = (force: Force): Step => step(force === 'no' ? 'poll' : 'forced refresh', () => true, look(force));

/** Something new or what serves is loaded, and the resource is edited before the load has ended. */
export const whileLoading = (what: Step, force: Force, edit: Edit): Step =>
  step(
    `${what.toString()}, ${force === 'no' ? 'poll' : 'forced refresh'}, and while it loads ${edit.name}`,
    (model) => what.check(model) && edit.isPossible(model),
    async (model, real) => {
      await what.run(model, real);
      const load = real.door.close();
      const done = real.room.snapshots.refresh('visits', { force: force !== 'no' });
      await Promise.race([load.reached, done]);
      let looks: boolean | undefined;
      const edited = (): void => {
        looks ??= change(model, edit);
        tell(model, real);
      };
      try {
        attempt(model, force, edited);
        if (looks === undefined) edited();
      } finally {
        load.open();
      }
      await done;
      if (looks === true) attempt(model, 'no');
    },
  );

const isThere = ({ source }: Model): boolean => source === 'there';
const lies: Readonly<Partial<Record<Defect, (manifest: Record<string, unknown>) => void>>> = {
  unreadable: (manifest) => (manifest['snapshot_id'] = null),
  'failed quality': (manifest) => (manifest['data_quality_status'] = 'failed'),
  'wrong row count': (manifest) => (manifest['row_count'] = 59_999),
  'missing file': (manifest) => Object.assign((manifest['files'] as object[])[0]!, { path: 'snapshots/elsewhere.parquet' }),
};

export type Publish = { readonly id: string; readonly isOlder: boolean; readonly defect: Defect | null; readonly isPolled: boolean };
const publishing = ({ id, isOlder, defect, isPolled }: Publish): string =>
  `publish ${id}${isOlder ? ' with an older watermark' : ''}${defect === null ? '' : `, ${defect}`}${isPolled ? ', and poll' : ''}`;
export const publish = ({ id, isOlder, defect, isPolled }: Publish): Step =>
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
export const takeAway = (how: 'gone' | 'broken'): Step =>
  step(
    `the source is ${how}`,
    (model) => isThere(model) && model.current !== null,
    async (model, { room: { lake }, door }) => {
      if (how === 'gone') await rename(lake.folder, away(lake));
      else door.broken = lake.folder;
      model.source = how;
    },
  );
export const giveBack = step(
  'the source is back',
  (model) => !isThere(model),
  async (model, { room: { lake }, door }) => {
    if (model.source === 'gone') await rename(away(lake), lake.folder);
    door.broken = null;
    model.source = 'there';
  },
);

export type Which = 'active' | 'kept';
/** The copy that is meant, if there is one with files. */
const copyOf = (model: Model, which: Which): Copy | undefined => {
  const copy = which === 'active' ? model.active : model.kept[0];
  return copy?.gone === false ? copy : undefined;
};
export const spoilLive = (which: Which): Step =>
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
export const removeLive = (which: Which): Step =>
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

export type AtRest = 'nothing' | 'the index' | Which | 'both';
export type Restart = {
  readonly lost: AtRest;
  readonly how: 'cut' | 'spoilt' | 'gone';
  readonly isMounted: boolean;
  readonly edit: Edit | null;
};
const restarting = ({ lost, how, isMounted, edit }: Restart): string =>
  [
    `restart${isMounted ? ' of a replica' : ''}`,
    ...(lost === 'nothing' ? [] : [lost === 'the index' ? 'without the index' : `with ${lost} ${how}`]),
    ...(edit === null ? [] : [`and meanwhile ${edit.name}`]),
  ].join(', ');
const isHit = (lost: AtRest, which: Which): boolean => [which, 'both'].includes(lost);
const both = ['active', 'kept'] as const;
/** Ends the room, damages what lies there, edits the resource, opens the room again: what is found serves before the source is asked. */
const doReopen = async (model: Model, real: Real, { lost, how, isMounted, edit }: Restart): Promise<void> => {
  const { room } = real;
  const hit = both.filter((which) => isHit(lost, which)).flatMap((which) => copyOf(model, which) ?? []);
  const folders = hit.map((copy) => folderOf(real, servingOf(real, copy.id, copy === model.active)));
  real.reading.forgiven = true;
  await room.close();
  if (lost === 'the index') await rm(join(room.cacheDir, 'index.json'));
  for (const folder of folders) {
    if (how === 'gone') await rm(folder, { recursive: true });
    else if (how === 'spoilt') await spoil(join(folder, 'data.duckdb'));
    else await truncate(join(folder, 'data.duckdb'), 100);
  }
  for (const copy of hit) copy.gone ||= how === 'gone';
  room.observed.length = 0;
  model.spec = { ...model.spec, ...edit?.change(model) };
  await room.reopen([...compiled(real, model.spec)]);
  if (isMounted) room.snapshots.operatorSeen();
  real.reading.forgiven = false;
  restart(model, { indexLost: lost === 'the index', damaged: how === 'gone' ? [] : hit, isMounted });
  await checkAnswers(model, real);
  obey(model);
  tell(model, real);
  attempt(model, 'no');
};
export const reopen = (how: Restart): Step =>
  step(
    restarting(how),
    (model) =>
      how.edit?.isPossible(model) !== false &&
      (['nothing', 'the index'].includes(how.lost) || both.some((which) => isHit(how.lost, which) && copyOf(model, which) !== undefined)),
    async (model, real) => doReopen(model, real, how),
  );
/** What is being loaded is nowhere afterwards, and nothing that was asked for is done. */
export const reopenWhileLoading = (what: Step, how: Restart): Step =>
  step(
    `${what.toString()}, and while it loads ${restarting(how)}`,
    (model) => what.check(model) && how.edit?.isPossible(model) !== false,
    async (model, real) => {
      await what.run(model, real);
      const load = real.door.close();
      const done = real.room.snapshots.refresh('visits', { force: false });
      const isLoading = await Promise.race([load.reached.then(() => true), done.then(() => false)]);
      if (!isLoading) attempt(model, 'no');
      await doReopen(model, real, how).finally(load.open);
    },
  );

export type Pause = { readonly ms: number; readonly isHeard: boolean };
export const pause = ({ ms, isHeard }: Pause): Step =>
  step(
    `${ms / 1000} s pass, and the operator ${isHeard ? 'is' : 'is not'} heard of`,
    () => true,
    (model, { room, clock }) => {
      clock.ms += ms;
      if (isHeard) room.snapshots.operatorSeen();
      passTime(model, { ms, isHeard });
    },
  );

/** Does these commands to a model and to a room of its own, in which another dataset serves that never notices. */
export const runSteps = async (commands: Iterable<Step>): Promise<void> => {
  const door = createDoor();
  const clock = { ms: 0 };
  const room = await openRoom({ checkMs: 86_400_000, operatorGoneMs: 120_000, elapsedMs: () => clock.ms, openStore: door.openStore });
  const other = await createLake('other');
  await other.publish('o1', visits(1));
  const numbers = new Map<number, string>();
  const reading = startReading(room, numbers);
  const model = emptyModel();
  const real = { room, other, reading, numbers, door, clock };
  try {
    await room.start(...compiled(real, model.spec));
    attempt(model, 'no');
    await publish({ id: 'a1', isOlder: false, defect: null, isPolled: true }).run(model, real);
    await fc.asyncModelRun(() => ({ model, real }), commands);
  } finally {
    await reading.end();
    if (model.source === 'gone') await rename(away(room.lake), room.lake.folder);
    await room.end();
    await other.remove();
  }
};
