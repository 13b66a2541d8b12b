// The table of error codes in docs/clients.md is what the code has: a code that is new, renamed or told otherwise shows here.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { errorCases } from '../src/domain/error-codes.ts';

const page = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8');

test('docs/clients.md lists every error code with its status, family, meaning and remedy, and no other', () => {
  const rows = errorCases
    .toSorted((a, b) => a.status - b.status)
    .map(({ status, family, code, meaning, remedy }) => `| ${status} | \`${family}\` | \`${code}\` | ${meaning} | ${remedy} |`);
  expect([...page.matchAll(/^\| \d{3} \|.*$/gm)].map(([row]) => row)).toEqual(rows);
});
