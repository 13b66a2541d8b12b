import { expect, test } from '@jest/globals';
import { redactFile } from './collect.ts';

test.each([
  ['YAML', 's.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  whatever: canary\n---\nkind: Dataset\n'],
  ['flow YAML', 's.yaml', '{apiVersion: v1, kind: Secret, data: {whatever: canary}}\n'],
  ['JSON', 's.json', '{"kind": "List", "items": [{"kind": "Secret", "data": {"whatever": "canary"}}]}'],
  ['YAML that does not parse', 's.yaml', 'kind: Secret\ndata: {whatever: canary\n'],
])('a Secret in %s loses everything that it holds', (_what, path, text) => {
  expect(redactFile(path, text)).not.toContain('canary');
});

test('a key hash in a resource stays', () => {
  const text = `kind: ApiKey\nspec:\n  hash: ${'ab'.repeat(32)}\n`;
  expect(redactFile('k.yaml', text)).toBe(text);
});
