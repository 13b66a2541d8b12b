import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { WorkQueue } from './work-queue.ts';
import type { Work } from './work-queue.ts';

const build = (work: Work, concurrency = 4) => {
  const clock = new ManualClock();
  const failures: string[] = [];
  const queue = new WorkQueue({
    clock,
    random: () => 0.5,
    concurrency,
    retry: { baseMs: 100, maxMs: 1000 },
    work,
    failed: (key) => failures.push(key),
  });
  return { clock, queue, failures };
};

describe('the work queue', () => {
  test('a key added many times before its turn has one turn', async () => {
    const turns: string[] = [];
    const { clock, queue } = build(async (key) => {
      turns.push(key);
      return undefined;
    });
    queue.add('a', 10);
    queue.add('a', 20);
    queue.add('a', 5);
    await clock.advance(100);
    expect(turns).toEqual(['a']);
  });

  test('a key added while it runs has another turn afterwards', async () => {
    const gates: (() => void)[] = [];
    const { clock, queue } = build(() => new Promise((resolve) => gates.push(() => resolve(undefined))));
    queue.add('a');
    await clock.advance(1);
    queue.add('a');
    queue.add('a');
    await clock.advance(1);
    expect(gates).toHaveLength(1);
    gates[0]?.();
    await clock.advance(1);
    expect(gates).toHaveLength(2);
  });

  test('a failing key comes back later each time and starts over after a success', async () => {
    const turnsAtMs: number[] = [];
    const outcomes = [false, false, true];
    const { clock, queue, failures } = build(async () => {
      turnsAtMs.push(clock.monotonicMs());
      if (outcomes.shift() === false) throw new Error('not yet');
      return undefined;
    });
    queue.add('a');
    await clock.advance(2000);
    expect(turnsAtMs).toEqual([0, 75, 225]);
    expect(failures).toEqual(['a', 'a']);
  });

  test('a turn can ask for the next one', async () => {
    const turnsAtMs: number[] = [];
    const { clock, queue } = build(async () => {
      turnsAtMs.push(clock.monotonicMs());
      return turnsAtMs.length < 3 ? 50 : undefined;
    });
    queue.add('a');
    await clock.advance(1000);
    expect(turnsAtMs).toEqual([0, 50, 100]);
  });

  test('stopping waits for what runs and starts nothing more', async () => {
    const gates: (() => void)[] = [];
    const { clock, queue } = build(() => new Promise((resolve) => gates.push(() => resolve(undefined))), 1);
    queue.add('a');
    queue.add('b');
    await clock.advance(1);
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    await clock.advance(10);
    expect(stopped).toBe(false);
    gates[0]?.();
    await stopping;
    await clock.advance(100);
    expect(gates).toHaveLength(1);
  });

  test('whatever is added and however turns end, a key never runs twice at once, the bound holds and nothing is lost', async () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), delayMs: fc.constantFrom(0, 0, 3, 20), waitMs: fc.nat(10) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.record({ takesMs: fc.nat(15), fails: fc.boolean() }), { maxLength: 40 }),
        async (steps, turns) => {
          const running = new Map<string, number>();
          const lastStartMs = new Map<string, number>();
          const lastAddMs = new Map<string, number>();
          const remaining = [...turns];
          const { clock, queue } = build(async (key) => {
            expect(running.get(key) ?? 0).toBe(0);
            running.set(key, 1);
            expect(running.size).toBeLessThanOrEqual(2);
            lastStartMs.set(key, clock.monotonicMs());
            const turn = remaining.shift();
            await clock.wait(turn?.takesMs ?? 0);
            running.delete(key);
            if (turn?.fails === true) throw new Error('as scripted');
            return undefined;
          }, 2);
          for (const { key, delayMs, waitMs } of steps) {
            queue.add(key, delayMs);
            lastAddMs.set(key, clock.monotonicMs());
            await clock.advance(waitMs);
          }
          await clock.advance(60_000);
          expect(queue.depth).toBe(0);
          for (const [key, addedMs] of lastAddMs) expect(lastStartMs.get(key) ?? -1).toBeGreaterThanOrEqual(addedMs);
        },
      ),
      { numRuns: 60 },
    );
  });
});
