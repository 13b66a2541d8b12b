// Snapshots that swap in about once a second while 32 clients ask: the short form of `make bench-swap`.
import { expect, test } from '@jest/globals';
import { swapUnderLoad } from './support/swap-load.ts';

test('Swap is atomic: during a swap under load no request fails, none mixes two snapshots. data and meta.snapshot_id must come from the same snapshot.', async () => {
  const { failures, mixed, held, orphans, swaps, requests, swapSeconds } = await swapUnderLoad({
    clients: 32,
    steadySeconds: 1,
    swaps: 12,
  });
  expect([failures, mixed]).toEqual([[], 0]);
  // What a long answer reads stays until it has been read, and goes then.
  expect([held.broken, held.lost, orphans]).toEqual([[], [], []]);
  expect(held.whole).toBeGreaterThanOrEqual(2);
  expect(swaps).toBeGreaterThanOrEqual(12);
  expect(requests).toBeGreaterThan(1000);
  process.stderr.write(
    `swaps under load: ${swaps} in ${swapSeconds.toFixed(0)} s, ${requests} requests, ${held.whole} held over swaps, 0 failed, 0 mixed\n`,
  );
}, 1_800_000);
