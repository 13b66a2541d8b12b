// When a loaded snapshot goes live: at once, or with the operator's word.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import { until } from '../support/gateway.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

let room: Room;
const publish = async (n: number): Promise<void> => room.lake.publish(`a${n}`, visits(n));
/** Asked only when a test says so. */
const dataset = (spec: Record<string, unknown> = {}): CompiledDataset =>
  datasetOf('', { source: { manifest: { url: room.lake.url }, interval: '1h' }, ...spec });
afterEach(async () => room.end());

describe('coordinated activation', () => {
  let offsetMs: number;
  /** a1 serves, an operator has been heard of, a2 is published. */
  const begin = async (options: Parameters<typeof openRoom>[0] = {}): Promise<void> => {
    offsetMs = 0;
    room = await openRoom({ operatorGoneMs: 60_000, now: () => Date.now() + offsetMs, ...options });
    await publish(1);
    room.snapshots.operatorSeen();
    await room.start(dataset());
    expect(room.activeId()).toBe('a1');
    await publish(2);
  };

  test('a loaded snapshot waits for the release while an operator is about, and goes live with it', async () => {
    await begin();
    await room.snapshots.refresh('visits', { force: false });
    expect(room.report()).toMatchObject({ staged: 'a2', active_snapshot: { snapshot_id: 'a1' } });
    const plain = dataset();
    room.snapshots.configure([{ ...plain, snapshot: { ...plain.snapshot, release: 'a2' } }], {});
    expect(await room.answer()).toEqual({ id: 'a2', values: [2] });
    expect(room.report().staged).toBeNull();
  });

  test('an operator that is about and releases nothing holds a snapshot back for a while only', async () => {
    await begin({ releaseOverdueMs: 1000 });
    await room.snapshots.refresh('visits', { force: false });
    expect(room.report()).toMatchObject({ staged: 'a2', active_snapshot: { snapshot_id: 'a1' } });
    await until(() => {
      room.snapshots.operatorSeen();
      return room.activeId() === 'a2';
    });
    expect(room.report().staged).toBeNull();
  });

  test('a clock that is set forward makes no operator gone', async () => {
    await begin();
    offsetMs = 3_600_000;
    await room.snapshots.refresh('visits', { force: false });
    expect(room.report()).toMatchObject({ staged: 'a2', active_snapshot: { snapshot_id: 'a1' } });
  });
});
