import { expect, test } from '@jest/globals';
import { decideRoom, type Reserved } from './room.ts';

const running = (bytes: number, usedBytes: number): Reserved => ({ bytes, usedBytes });
test.each([
  ['alone on a volume with room a load goes ahead', 100, 100, [], 'go'],
  ['where the free bytes cannot be told it is tried', 100, null, [], 'go'],
  ['with too little room and nobody who gives any back it fails', 100, 99, [], 'never'],
  ['what others have been promised and not yet used is not free', 100, 150, [running(90, 0)], 'wait'],
  ['what others have used already is not counted twice', 100, 150, [running(90, 50)], 'go'],
  ['a load that took more than it was promised takes nothing from the rest', 100, 100, [running(90, 200)], 'go'],
  ['what others will give back is waited for', 100, 20, [running(90, 80)], 'wait'],
  ['what no end of the others brings is not waited for', 100, 20, [running(90, 70)], 'never'],
] as const)('%s', (_sentence, needed, free, others, kind) => {
  expect(decideRoom(needed, free, others).kind).toBe(kind);
});

test('a volume that is too small is said in figures, with what mends it', () => {
  expect(decideRoom(100, 20, [running(10, 3)])).toEqual({
    kind: 'never',
    problem: {
      code: 'disk_full',
      path: '',
      message: 'the load needs about 100 bytes on the cache volume, 20 are free, 7 of them for loads that run',
      hint: 'grow the volume or keep fewer snapshots',
    },
  });
});
