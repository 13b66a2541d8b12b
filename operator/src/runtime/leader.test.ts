import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Leader } from './leader.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './leader.ts';

/** One lease with optimistic locking, which can be made to fail. */
class MemoryLease implements LeaseStore {
  stored: StoredLease | undefined;
  down = false;
  #version = 0;

  async read(): Promise<StoredLease | undefined> {
    if (this.down) throw new Error('down');
    return this.stored;
  }

  async write(record: LeaseRecord, over: string | undefined): Promise<StoredLease | 'conflict'> {
    if (this.down) throw new Error('down');
    if (this.stored?.version !== over) return 'conflict';
    this.#version += 1;
    this.stored = { ...record, version: String(this.#version) };
    return this.stored;
  }
}

const candidate = (identity: string, store: LeaseStore, clock: ManualClock) => {
  const told: string[] = [];
  const leader = new Leader({
    store,
    identity,
    clock,
    random: () => 0.5,
    durationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryMs: 2000,
    elected: () => told.push('elected'),
    lost: () => told.push('lost'),
    failed: () => undefined,
  });
  leader.start();
  return { leader, told };
};

describe('leader election', () => {
  test('of two candidates one leads, and keeps leading while it renews', async () => {
    const [store, clock] = [new MemoryLease(), new ManualClock()];
    const [a, b] = [candidate('a', store, clock), candidate('b', store, clock)];
    await clock.advance(120_000);
    expect([a.leader.leads, b.leader.leads].filter(Boolean)).toHaveLength(1);
    expect([...a.told, ...b.told]).toEqual(['elected']);
  });

  test('a released lease is taken over at the next try', async () => {
    const [store, clock] = [new MemoryLease(), new ManualClock()];
    const a = candidate('a', store, clock);
    await clock.advance(10);
    const b = candidate('b', store, clock);
    await clock.advance(5000);
    await a.leader.stop();
    await clock.advance(2500);
    expect(b.leader.leads).toBe(true);
    expect(a.leader.leads).toBe(false);
    expect(store.stored?.transitions).toBe(1);
  });

  test('a dead leader is replaced when its lease has run out by the own clock, not sooner', async () => {
    const [store, clock] = [new MemoryLease(), new ManualClock()];
    store.stored = { holder: 'dead', durationMs: 15_000, acquiredAtMs: 0, renewedAtMs: 0, transitions: 3, version: 'x' };
    const b = candidate('b', store, clock);
    await clock.advance(14_000);
    expect(b.leader.leads).toBe(false);
    await clock.advance(4000);
    expect(b.leader.leads).toBe(true);
    expect(store.stored).toMatchObject({ holder: 'b', transitions: 4 });
  });

  test('a leader that cannot renew stops leading before anyone else may start, and says so once', async () => {
    const [store, clock] = [new MemoryLease(), new ManualClock()];
    const a = candidate('a', store, clock);
    await clock.advance(4000);
    store.down = true;
    await clock.advance(9000);
    expect(a.told).toEqual(['elected']);
    await clock.advance(6000);
    expect(a.leader.leads).toBe(false);
    expect(a.told).toEqual(['elected', 'lost']);
  });

  test('a leader that was paused past its deadline does not lead when it wakes', async () => {
    const [store, clock] = [new MemoryLease(), new ManualClock()];
    const a = candidate('a', store, clock);
    await clock.advance(10);
    // Another one took the lease meanwhile.
    store.stored = { holder: 'b', durationMs: 15_000, acquiredAtMs: 0, renewedAtMs: 0, transitions: 1, version: 'taken' };
    await clock.advance(3000);
    expect(a.leader.leads).toBe(false);
    expect(a.told).toEqual(['elected', 'lost']);
    expect(store.stored.holder).toBe('b');
  });
});
