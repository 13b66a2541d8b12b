// The closing line `faults survived: n/n`.
import { expect, test } from '@jest/globals';
import { faultsSurvived, type Suite } from './total.ts';

const suite = (file: string, ...tests: readonly (readonly [string, string])[]): Suite => ({
  testFilePath: `/repo/gateway/test/${file}`,
  testResults: tests.map(([title, status]) => ({ title, status })),
});

test.each<[string, readonly Suite[], string | null]>([
  [
    'adds up what all suites survived',
    [suite('faults/a.test.ts', ['survives x', 'passed'], ['survives y', 'passed']), suite('faults/b.test.ts', ['survives z', 'passed'])],
    'faults survived: 3/3',
  ],
  [
    'counts one that did not survive among those that were made',
    [suite('faults/a.test.ts', ['survives x', 'passed'], ['survives y', 'failed'])],
    'faults survived: 1/2',
  ],
  [
    'counts none that was left out',
    [suite('faults/a.test.ts', ['survives x', 'passed'], ['survives y', 'pending'])],
    'faults survived: 1/1',
  ],
  [
    'counts a suite that could not run as one that did not survive',
    [suite('faults/a.test.ts', ['survives x', 'passed']), { ...suite('faults/b.test.ts'), testExecError: new Error('no such module') }],
    'faults survived: 1/2',
  ],
  ['counts no other test', [suite('faults/a.test.ts', ['survives x', 'passed'], ['tells y', 'failed'])], 'faults survived: 1/1'],
  ['says nothing where no fault was made', [suite('api.test.ts', ['survives x', 'passed'])], null],
])('%s', (_what, suites, line) => {
  expect(faultsSurvived(suites)).toBe(line);
});
