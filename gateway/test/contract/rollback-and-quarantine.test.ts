// The contract's section "Rollback and quarantine", a test per sentence: of one gateway's snapshots. What needs several replicas
// or Kubernetes is proven in operator/test/rollout.test.ts and e2e/tests; rebuilds in ../snapshots/cache-rebuild.test.ts.
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import { createDoor } from '../support/door.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, datasetOf, type Lake, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

let room: Room;
const withSnapshot = (snapshot: Record<string, unknown>, rest: Record<string, unknown> = {}): CompiledDataset =>
  datasetOf(room.lake.url, { snapshot, ...rest });
const edit = (snapshot: Record<string, unknown>): void => room.snapshots.configure([withSnapshot(snapshot)], {});
const poll = async (force = false): Promise<void> => room.snapshots.refresh('visits', { force });
const publish = async (n: number): Promise<void> => room.lake.publish(`a${n}`, visits(n));
const served = async (): Promise<string> => {
  const { id, values } = await room.answer();
  expect(values).toEqual([Number(id.slice(1))]);
  return id;
};
/** The snapshots that were loaded so far, one after another. */
const loads = (of = room): readonly string[] => of.observed.flatMap((event) => (event.kind === 'load_ended' ? [event.snapshotId] : []));
const lastAttempt = () => room.report().last_attempted;

beforeEach(async () => {
  room = await openRoom();
});
afterEach(async () => room.end());

/** a1 to a<n> have been published and served, one after another. */
const serve = async (n: number, snapshot: Record<string, unknown> = {}): Promise<void> => {
  await publish(1);
  await room.start(withSnapshot(snapshot));
  for (let at = 2; at <= n; at += 1) {
    await publish(at);
    await poll();
  }
  expect(await served()).toBe(`a${n}`);
};

describe('`snapshot.blocked: [id]` quarantines a snapshot and lets the next newer one through; `snapshot.pin: id` serves exactly that one until the field goes.', () => {
  test('blocked: back to the one before, then on to the next newer one', async () => {
    await serve(2);
    edit({ blocked: ['a2'] });
    expect(await served()).toBe('a1');
    await publish(3);
    await poll();
    expect(await served()).toBe('a3');
  });

  test('pinned: whatever is published, until the pin goes', async () => {
    await serve(2);
    edit({ pin: 'a1' });
    expect(await served()).toBe('a1');
    for (const force of [false, true]) {
      await publish(force ? 4 : 3);
      await poll(force);
      expect(await served()).toBe('a1');
    }
    edit({});
    await poll();
    expect(await served()).toBe('a4');
    expect(loads()).not.toContain('a3');
  });

  test('a pin that is not kept is fetched from the source', async () => {
    await serve(3);
    expect(room.report().kept).toEqual(['a2']);
    edit({ pin: 'a1' });
    await poll();
    expect(await served()).toBe('a1');
  });

  test('a pin that cannot be had changes nothing that serves, and is told', async () => {
    await serve(2);
    edit({ pin: 'zz' });
    await until(() => room.report().rollback_refused?.includes('snapshot zz') ?? false);
    expect(await served()).toBe('a2');
  });
});

describe('A snapshot listed in `snapshot.blocked` is quarantined: it is never served or loaded; a poll that resolves it reports unchanged and says why.', () => {
  test('one that was blocked before it was published', async () => {
    await serve(1, { blocked: ['a2'] });
    await publish(2);
    await poll();
    expect(lastAttempt()).toMatchObject({ status: 'unchanged', snapshot_id: 'a2', note: 'snapshot a2 is blocked by snapshot.blocked' });
    expect(room.report()).toMatchObject({ refresh_error: null, quarantined: [{ snapshot_id: 'a2' }] });
    expect([await served(), loads()]).toEqual(['a1', ['a1']]);
  });

  test('one that is blocked while it loads', async () => {
    const door = createDoor();
    await room.end();
    room = await openRoom({ openStore: door.openStore });
    await serve(1);
    await publish(2);
    const held = door.close();
    const loading = poll();
    await held.reached;
    edit({ blocked: ['a2'] });
    held.open();
    await loading;
    await poll();
    expect(await served()).toBe('a1');
    expect(room.observed.filter((event) => event.kind === 'snapshot_swapped' && event.snapshotId === 'a2')).toEqual([]);
  });
});

describe('Blocking the active snapshot rolls the dataset back at once to the newest kept snapshot that is not blocked; with none left the edit is refused in status and the active one keeps serving.', () => {
  test('to the newest kept one, past those that are blocked', async () => {
    await serve(4, { keep: 3 });
    edit({ keep: 3, blocked: ['a4'] });
    expect(room.activeId()).toBe('a3');
    edit({ keep: 3, blocked: ['a4', 'a3', 'a2'] });
    expect(room.activeId()).toBe('a1');
    expect(await served()).toBe('a1');
    // None of it was loaded again.
    expect(loads()).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  test('with none left', async () => {
    await serve(2);
    edit({ blocked: ['a1', 'a2'] });
    expect(room.report().rollback_refused).toBe('snapshot a2 is blocked, and no other snapshot is kept to roll back to; it keeps serving');
    expect(await served()).toBe('a2');
    edit({});
    expect(room.report().rollback_refused).toBeNull();
  });

  test('with none left, until a newer snapshot has taken its place', async () => {
    await serve(1);
    edit({ blocked: ['a1'] });
    expect(room.report().rollback_refused).not.toBeNull();
    await publish(2);
    await poll();
    expect(await served()).toBe('a2');
    expect(room.report().rollback_refused).toBeNull();
  });
});

test('A different, newer id from the source loads normally.', async () => {
  await serve(2);
  edit({ blocked: ['a2'] });
  await publish(3);
  await poll();
  expect(lastAttempt()).toMatchObject({ status: 'ok', snapshot_id: 'a3', note: null });
  expect(await served()).toBe('a3');
  // What it can be rolled back to is what was kept, rather than what is blocked.
  edit({ blocked: ['a2', 'a3'] });
  expect(await served()).toBe('a1');
});

test('A forced refresh never loads a blocked id: unblocking is an edit.', async () => {
  await serve(1, { blocked: ['a2'] });
  await publish(2);
  await poll(true);
  room.snapshots.configure([{ ...withSnapshot({ blocked: ['a2'] }), refreshToken: 'r1' }], {});
  await until(() => room.report().refreshed === 'r1');
  room.snapshots.configure([withSnapshot({ blocked: ['a2'] }, { cache: { rebuild: 'b1' } })], {});
  await until(() => room.report().rebuilt === 'b1');
  expect([await served(), loads()]).toEqual(['a1', ['a1', 'a1']]);
  edit({});
  await poll();
  expect(await served()).toBe('a2');
});

test('A bad snapshot never needs rollback (it never swaps in); rollback is for good-but-wrong data.', async () => {
  await serve(2);
  const bad: readonly (() => Promise<void>)[] = [
    async () => room.lake.publish('bad1', visits(90), { change: (manifest) => (manifest['row_count'] = 7) }),
    async () => room.lake.publish('bad2', visits(91), { change: (manifest) => (manifest['data_quality_status'] = 'failed') }),
    async () => {
      await room.lake.publish('bad3', visits(92));
      await appendFile(room.lake.fileOf('bad3'), 'x');
    },
    async () => {
      await room.lake.publish('bad4', visits(93));
      const { size } = await writeFile(room.lake.fileOf('bad4'), 'not Parquet').then(() => ({ size: 11 }));
      const manifest = await room.lake.readManifest();
      const files = (manifest['files'] as Record<string, unknown>[]).map((file) => ({ ...file, size_bytes: size }));
      await writeFile(join(room.lake.folder, 'manifest.json'), JSON.stringify({ ...manifest, files }));
    },
  ];
  for (const publishBad of bad) {
    await publishBad();
    await poll();
    expect(['rejected', 'failed']).toContain(lastAttempt()?.status);
    expect(await served()).toBe('a2');
  }
  expect(room.observed.filter((event) => event.kind === 'snapshot_swapped').map(({ snapshotId }) => snapshotId)).toEqual(['a1', 'a2']);
  // What they would have pushed out is still there for a rollback.
  edit({ blocked: ['a2'] });
  expect(await served()).toBe('a1');
});

describe("Pin and quarantine are desired state: they survive every restart, hold on every replica, and also on a replica born after them, as long as the snapshot's files still exist at the source.", () => {
  test.each([
    ['a block', { blocked: ['a2'] }],
    ['a pin', { pin: 'a1' }],
  ])('%s survives restarts, and gives way to the edit that was made while it was down', async (_what, snapshot) => {
    await serve(2);
    edit(snapshot);
    expect(await served()).toBe('a1');
    for (let restart = 0; restart < 2; restart += 1) {
      await room.close();
      await room.reopen([withSnapshot(snapshot)]);
      expect(await served()).toBe('a1');
      await room.start(withSnapshot(snapshot));
      expect(await served()).toBe('a1');
    }
    await room.close();
    await room.reopen([withSnapshot({ blocked: ['a1'] })]);
    await room.start(withSnapshot({ blocked: ['a1'] }));
    await until(() => room.activeId() === 'a2');
  });

  test('a replica born after a pin serves it, and one whose files are gone serves nothing else', async () => {
    await serve(2);
    const born = await openRoom();
    await born.start(withSnapshot({ pin: 'a1' }));
    expect(await born.answer()).toEqual({ id: 'a1', values: [1] });
    await born.end();
    await rm(join(room.lake.folder, 'snapshots', 'a1'), { recursive: true });
    const late = await openRoom();
    await late.start(withSnapshot({ pin: 'a1' }));
    expect(late.activeId()).toBeUndefined();
    expect(late.report().rollback_refused).toContain('snapshot a1');
    await late.end();
  });

  test('a replica born after a block never takes it in, and serves the next one', async () => {
    await serve(2);
    const born = await openRoom();
    await born.start(withSnapshot({ blocked: ['a2'] }));
    expect([born.activeId(), loads(born)]).toEqual([undefined, []]);
    await publish(3);
    await born.snapshots.refresh('visits', { force: false });
    expect(await born.answer()).toEqual({ id: 'a3', values: [3] });
    await born.end();
  });
});

describe("The served snapshot_id changes on every replica within 2 s of the edit, no request fails, and the dataset's cached responses go.", () => {
  let lake: Lake;
  let replicas: readonly World[];
  const resources = (snapshot: Record<string, unknown>) => [visitsDataset(lake.url, { snapshot }), endpoint('daily'), apiKey('acme')];
  const ask = async (world: World, query = '') => {
    const response = await world.get(`/v1/endpoints/daily${query}`, 'acme-token');
    return { status: response.status, meta: ((await response.json()) as { meta: { snapshot_id: string; cache: string } }).meta };
  };

  beforeAll(async () => {
    lake = await createLake();
    await lake.publish('a1', visits(1));
    replicas = await Promise.all([startWorld(resources({})), startWorld(resources({}))]);
    await lake.publish('a2', visits(2));
    for (const world of replicas) await until(async () => (await ask(world)).meta.snapshot_id === 'a2');
  });
  afterAll(async () => {
    for (const world of replicas) await world.end();
    await lake.remove();
  });

  test.each([
    ['a block', { blocked: ['a2'] }],
    ['a pin', { pin: 'a1' }],
  ])('by %s and back', async (what, snapshot) => {
    let isOver = false;
    const statuses = new Set<number>();
    const asking = replicas.map(async (world) => {
      for (let turn = 0; !isOver; turn += 1) statuses.add((await ask(world, `?from=2026-01-${10 + (turn % 20)}`)).status);
    });
    for (const [id, next] of [
      ['a1', snapshot],
      ['a2', {}],
    ] as const) {
      for (const world of replicas) {
        await ask(world);
        expect((await ask(world)).meta.cache).toBe('hit');
      }
      const from = performance.now();
      for (const world of replicas) await world.write(resources(next));
      const tookMs = await Promise.all(
        replicas.map(async (world) => {
          // Asked past the cache, so that the question below is the first of its kind.
          await until(async () => (await ask(world, '?to=2026-01-20')).meta.snapshot_id === id);
          return Math.round(performance.now() - from);
        }),
      );
      process.stderr.write(`rollback by ${what} to ${id} served after ${tookMs.join(' and ')} ms\n`);
      // a2 was answered out of the cache before; its Serving is the same as then.
      for (const world of replicas) expect((await ask(world)).meta).toMatchObject({ snapshot_id: id, cache: 'miss' });
    }
    isOver = true;
    await Promise.all(asking);
    expect([...statuses]).toEqual([200]);
  });
});
