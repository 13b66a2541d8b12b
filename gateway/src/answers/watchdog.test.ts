import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createWatchdog, leastBytesPerSecond, type Watchdog } from './watchdog.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const patienceMs = 30_000;
const start = (): Watchdog => createWatchdog(new AbortController().signal, patienceMs);
/** A reader that waits so long before it takes so many bytes. */
const take = async (watchdog: Watchdog, seconds: number, bytes: number): Promise<void> =>
  watchdog.reading(bytes, async () => jest.advanceTimersByTimeAsync(seconds * 1000));

test('a reader that stands still is ended after the whole patience, and so is a query', async () => {
  for (const [why, waitOn] of [
    ['slow reader', async (dog: Watchdog, seconds: number) => take(dog, seconds, 0)],
    ['no progress', async (_dog: Watchdog, seconds: number) => jest.advanceTimersByTimeAsync(seconds * 1000)],
  ] as const) {
    const [patient, hasty] = [start(), start()];
    await waitOn(patient, 29);
    expect(patient.bitten()).toBe(null);
    await waitOn(hasty, 31);
    expect([hasty.bitten(), hasty.signal.aborted]).toEqual([why, true]);
  }
});

test('a reader that takes as much as it must, in whatever lumps, is never ended', async () => {
  for (const seconds of [1, 29]) {
    const watchdog = start();
    for (let n = 0; n < 100; n += 1) await take(watchdog, seconds, leastBytesPerSecond * seconds);
    expect(watchdog.bitten()).toBe(null);
  }
});

test('a reader that takes half as much is ended when it is so far behind, however fast it was at first', async () => {
  const watchdog = start();
  await take(watchdog, 0, leastBytesPerSecond * 1000);
  for (let n = 0; n < 57; n += 1) await take(watchdog, 1, leastBytesPerSecond / 2);
  expect(watchdog.bitten()).toBe(null);
  for (let n = 0; n < 2; n += 1) await take(watchdog, 1, leastBytesPerSecond / 2);
  expect(watchdog.bitten()).toBe('slow reader');
});

test('the time of the query is not taken from the reader', async () => {
  const watchdog = start();
  for (let n = 0; n < 100; n += 1) {
    await jest.advanceTimersByTimeAsync(20_000);
    await take(watchdog, 0, 1);
  }
  expect(watchdog.bitten()).toBe(null);
});
