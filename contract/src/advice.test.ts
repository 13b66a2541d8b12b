import { describe, expect, test } from '@jest/globals';
import { advised } from './advice.ts';
import { problemCodes } from './problem.ts';

describe('the advice for a problem', () => {
  test.each(problemCodes)('%s has one', (code) => expect(advised({ code, path: '', message: '' }).hint).toMatch(/^[a-z].{15,}[^.]$/));
  test('is that of its finder, who knows more', () =>
    expect(advised({ code: 'missing', path: 'a', message: 'is required', hint: 'add it' }).hint).toBe('add it'));
});
