// When a loaded snapshot goes live: at once, with the operator's word, or not at all since the dataset was edited meanwhile.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import { spoil } from '../support/damage.ts';
import { createDoor, type Door } from '../support/door.ts';
import { until } from '../support/gateway.ts';
import { createLake, datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

let room: Room;
/** So much text that what DuckDB holds in memory of it is little: a file that is spoilt does not read. */
const long = (n: number): string =>
  `SELECT 'tenant-' || hash(i) AS tenant_id, DATE '2026-01-01' AS day, ${n}::BIGINT AS visits FROM range(60000) r(i)`;
const publish = async (n: number, sql = visits(n)): Promise<void> => room.lake.publish(`a${n}`, sql);
/** Asked only when a test says so. */
const dataset = (spec: Record<string, unknown> = {}): CompiledDataset =>
  datasetOf('', { source: { manifest: { url: room.lake.url }, interval: '1h' }, ...spec });
afterEach(async () => room.end());

const poll = async (): Promise<void> => room.snapshots.refresh('visits', { force: false });
const loads = (): readonly (string | null)[] => room.observed.flatMap((event) => (event.kind === 'load_ended' ? [event.snapshotId] : []));

describe('coordinated activation', () => {
  let offsetMs: number;
  let waitedMs: number;
  const edit = (snapshot: Record<string, unknown>, release: string | null = null, spec: Record<string, unknown> = {}): void => {
    const plain = dataset({ snapshot, ...spec });
    room.snapshots.configure([{ ...plain, snapshot: { ...plain.snapshot, release } }], {});
  };
  /** a1 serves, an operator has been heard of, a2 is published. */
  const begin = async (options: Parameters<typeof openRoom>[0] = {}): Promise<void> => {
    [offsetMs, waitedMs] = [0, 0];
    room = await openRoom({
      operatorGoneMs: 120_000,
      now: () => Date.now() + offsetMs,
      elapsedMs: () => performance.now() + waitedMs,
      ...options,
    });
    await publish(1);
    room.snapshots.operatorSeen();
    await room.start(dataset());
    expect(room.activeId()).toBe('a1');
    await publish(2);
  };

  test('a loaded snapshot waits for the release while an operator is about, and goes live with it', async () => {
    await begin();
    await poll();
    // Also when the source answers only that nothing is new.
    await poll();
    expect(room.report()).toMatchObject({
      staged: 'a2',
      active_snapshot: { snapshot_id: 'a1' },
      last_attempted: { snapshot_id: 'a2', status: 'unchanged' },
    });
    edit({}, 'a2');
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(room.report().staged).toBeNull();
  });

  test('a kept snapshot that the source comes back to waits for the release too, and is not lost if something newer comes first', async () => {
    await begin();
    const anyAge = { guards: { allowOlderWatermark: true } };
    edit({}, 'a2', anyAge);
    await until(() => room.activeId() === 'a2');
    const backTo1 = async (): Promise<void> => {
      await publish(1);
      await poll();
      expect([room.activeId(), room.report().staged, room.report().kept]).toEqual(['a2', 'a1', ['a1']]);
    };
    await backTo1();
    // What waited is still kept.
    await publish(2);
    await poll();
    expect([room.activeId(), room.report().kept]).toEqual(['a2', ['a1']]);
    await backTo1();
    edit({}, 'a1', anyAge);
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
    expect([room.report().staged, room.report().kept]).toEqual([null, ['a2']]);
    expect(room.observed.at(-1)).toMatchObject({ kind: 'snapshot_swapped', cause: 'rollback' });
    // And when it is kept no more, it waits no more.
    await publish(2);
    await poll();
    expect(room.report().staged).toBe('a2');
    edit({ keep: 0 }, null, anyAge);
    expect([room.activeId(), room.report().staged, room.report().kept]).toEqual(['a1', null, []]);
  });

  test('a rebuild that finds only something newer at the source waits with it like every other replica, and has been done with it', async () => {
    await begin();
    await rm(join(room.lake.folder, 'snapshots', 'a1'), { recursive: true });
    const cache = { rebuild: 'b1' };
    edit({}, null, { cache });
    await until(() => room.report().staged !== null);
    await poll();
    expect([room.activeId(), room.report().staged, loads()]).toEqual(['a1', 'a2', ['a1', 'a2']]);
    edit({}, 'a2', { cache });
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect([room.report().rebuilt, room.report().staged, room.report().kept, loads()]).toEqual(['b1', null, ['a1'], ['a1', 'a2']]);
  });

  test('what was loaded from a source that is not looked at any more never goes live', async () => {
    await begin();
    await poll();
    const elsewhere = await createLake('visits');
    await elsewhere.publish('a1', visits(1));
    const moved = { source: { manifest: { url: elsewhere.url }, interval: '1h' } };
    edit({}, 'a2', moved);
    expect([room.activeId(), room.report().staged]).toEqual(['a1', null]);
    await poll();
    expect([room.activeId(), room.report().staged]).toEqual(['a1', null]);
    await elsewhere.remove();
  });

  test('an operator that is about and releases nothing holds a snapshot back for a while only', async () => {
    await begin();
    await poll();
    for (waitedMs of [60_000, 120_000, 170_000]) {
      room.snapshots.operatorSeen();
      edit({});
      expect([room.activeId(), room.report().staged]).toEqual(['a1', 'a2']);
    }
    waitedMs = 181_000;
    room.snapshots.operatorSeen();
    edit({});
    expect([room.activeId(), room.report().staged]).toEqual(['a2', null]);
  });

  test('an operator that has said nothing for two minutes is not waited for', async () => {
    await begin();
    await poll();
    room.snapshots.operatorSeen();
    waitedMs = 100_000;
    edit({});
    expect([room.activeId(), room.report().staged]).toEqual(['a1', 'a2']);
    waitedMs = 120_000;
    await until(() => room.activeId() === 'a2');
  });

  test('a clock that is set forward makes no operator gone', async () => {
    await begin();
    offsetMs = 3_600_000;
    await poll();
    expect(room.report()).toMatchObject({ staged: 'a2', active_snapshot: { snapshot_id: 'a1' } });
  });

  /** a2 is loaded and waits. */
  const stage = async (): Promise<void> => {
    await begin();
    await poll();
    expect(room.report().staged).toBe('a2');
  };

  test('with nothing else to serve, the snapshot that waits goes live at once and is not overtaken by what it is newer than', async () => {
    await begin();
    await publish(1, long(1));
    await room.snapshots.refresh('visits', { force: true });
    edit({}, 'a1');
    await publish(2);
    await poll();
    expect([room.activeId(), room.report().staged, room.report().kept]).toEqual(['a1', 'a2', []]);
    const serving = room.snapshots.state.servings().get('visits')!;
    const [, loadId = ''] = /^"s_([0-9a-f]+)_/.exec(Object.values(serving.relations)[0]!)!;
    await spoil(join(room.cacheDir, 'snapshots', 'visits', loadId, 'data.duckdb'));
    const seen: unknown[] = [];
    room.snapshots.state.onSwap(() => seen.push(room.snapshots.state.servings().get('visits')?.snapshotId));
    room.snapshots.suspect('visits', serving.epoch);
    await until(() => room.activeId() === 'a2');
    await poll();
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect([room.report().cache_healthy, seen]).toEqual([true, [undefined, 'a2']]);
  });

  test('a pin of another snapshot ends the wait, and its release changes nothing', async () => {
    await stage();
    edit({ pin: 'a1' }, 'a2');
    expect([room.activeId(), room.report().staged]).toEqual(['a1', null]);
    edit({}, 'a2');
    await until(() => room.activeId() === 'a2');
  });

  test('a guard that the snapshot does not pass ends the wait', async () => {
    await stage();
    edit({}, 'a2', { guards: { minRows: 5000 } });
    expect([room.activeId(), room.report().staged]).toEqual(['a1', null]);
    await until(() => room.report().refresh_error?.code === 'guard_min_rows');
  });

  test('when the source comes back to a snapshot that is kept, the one that waits goes', async () => {
    await stage();
    edit({}, 'a2');
    edit({ blocked: ['a2'] });
    await publish(3);
    await poll();
    expect([room.activeId(), room.report().staged]).toEqual(['a1', 'a3']);
    await publish(2);
    const anyAge = { guards: { allowOlderWatermark: true } };
    edit({}, null, anyAge);
    await poll();
    expect([room.activeId(), room.report().staged]).toEqual(['a1', 'a2']);
    edit({}, 'a3', anyAge);
    expect([room.activeId(), room.report().staged]).toEqual(['a1', 'a2']);
    edit({}, 'a2', anyAge);
    expect([room.activeId(), room.report().staged]).toEqual(['a2', null]);
  });

  test('a pinned snapshot that waits is not told as one that cannot be had', async () => {
    await begin();
    edit({ pin: 'a2' });
    await until(() => room.report().staged === 'a2');
    await poll();
    expect(room.report().rollback_refused).toBeNull();
    edit({ pin: 'a2' }, 'a2');
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
  });
});

describe('an edit while a snapshot loads', () => {
  let door: Door;
  /** a1 serves with a0 kept; a load has begun, and is held back while the dataset is edited. */
  const editDuring = async (load: () => Promise<unknown>, edited: () => void): Promise<void> => {
    const held = door.close();
    const done = load();
    await held.reached;
    edited();
    held.open();
    await done;
    // After the attempt that the edit has asked for.
    await poll();
  };
  const begin = async (): Promise<void> => {
    door = createDoor();
    room = await openRoom({ openStore: door.openStore });
    await publish(0);
    await room.start(dataset());
    await publish(1);
    await poll();
    expect(room.activeId()).toBe('a1');
  };

  test('a guard counts that was not there when it began', async () => {
    await begin();
    await publish(2);
    await editDuring(poll, () => room.snapshots.configure([dataset({ guards: { minRows: 5000 } })], {}));
    expect(room.report().refresh_error?.code).toBe('guard_min_rows');
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
  });

  test('a rebuild whose snapshot is not wanted any more has not been done: its token rebuilds what is', async () => {
    await begin();
    const cache = { rebuild: 'b1' };
    const rebuilding = async (): Promise<void> => {
      room.snapshots.configure([dataset({ cache })], {});
      await poll();
    };
    await editDuring(rebuilding, () => room.snapshots.configure([dataset({ cache, snapshot: { pin: 'a0' } })], {}));
    expect(room.report().rebuilt).toBe('b1');
    expect([loads(), room.activeId()]).toEqual([['a0', 'a1', 'a0'], 'a0']);
  });
});
