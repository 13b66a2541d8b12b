import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { err, ok } from '@offloader/contract';
import { within } from './within.ts';

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
};

test('nothing of a call is left behind, though what it was given goes on listening', async () => {
  const outer = new AbortController();
  const given: WeakRef<AbortSignal>[] = [];
  for (let n = 0; n < 20; n += 1) {
    await within(60_000, outer.signal, async (signal) => {
      given.push(new WeakRef(signal));
      signal.addEventListener('abort', () => undefined);
      return Promise.resolve(ok(Buffer.alloc(1000)));
    });
  }
  expect(getEventListeners(outer.signal, 'abort')).toHaveLength(0);
  // A reference that was made or followed in this turn is kept to its end.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(given.filter((signal) => signal.deref() !== undefined)).toHaveLength(0);
});

test('a call that is given up, before or while it runs, is not waited for', async () => {
  const never = async (): Promise<never> => new Promise(() => undefined);
  const before = await within(60_000, AbortSignal.abort(new Error('over')), never);
  const outer = new AbortController();
  const during = within(60_000, outer.signal, never);
  outer.abort(new Error('over'));
  expect([before.ok, (await during).ok]).toEqual([false, false]);
});

test('a call that takes too long is no answer in time, whatever it says then', async () => {
  const late = await within(1, new AbortController().signal, async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new Error('broken off');
  });
  expect(late).toMatchObject(err({ code: 'source_unreachable' }));
});
