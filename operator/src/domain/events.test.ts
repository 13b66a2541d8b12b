import { describe, expect, test } from '@jest/globals';
import type { Condition } from '@offloader/contract';
import { eventsOf } from './events.ts';
import type { Statused } from './events.ts';

const condition = (type: string, status: Condition['status'], reason: string, message = ''): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-06-01T00:00:00Z',
});
const ready = (reason = 'Live'): Statused => ({ conditions: [condition('Ready', 'True', reason)] });
const waiting: Statused = { conditions: [condition('Ready', 'False', 'RollingOut'), condition('Reconciling', 'True', 'RollingOut')] };
const stalled = (message: string): Statused => ({
  conditions: [condition('Ready', 'False', 'UnknownDataset', message), condition('Stalled', 'True', 'UnknownDataset', message)],
});
const subject = { apiVersion: 'offloader.dev/v1alpha1', kind: 'Endpoint', metadata: { name: 'daily' } };

describe('events', () => {
  test.each<[string, Statused, Statused, readonly string[]]>([
    ['going live is none', {}, ready(), []],
    ['rolling an edit out is none', ready(), waiting, []],
    ['being refused is one', ready(), stalled('no such dataset'), ['Warning UnknownDataset']],
    ['being refused for the same again is none', stalled('no such dataset'), stalled('no such dataset'), []],
    ['being refused for something else is one', stalled('no such dataset'), stalled('no such column'), ['Warning UnknownDataset']],
    ['being well again is one', stalled('no such dataset'), ready(), ['Normal Live']],
    ['a revocation that is live everywhere is one', waiting, ready('Revoked'), ['Normal Revoked']],
    [
      'a source that is lost is one',
      { conditions: [condition('SourceReachable', 'True', 'Reachable')] },
      { conditions: [condition('SourceReachable', 'False', 'EnvironmentSourceUnreachable')] },
      ['Warning SourceReachableFalse'],
    ],
    [
      'another snapshot is one',
      { activeSnapshot: { id: 's1' } },
      { ...ready(), activeSnapshot: { id: 's2' } },
      ['Normal SnapshotActivated'],
    ],
    ['the same snapshot is none', { activeSnapshot: { id: 's1' } }, { ...ready(), activeSnapshot: { id: 's1' } }, []],
  ])('%s', (_sentence, before, after, expected) => {
    expect(eventsOf(subject, before, after).map(({ type, reason }) => `${type} ${reason}`)).toEqual(expected);
  });
});
