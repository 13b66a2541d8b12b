import { expect, test } from '@jest/globals';
import { withFiles } from './compile-folder.ts';

const document = (file: string, name: string) => ({
  file,
  raw: { apiVersion: 'offloader.dev/v1alpha1', kind: 'Dataset', metadata: { name } },
});

test('of two objects with one name each finding is told with its own file', () => {
  const problem = { path: 'metadata.name', code: 'duplicate_dataset', message: 'twice' } as const;
  const verdicts = [
    { kind: 'Dataset', name: 'a', problems: [], serving: 'current' },
    { kind: 'Dataset', name: 'a', problems: [problem], serving: 'none' },
  ] as const;
  expect(withFiles([document('1.yaml', 'a'), document('2.yaml', 'a')], verdicts)).toEqual([
    { ...problem, object: 'Dataset/a', file: '2.yaml' },
  ]);
});
