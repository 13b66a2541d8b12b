import { describe, expect, test } from '@jest/globals';
import { redactFile, redactJson, redactLog } from './redact-file.ts';

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

describe('what no pattern of text finds is masked by the structure', () => {
  test.each([
    ['a value folded over lines', 'password: first\n  canary\nname: n\n'],
    ['a value that an alias repeats', 'password: &p canary-value\ncopy: *p\n'],
    ['a list', 'token:\n  - canary\n'],
    ['an object', 'client_secret:\n  odd: canary\n'],
    ['a quoted name', '"api_key": &k\n  canary\n'],
    ['the second document', 'a: 1\n---\npassword: x\n  canary\n'],
  ])('%s', (_what, text) => {
    const done = redactFile('f.yaml', text);
    expect(done).not.toContain('canary');
    expect(done).toContain('[REDACTED]');
  });

  test('a log line of JSON, among lines that are none', () => {
    const log = 'started\n{"level":"info","cookie":["a=canary"],"path":"/v1"}\n{broken\nAuthorization: Bearer canary\n';
    expect(redactLog(log)).toBe('started\n{"level":"info","cookie":["[REDACTED]"],"path":"/v1"}\n{broken\nAuthorization: [REDACTED]\n');
  });

  test('JSON that does not parse', () => {
    expect(redactJson('{"password": "canary", ')).toBe('{"password": "[REDACTED]", ');
  });
});

test('remarks and order of a file without more than that stay', () => {
  const text = '# why\npassword: canary # old\nname: n\n';
  expect(redactFile('f.yaml', text)).toBe('# why\npassword: [REDACTED]\nname: n\n');
});
