// What a soak does and how it judges answers: without these a soak would be content with anything.
import { describe, expect, test } from '@jest/globals';
import { nextFault } from '../operator/soak/faults.ts';
import { apartMs, Promised } from '../operator/soak/promised.ts';
import { seeded } from '../operator/soak/random.ts';
import { type Deed, firstStanding, next, type Standing } from '../operator/soak/sequence.ts';

const sequence = (seed: number, length = 5000): readonly (readonly [Deed, Standing])[] => {
  const random = seeded(seed);
  let standing = firstStanding(3);
  return Array.from({ length }, () => {
    const turn = next(standing, random);
    standing = turn[1];
    return turn;
  });
};

describe('the sequence', () => {
  test('is the same for a seed, and another for another', () => {
    expect(sequence(1)).toEqual(sequence(1));
    expect(sequence(1)).not.toEqual(sequence(2));
  });

  test('has everything that users do, of which nothing piles up', () => {
    const turns = sequence(3);
    const kinds = new Set(turns.map(([{ kind }]) => kind));
    expect([...kinds].toSorted()).toEqual(
      // prettier-ignore
      ['arrive', 'block', 'forget', 'leave', 'mint', 'pin', 'publish', 'publishBad', 'rebuild', 'refresh', 'refuseCredentials', 'renewCredentials', 'revoke', 'rotate', 'unblock', 'unpin', 'version'],
    );
    expect(Math.max(...turns.map(([, { guests }]) => guests.length))).toBe(3);
    expect(Math.max(...turns.map(([, { keys }]) => keys.length))).toBe(4);
  });

  test('lets nobody go who is not there, and gives no name twice', () => {
    const seen = new Set<number>();
    let before = firstStanding(3);
    for (const [deed, after] of sequence(4)) {
      if (deed.kind === 'arrive' || deed.kind === 'mint') {
        const n = 'guest' in deed ? deed.guest : deed.key;
        expect(seen.has(n)).toBe(false);
        seen.add(n);
      }
      if (deed.kind === 'leave') expect(before.guests).toContain(deed.guest);
      if (deed.kind === 'rotate') expect(before.keys).toContainEqual({ key: deed.key, isRevoked: false });
      if (deed.kind === 'unpin') expect(before.holds[deed.dataset]).toBe('pinned');
      before = after;
    }
  });

  test('ends leaders while it warms up only, and has a third replica in the third quarter', () => {
    const random = seeded(5);
    const at = (done: number, replicas: number): Set<string> =>
      new Set(Array.from({ length: 500 }, () => nextFault(done, replicas, random)));
    expect(at(0.1, 2)).toContain('failOver');
    expect(at(0.2, 2)).not.toContain('failOver');
    expect([...at(0.6, 2), ...at(0.71, 3)]).toEqual(['scaleUp', 'scaleDown']);
  });
});

describe('an answer', () => {
  const answer = (snapshot: string, version = 1, visits = snapshot.slice(1)) => ({
    data: [{ visits }, { visits: Number(visits) }],
    meta: { snapshot_id: snapshot, version },
  });
  const settled = (): Promised => {
    const promised = new Promised();
    promised.also('daily', 's1', 1, 0);
    promised.only('daily', 's1', 1);
    return promised;
  };

  test('is right with what serves, and with what is to serve while it changes', () => {
    const promised = settled();
    promised.also('daily', 's2', 1, 10);
    const before = promised.allowed('daily');
    expect(['s1', 's2'].map((id) => promised.judge('daily', answer(id), before))).toEqual([undefined, undefined]);
    promised.only('daily', 's2', 1);
    expect(promised.judge('daily', answer('s1'), before)).toBe(undefined);
    expect(promised.judge('daily', answer('s1'), promised.allowed('daily'))).toBe('snapshot');
  });

  test('is wrong with another snapshot or version, and with rows of another snapshot', () => {
    const promised = settled();
    const now = promised.allowed('daily');
    const judged = [answer('s9'), answer('s1', 2), answer('s1', 1, '2')].map((body) => promised.judge('daily', body, now));
    expect(judged).toEqual(['snapshot', 'version', 'mixed']);
  });

  test('is apart when another replica has had the new snapshot for too long', () => {
    const promised = settled();
    promised.also('daily', 's2', 1, 10);
    const asked = (id: string, sentMs: number, sinceMs = 0): boolean =>
      promised.isApart('daily', answer(id), { sinceMs, sentMs, receivedMs: sentMs + 1 });
    expect(asked('s1', 50_000)).toBe(false);
    expect(asked('s2', 50_000)).toBe(false);
    expect(asked('s1', 50_000 + apartMs)).toBe(false);
    expect(asked('s1', 50_002 + apartMs)).toBe(true);
    expect(asked('s1', 50_002 + apartMs, 20)).toBe(false);
  });

  test('may be missing on an empty volume alone, while the source offers nothing that may serve', () => {
    const promised = settled();
    promised.hold('daily', 100);
    expect([promised.isEmpty('daily', 50, 200), promised.isEmpty('daily', 150, 200)]).toEqual([false, true]);
    promised.release('daily', 300);
    expect([promised.isEmpty('daily', 150, 400), promised.isEmpty('daily', 350, 400)]).toEqual([true, false]);
    expect(promised.isEmpty('daily', 150, 60_000)).toBe(false);
  });
});
