import { describe, expect, test } from '@jest/globals';
import type { Engine } from './domain/engine.ts';
import type { Observation } from './domain/observation.ts';
import { watchEngine } from './watch-engine.ts';

/** An engine whose probe and replacement do as they are told: a DuckDB that is down for good cannot be had on order. */
const engineThat = (probes: readonly boolean[], replace: () => Promise<number>): Engine => {
  const rest = [...probes];
  return { probe: async () => rest.shift() ?? false, replace } as unknown as Engine;
};
const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the engine watch', () => {
  test('is up again after the instance was replaced', async () => {
    const seen: Observation[] = [];
    let replacements = 0;
    const watch = watchEngine(
      engineThat([false, true], async () => 3),
      (event) => seen.push(event),
      () => (replacements += 1),
    );
    watch.onQueryError(() => undefined)('visits', 1, 'INTERNAL Error: invalidated');
    await settled();
    expect(watch.isUp()).toBe(true);
    expect(seen.map(({ kind }) => kind)).toEqual(['engine_failed', 'engine_replaced']);
    expect(seen.at(-1)).toEqual({ kind: 'engine_replaced', attached: 3 });
    // Whoever holds the files looks which of them are not there any more.
    expect(replacements).toBe(1);
    watch.stop();
  });

  test('is down while no instance can be had', async () => {
    const watch = watchEngine(
      engineThat([false], async () => Promise.reject(new Error('no memory'))),
      () => undefined,
      () => undefined,
    );
    watch.onQueryError(() => undefined)('visits', 1, 'INTERNAL Error: invalidated');
    await settled();
    expect(watch.isUp()).toBe(false);
    watch.stop();
  });

  test('tells a damaged file from a damaged engine', () => {
    const corrupt: [string, number][] = [];
    const watch = watchEngine(
      engineThat([true, true], async () => 0),
      () => undefined,
      () => undefined,
    );
    const told = watch.onQueryError((dataset, epoch) => corrupt.push([dataset, epoch]));
    told('visits', 7, 'IO Error: checksum of block 3 does not match');
    told('visits', 8, 'Conversion Error: something else');
    expect(corrupt).toEqual([['visits', 7]]);
    watch.stop();
  });
});
