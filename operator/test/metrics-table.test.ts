// The table of the operator's metrics in docs/observability.md is what the code has: a renamed metric or label shows here.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Observation } from '../src/domain/observation.ts';
import { createMetrics } from '../src/observe/metrics.ts';

const page = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8');

/** One of each that is counted, so that every metric has a sample and shows its labels. */
const observations: readonly Observation[] = [
  { kind: 'listed', watcher: 'pods', objects: 1, found: 1 },
  { kind: 'watch_ended', watcher: 'pods', end: 'closed' },
  { kind: 'reconciled', controller: 'bundle', key: 'k', tookMs: 1, error: undefined, retryInMs: null },
  { kind: 'bundle_written', revision: 'r', sequence: 1, writes: 1, tookMs: 1 },
  { kind: 'drift_corrected', object: 'o' },
  { kind: 'token_written', key: 'k', what: 'minted' },
  { kind: 'nudged', pod: 'p', sequence: 1, attempt: 0 },
  { kind: 'volume_quarantine', pod: 'p', phase: 'replaced', cause: 'asked', asked: 't', volume: null, message: '' },
  { kind: 'status_written', object: 'o', resource: 'Dataset' },
  { kind: 'api_request', method: 'GET', status: 200, tookMs: 1 },
];

/** The labels of a family's first sample; le belongs to every histogram. */
const labelsOf = (text: string, name: string): readonly string[] => {
  const [, labels = ''] = new RegExp(`^${name}(?:_bucket)?(?:\\{([^}]*)\\})? `, 'm').exec(text) ?? [];
  return [...labels.matchAll(/(\w+)="/g)].flatMap(([, label]) => (label === undefined || label === 'le' ? [] : [label]));
};

test('docs/observability.md lists every metric of the operator with its type and labels, and no other', async () => {
  const metrics = createMetrics('test', {
    leads: () => true,
    queues: () => [{ controller: 'bundle', depth: 1, longestRunningMs: 1 }],
    watchers: () => [{ watcher: 'pods', objects: 1, silentMs: 1 }],
    gateways: () => ({ total: 1, unreachable: 0, behind: 0 }),
    objects: () => [{ kind: 'Dataset', ready: 'True', reason: 'Live', count: 1 }],
    sequence: () => 1,
    volumes: () => ({ waiting: 0, refused: 0, replacing: 0 }),
  });
  for (const observation of observations) metrics.observe(observation);
  const text = await metrics.render();
  const types = [...text.matchAll(/^# TYPE (offloader_operator_\w+) (\w+)$/gm)];
  const rows = types.map(([, name = '', type]) => `| \`${name}\` | ${type} | ${labelsOf(text, name).join(', ') || '–'} |`);
  const written = [...page.matchAll(/^(\| `offloader_operator_\w+` \| \w+ \| [^|]+\|)/gm)].map(([, row]) => row);
  const inOrder = (row = ''): string => row.replace(/[^|]+\|$/, (labels) => ` ${labels.replace('|', '').trim().split(', ').toSorted().join(', ')} |`);
  expect(written.map(inOrder).toSorted()).toEqual(rows.map(inOrder).toSorted());
}); // prettier-ignore
