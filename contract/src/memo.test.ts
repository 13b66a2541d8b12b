import { describe, expect, test } from '@jest/globals';
import { remembering, rememberingWith, sameItems } from './memo.ts';

describe('remembering', () => {
  test('asks once per value, also when the answer is undefined', () => {
    const asked: unknown[] = [];
    const of = remembering((key: object) => void asked.push(key));
    const [a, b] = [{}, {}];
    of(a);
    of(a);
    of(b);
    expect(asked).toEqual([a, b]);
  });

  test('asks anew when the second argument is another', () => {
    let asked = 0;
    const of = rememberingWith((_key: object, also: readonly number[]) => {
      asked += 1;
      return also.length;
    }, sameItems);
    const key = {};
    expect([of(key, [1]), of(key, [1]), of(key, [1, 2]), of(key, [1])]).toEqual([1, 1, 2, 1]);
    expect(asked).toBe(3);
  });
});
