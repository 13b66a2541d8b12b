// The table of a gateway's metrics in docs/observability.md is what the code has: a renamed metric or label shows here.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createCounters, createGauges } from '../src/observe/instruments.ts';

const page = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8');

test('docs/observability.md lists every metric of a gateway with its type and labels, and no other', () => {
  const registry = new Registry();
  createCounters([registry]);
  createGauges([registry]);
  // Type and labels are there at run time and missing in prom-client's types.
  const metrics = registry.getMetricsAsArray() as unknown as readonly { name: string; type: string; labelNames: readonly string[] }[];
  const rows = metrics.map(({ name, type, labelNames }) => `| \`${name}\` | ${type} | ${labelNames.join(', ') || '–'} |`);
  const written = [...page.matchAll(/^(\| `offloader_(?!operator_)\w+` \| \w+ \| [^|]+\|)/gm)].map(([, row]) => row);
  expect(written.toSorted()).toEqual(rows.toSorted());
});
