import { expect, test } from '@jest/globals';
import { readDocuments } from './resource-files.ts';

const ours = (kind: string): string => `apiVersion: offloader.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: x}\n`;

test('every document of our kinds is read, objects of other groups are passed over', () => {
  const text = [ours('Dataset'), 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n', '', ours('ApiKey')].join('---\n');
  const { documents, findings } = readDocuments('a.yaml', text);
  expect(documents.map(({ raw }) => (raw as { kind: string }).kind)).toEqual(['Dataset', 'ApiKey']);
  expect(findings).toEqual([]);
});

test.each([
  ['a misspelt kind', ours('Endpiont'), 'invalid_value'],
  ['another version of our group', ours('Dataset').replace('v1alpha1', 'v9'), 'invalid_value'],
  ['a document that is no object of Kubernetes', 'token: abc\n', 'invalid_value'],
  ['text that is not YAML', 'a: [1\nb: }', 'invalid_yaml'],
  ['a key that stands twice', 'kind: Dataset\nkind: Dataset\n', 'invalid_yaml'],
])('%s is a finding with its file', (_what, text, code) => {
  expect(readDocuments('a.yaml', text).findings).toEqual([expect.objectContaining({ file: 'a.yaml', code })]);
});
