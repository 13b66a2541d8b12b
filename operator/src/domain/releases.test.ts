import { describe, expect, test } from '@jest/globals';
import { active, compiledDataset, pod, row } from '../../test/support/facts.ts';
import { decideReleases, releaseAfterMs } from './releases.ts';
import type { ReleaseFacts } from './releases.ts';

const staged = (id: string) => [row({ staged: id })];
const decide = (overrides: Partial<ReleaseFacts>) =>
  decideReleases({ datasets: [compiledDataset()], pods: [], releases: {}, waiting: {}, nowMs: 1000, ...overrides });

describe('releasing snapshots', () => {
  test.each<[string, Partial<ReleaseFacts>, object]>([
    ['nothing staged releases nothing', { pods: [pod('g-0', 1), pod('g-1', 1)] }, { releases: {}, waiting: {} }],
    [
      'what one replica lacks is waited for',
      { pods: [pod('g-0', 1, staged('s2')), pod('g-1', 1)] },
      { releases: {}, waiting: { visits: 1000 } },
    ],
    [
      'what all have staged is released',
      { pods: [pod('g-0', 1, staged('s2')), pod('g-1', 1, staged('s2'))] },
      { releases: { visits: 's2' }, waiting: {} },
    ],
    [
      'a replica that already serves it counts',
      { pods: [pod('g-0', 1, staged('s2')), pod('g-1', 1, [row({ active_snapshot: active('s2') })])] },
      { releases: { visits: 's2' }, waiting: {} },
    ],
    [
      'a replica that cannot be reached is not waited for',
      { pods: [pod('g-0', 1, staged('s2')), pod('g-1')] },
      { releases: { visits: 's2' }, waiting: {} },
    ],
    [
      'a slow replica is waited for a minute and no longer',
      { pods: [pod('g-0', 1, staged('s2')), pod('g-1', 1)], waiting: { visits: 1000 }, nowMs: 1000 + releaseAfterMs },
      { releases: { visits: 's2' }, waiting: {} },
    ],
    [
      'a release stays while the next is waited for',
      { pods: [pod('g-0', 1, staged('s3')), pod('g-1', 1)], releases: { visits: 's2' } },
      { releases: { visits: 's2' }, waiting: { visits: 1000 } },
    ],
    ['a release of a dataset that is gone goes too', { datasets: [], releases: { visits: 's2' } }, { releases: {}, waiting: {} }],
    [
      'a blocked snapshot is never released',
      {
        datasets: [compiledDataset({ snapshot: { ...compiledDataset().snapshot, blocked: ['s2'] } })],
        pods: [pod('g-0', 1, staged('s2'))],
      },
      { releases: {}, waiting: {} },
    ],
    [
      'a suspended dataset activates nothing',
      { datasets: [compiledDataset({ suspend: true })], pods: [pod('g-0', 1, staged('s2'))] },
      { releases: {}, waiting: {} },
    ],
    [
      'immediate activation is none of our business',
      {
        datasets: [compiledDataset({ snapshot: { ...compiledDataset().snapshot, activation: 'Immediate' } })],
        pods: [pod('g-0', 1, staged('s2'))],
      },
      { releases: {}, waiting: {} },
    ],
  ])('%s', (_sentence, overrides, expected) => {
    expect(decide(overrides)).toEqual(expected);
  });

  test('of two that are staged the one on more replicas is released after the wait', () => {
    const pods = [pod('g-0', 1, staged('s2')), pod('g-1', 1, staged('s3')), pod('g-2', 1, staged('s3'))];
    expect(decide({ pods, waiting: { visits: 0 }, nowMs: releaseAfterMs }).releases).toEqual({ visits: 's3' });
  });
});
