// The contract's "Refresh lifecycle", as far as it speaks of when a source is asked.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import { nextPollMs } from '../../src/domain/schedule.ts';
import { openStore } from '../../src/object-store/open.ts';
import type { OpenStore } from '../../src/snapshots/object-store.ts';
import { until } from '../support/gateway.ts';
import { datasetOf, visits } from '../support/lake.ts';
import { openRoom, type Room } from '../support/room.ts';

const minute = 60_000;
let room: Room;
/** When each manifest was asked for; the real store answers. */
let asked: Map<string, number[]>;
const counting: OpenStore = (source, credentials) => {
  const store = openStore(source, credentials);
  return {
    ...store,
    read: async (url, ...rest) => {
      const name = /(\w+)\.json$/.exec(url)?.[1] ?? url;
      asked.set(name, [...(asked.get(name) ?? []), performance.now()]);
      return store.read(url, ...rest);
    },
  };
};
const times = (name: string): number => asked.get(name)?.length ?? 0;
const named = (name: string, interval: string, spec: Record<string, unknown> = {}): CompiledDataset =>
  datasetOf('', { source: { manifest: { url: room.lake.url.replace('manifest', name) }, interval }, ...spec }, [], name);
const publish = async (...names: readonly string[]): Promise<void> => {
  await room.lake.publish('a1', visits(1));
  const manifest = await room.lake.readManifest();
  for (const name of names) await writeFile(join(room.lake.folder, `${name}.json`), JSON.stringify({ ...manifest, dataset_id: name }));
};

beforeEach(async () => {
  asked = new Map();
  room = await openRoom({ openStore: counting });
});
afterEach(async () => room.end());

describe('Every source is polled at its `interval` (default 5m, jittered, backing off to 15m while it fails, never a hot loop); also at boot, when forced, and on a config change of that dataset.', () => {
  test('the interval is five minutes where nothing is said, and never under a second', () => {
    expect(datasetOf('', { source: { manifest: { url: room.lake.url } } }).source.intervalMs).toBe(5 * minute);
    expect(() => datasetOf('', { source: { manifest: { url: room.lake.url }, interval: '100ms' } })).toThrow('under 1s');
  });

  test('each poll comes a little sooner or later, so that many do not come at once', () => {
    const polls = [0, 0.25, 0.5, 0.999].map((random) => nextPollMs(5 * minute, 0, random) / minute);
    expect(polls.map((one) => Math.round(one * 100) / 100)).toEqual([4.5, 4.75, 5, 5.5]);
  });

  test('while it fails the time doubles up to a quarter of an hour, and never gets shorter', () => {
    const polls = (interval: number): readonly number[] => [0, 1, 2, 3, 50, 5000].map((n) => nextPollMs(interval, n, 0.5) / minute);
    expect(polls(minute)).toEqual([1, 2, 4, 8, 15, 15]);
    expect(polls(5 * minute)).toEqual([5, 10, 15, 15, 15, 15]);
    expect(polls(60 * minute)).toEqual([60, 60, 60, 60, 60, 60]);
  });

  test('at its interval, and not so soon while it fails', async () => {
    await publish('often');
    const broken = datasetOf('', { source: { manifest: { url: 'https://localhost:2/broken.json' }, interval: '1s' } }, [], 'broken');
    await room.start(named('often', '1s'), broken);
    await until(() => times('often') >= 4 && times('broken') >= 3);
    const seconds = (name: string): readonly number[] => {
      const at = asked.get(name)!;
      return at.slice(1).map((one, n) => (one - at[n]!) / 1000);
    };
    // However slow the machine is, no poll comes before its time.
    expect(Math.min(...seconds('often'))).toBeGreaterThan(0.99);
    const [first, second] = seconds('broken');
    expect([first! > 1.99, second! > 3.99]).toEqual([true, true]);
    expect(room.report('broken').last_attempted?.status).toBe('failed');
  });

  test('at boot, though what lies on the volume serves', async () => {
    await publish('one');
    await room.start(named('one', '1h'));
    expect(times('one')).toBe(1);
    await room.close();
    await room.reopen([named('one', '1h')]);
    await room.start(named('one', '1h'));
    expect([times('one'), room.report('one').last_attempted?.status]).toEqual([2, 'unchanged']);
  });

  test('when forced, and when that dataset is edited; not when another one is, nor when nothing is new', async () => {
    await publish('one', 'other');
    const other = named('other', '1h');
    await room.start(named('one', '1h'), other);
    await room.snapshots.refresh('one', { force: true });
    expect([times('one'), times('other')]).toEqual([2, 1]);
    const edits: readonly CompiledDataset[] = [
      { ...named('one', '1h'), refreshToken: 't1' },
      named('one', '2h'),
      named('one', '2h', { guards: { minRows: 1 } }),
      named('one', '2h', { guards: { minRows: 1 }, snapshot: { keep: 2 } }),
    ];
    for (const [n, edit] of edits.entries()) {
      // Twice: the second says nothing new.
      for (let again = 0; again < 2; again += 1) room.snapshots.configure([edit, other], {});
      await until(() => times('one') === 3 + n);
    }
    // Whatever is still to come has come when this has ended.
    await room.snapshots.refresh('one', { force: false });
    await room.snapshots.refresh('other', { force: false });
    expect([times('one'), times('other')]).toEqual([7, 2]);
  });
});
