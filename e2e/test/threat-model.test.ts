// docs/security.md says of each threat which test would fail: those tests are there.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/security.md', root), 'utf8');
const threats = page
  .split('\n')
  .map((line) => line.split(' | '))
  .filter(([first, prevention, proof]) => first?.startsWith('| ') === true && proof?.includes('`') === true && prevention !== '');

describe('the threat model', () => {
  test.each(threats.map(([threat = '', , proof = '']) => [threat.slice(2), proof] as const))('has a test against this: %s', (_, proof) => {
    const named = [...proof.matchAll(/`([a-z0-9-]+\/[^`]*)`/g)].map(([, path]) => path ?? '');
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  });

  test('names no threat without a proof', () => {
    expect(threats.length).toBeGreaterThan(18);
    const table = page.slice(page.indexOf('| what must not happen'), page.indexOf('## What remains'));
    expect(table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| **') && !line.includes('`'))).toEqual([
      '| what must not happen | what prevents it | proved by |',
      '| --- | --- | --- |',
    ]);
  });
});
