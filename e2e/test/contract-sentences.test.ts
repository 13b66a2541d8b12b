// Every sentence of the contract's proven sections is the name of a test: a `test` or `describe` bears it word for word.
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

const root = new URL('../../', import.meta.url).pathname;

/** Sections whose every sentence is proven; a section is added when it is. */
const proven: readonly string[] = [
  'Manifest validation (file-level; refresh status `rejected`)',
  'Compatibility gate (manifest schema vs dataset contract; code `incompatible_schema`)',
  'Refresh lifecycle',
  'Restart and cache',
  'Query semantics and tenancy',
  'Admin port',
  'Authentication and grants (API port)',
  'Envelope and errors',
  'Request parameters',
  'Response cache',
  'Rollback and quarantine',
  'Alerts, dashboard',
  'Metrics (text/plain; version=0.0.4, HELP+TYPE each)',
  'Values in JSON',
  'HTTP edge',
  'Pool and limits',
  'Environment and boot',
  'Sources, URLs, credentials',
  'Configuration and hot sync',
  'CLI',
  'Support bundle',
  'Details that clients see',
  'Replicas',
  'Status (the same for all three kinds)',
  'The three kinds (group `offloader.dev`, version `v1alpha1`, namespaced)',
  'Benchmark method',
  'Demo project and failure lab (make our own data with the same shape)',
];

/** Ends of sentences: a full stop before a blank and a capital, a digit, a sign or a code span. */
const sentenceEnd = /(?<=[^.]\.)\s+(?=[A-Z0-9`/])/;
const sections = new Map(
  readFileSync(`${root}docs/contract.md`, 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const bullets = lines.filter((line) => line.startsWith('- ')).map((line) => line.slice(2).trim());
      return [heading.trim(), bullets.flatMap((line) => line.split(sentenceEnd))];
    }),
);

/** `test('…')`, `describe('…')` and `test.each(…)('…')`: what each is called. */
const titlesOf = (path: string): readonly string[] => {
  const titles: string[] = [];
  const isTest = (callee: ts.Node): boolean => /^(test|describe)\b/.test(callee.getText());
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.push(title.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true));
  return titles;
};
const titles = new Set(globSync(`${root}{contract,gateway,operator,cli,e2e,bench}/{src,test,tests}/**/*.test.ts`).flatMap(titlesOf));

test('the proven sections are sections of the contract', () => {
  expect(proven.filter((heading) => sections.get(heading) === undefined)).toEqual([]);
});

describe('every sentence has a test of its name', () => {
  for (const heading of proven)
    test(heading, () => {
      expect((sections.get(heading) ?? []).filter((sentence) => !titles.has(sentence))).toEqual([]);
    });
});
