import { describe, expect, test } from '@jest/globals';
import { createResponseCache, type Page } from './responses.ts';

const page = (bytes: number): Page => ({ data: Buffer.alloc(bytes), rowCount: 1, hasMore: false });
const never = new AbortController().signal;
/** A query that ends when told to. */
const pending = () => {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly page: Page | null }>();
  let runs = 0;
  let signal: AbortSignal | undefined;
  return {
    resolve,
    reject,
    runs: () => runs,
    signal: () => signal,
    query: async (within: AbortSignal) => {
      runs += 1;
      signal = within;
      return promise;
    },
  };
};

describe('the response cache', () => {
  test('is bounded in entries', async () => {
    const cache = createResponseCache(40, 1_000_000);
    for (let n = 0; n < 300; n += 1) await cache.share(`events ${n}`, never, async () => ({ page: page(10) }));
    expect(cache.stats().entries).toBe(40);
    expect([cache.get('events 0'), cache.get('events 299')]).toEqual([undefined, page(10)]);
  });

  test('is bounded in bytes, the least recently used out first', async () => {
    const cache = createResponseCache(1000, 350);
    for (const key of ['a', 'b', 'c']) await cache.share(key, never, async () => ({ page: page(100) }));
    cache.get('a');
    await cache.share('d', never, async () => ({ page: page(100) }));
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true, true]);
    expect(cache.stats().bytes).toBeLessThanOrEqual(350);
    await cache.share('e', never, async () => ({ page: page(400) }));
    expect(cache.get('e')).toBeUndefined();
  });

  test('runs one query for identical questions in flight', async () => {
    const cache = createResponseCache(10, 1000);
    const slow = pending();
    const answers = Promise.all(Array.from({ length: 20 }, async () => cache.share('k', never, slow.query)));
    slow.resolve({ page: page(1) });
    expect((await answers).every((answer) => answer.page?.rowCount === 1)).toBe(true);
    expect(slow.runs()).toBe(1);
  });

  test('keeps no failure and asks again', async () => {
    const cache = createResponseCache(10, 1000);
    await cache.share('k', never, async () => ({ page: null }));
    await expect(cache.share('k', never, async () => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
    expect(cache.get('k')).toBeUndefined();
    expect((await cache.share('k', never, async () => ({ page: page(1) }))).page).toEqual(page(1));
  });

  test('interrupts a query when every caller has gone, and not before', async () => {
    const cache = createResponseCache(10, 1000);
    const slow = pending();
    const [one, two] = [new AbortController(), new AbortController()];
    const answers = [cache.share('k', one.signal, slow.query), cache.share('k', two.signal, slow.query)];
    one.abort();
    expect(slow.signal()?.aborted).toBe(false);
    two.abort();
    expect(slow.signal()?.aborted).toBe(true);
    // Whoever comes now does not get the interrupted one.
    const late = await cache.share('k', never, async () => ({ page: page(2) }));
    expect(late.page).toEqual(page(2));
    slow.resolve({ page: null });
    await Promise.all(answers);
    expect(cache.get('k')).toEqual(page(2));
  });

  test('drops one dataset and leaves the others warm', async () => {
    const cache = createResponseCache(10, 1000);
    for (const key of ['a 1', 'a 2', 'ab 1']) await cache.share(key, never, async () => ({ page: page(1) }));
    cache.drop('a');
    expect(['a 1', 'a 2', 'ab 1'].map((key) => cache.get(key) !== undefined)).toEqual([false, false, true]);
    cache.drop(null);
    expect(cache.stats().entries).toBe(0);
  });
});
