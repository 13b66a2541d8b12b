import { describe, expect, test } from '@jest/globals';
import { createSlots } from './slots.ts';

const never = new AbortController().signal;
/** What is known by the next turn of the event loop: 'waits' when nothing is. */
const atOnce = async (taking: Promise<boolean>): Promise<boolean | 'waits'> =>
  Promise.race([taking, new Promise<'waits'>((resolve) => setImmediate(resolve, 'waits'))]);

describe('slots', () => {
  test('are taken without a wait, as many as there are', async () => {
    const slots = createSlots(2, 0);
    expect([await slots.take(60_000, never), await slots.take(60_000, never)]).toEqual([true, true]);
    expect(slots.taken()).toBe(2);
  });

  test('only so many callers wait, and the next is turned away at once', async () => {
    const slots = createSlots(1, 2);
    await slots.take(60_000, never);
    const [second, third] = [slots.take(60_000, never), slots.take(60_000, never)];
    expect([await atOnce(second), await atOnce(third)]).toEqual(['waits', 'waits']);
    expect(await atOnce(slots.take(60_000, never))).toBe(false);
    slots.give();
    expect([await second, await atOnce(third)]).toEqual([true, 'waits']);
    // A place in the queue is free again.
    const fourth = slots.take(60_000, never);
    expect(await atOnce(fourth)).toBe('waits');
    slots.give();
    slots.give();
    expect([await third, await fourth, slots.taken()]).toEqual([true, true, 1]);
  });

  test('a caller that gives up or whose time is over leaves its place to others', async () => {
    const slots = createSlots(1, 1);
    await slots.take(60_000, never);
    const gone = new AbortController();
    const given = slots.take(60_000, gone.signal);
    gone.abort();
    expect(await given).toBe(false);
    expect(await slots.take(1, never)).toBe(false);
    const patient = slots.take(60_000, never);
    slots.give();
    expect([await patient, slots.taken()]).toEqual([true, 1]);
    slots.give();
    expect(slots.taken()).toBe(0);
  });
});
