// What counts as a loss after a fault, and whose it is.
import { describe, expect, test } from '@jest/globals';
import { type Aftermath, lossesOf } from './rig.ts';

const whole: Aftermath = { wrong: [], failed: new Map(), silent: [], late: [], orphans: [], loaders: [] };
const victims = ['cut-00', 'cut-01'];
const about = { victims, victim: 'cut-00' };

test('nothing is lost when nothing was seen that must not be', () => {
  expect(lossesOf(whole, about)).toEqual([]);
});

test('a fault that was not made has not been survived', () => {
  expect(lossesOf(undefined, about)).toEqual(['the fault was not made']);
});

describe('each of these is a loss', () => {
  const seen = (name: string): readonly (readonly [string, Partial<Aftermath>])[] => [
    ['a wrong answer', { wrong: [`${name} {}`] }],
    ['a request that failed', { failed: new Map([[`${name} 503`, 2]]) }],
    ['a dataset that gave no answer', { silent: [name] }],
    ['a dataset that did not come back', { late: [`${name} answers {"n":1} instead of a2`] }],
    ['a file that was left behind', { orphans: [`snapshots/${name}/0123456789ab/data.duckdb`] }],
  ];

  test.each(seen('cut-00'))('%s, of the victim itself', (_what, part) => {
    expect(lossesOf({ ...whole, ...part }, about)).toHaveLength(1);
  });
  test.each(seen('calm'))('%s, of a dataset that no fault was made to', (_what, part) => {
    expect(lossesOf({ ...whole, ...part }, about)).toHaveLength(1);
  });
  test.each(seen('cut-01'))('%s, but not when it is of another victim', (_what, part) => {
    expect(lossesOf({ ...whole, ...part }, about)).toEqual([]);
  });
  test('a loader that still runs, whosever it is', () => {
    expect(lossesOf({ ...whole, loaders: ['42'] }, about)).toEqual(['still runs: loader 42']);
  });
  test('a failure beside those that the fault may cost', () => {
    const failed = new Map([['calm 503', 1], ['calm no connection', 9]]); // prettier-ignore
    expect(lossesOf({ ...whole, failed }, { ...about, excused: / no connection$/ })).toEqual(['stopped: calm 503, 1 times']);
  });
});
