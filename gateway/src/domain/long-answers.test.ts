import { expect, test } from '@jest/globals';
import { longAnswersOf } from './long-answers.ts';

test.each([
  ['a quarter of the pool is left to short answers', 16, null, 12],
  ['a quarter that is no whole number is rounded down', 7, null, 6],
  ['one connection is left at least', 2, null, 1],
  ['the only connection is for all', 1, null, 1],
  ['what is asked for counts', 16, 3, 3],
  ['there are no more than connections', 4, 9, 4],
])('%s', (_sentence, poolSize, asked, expected) => expect(longAnswersOf(poolSize, asked)).toBe(expected));
