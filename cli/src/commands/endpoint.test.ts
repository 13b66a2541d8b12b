import { expect, test } from '@jest/globals';
import { judgeAnswer } from './endpoint.ts';

test('an answer that names snapshot and freshness is well', () => {
  const text = JSON.stringify({ data: [{}, {}], meta: { snapshot_id: 's1', freshness: {} } });
  expect(judgeAnswer(text)).toEqual({ well: true, line: 'status 200, 2 rows, snapshot s1' });
});

test.each([
  ['no JSON', 'hello'],
  ['no snapshot', JSON.stringify({ data: [], meta: { freshness: {} } })],
  ['no freshness', JSON.stringify({ data: [], meta: { snapshot_id: 's1' } })],
  ['no rows', JSON.stringify({ meta: { snapshot_id: 's1', freshness: {} } })],
])('an answer with %s is not', (_what, text) => {
  expect(judgeAnswer(text).well).toBe(false);
});
