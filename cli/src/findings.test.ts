import { expect, test } from '@jest/globals';
import { renderFindings } from './findings.ts';

test('findings are sorted by file, then by path, and end with their number', () => {
  const at = (file: string, path: string) => ({ file, path, code: 'missing', message: 'is required' }) as const;
  expect(renderFindings([at('b.yaml', 'spec.a'), at('a.yaml', 'spec.z'), at('a.yaml', 'spec.b')])).toEqual([
    'a.yaml: spec.b: missing: is required',
    'a.yaml: spec.z: missing: is required',
    'b.yaml: spec.a: missing: is required',
    '3 problems found',
  ]);
});

test('a hint stands in brackets after the message', () => {
  const [line] = renderFindings([{ object: 'Dataset/x', path: 'spec', code: 'missing', message: 'is required', hint: 'add it' }]);
  expect(line).toBe('Dataset/x: spec: missing: is required (add it)');
});
