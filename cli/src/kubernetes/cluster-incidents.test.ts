import { describe, expect, test } from '@jest/globals';
import type { Condition, Incident, Report } from '@offloader/contract';
import { clusterIncidents, unheard } from './cluster-incidents.ts';
import type { ClusterFacts } from './cluster-incidents.ts';
import type { Pod } from './cluster.ts';

const pod = (name: string, isReady: boolean, waiting?: string): Pod => ({
  metadata: { name },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    ...(waiting === undefined ? {} : { containerStatuses: [{ state: { waiting: { reason: waiting } } }] }),
  },
});
const stale: Incident = {
  ...{ class: 'dataset_stale', dataset: 'd', owner: 'UpstreamData', since: null },
  ...{ evidence: ['26 h old'], action: '', runbook: '', escalate: '' },
};
const reporting = (...incidents: Incident[]) => ({ ok: true, value: { incidents } as unknown as Report }) as const;
const silent = { ok: false, error: { why: 'no answer', isSilent: true } } as const;
const unasked = { ok: false, error: { why: '403', isSilent: false } } as const;
const atMs = Date.parse('2026-01-02T00:00:00Z');
const running = (name: string, isReady: boolean, forSeconds = 3600): Pod => ({
  ...pod(name, isReady),
  status: {
    ...pod(name, isReady).status,
    containerStatuses: [{ restartCount: 3, state: { running: { startedAt: new Date(atMs - forSeconds * 1000).toISOString() } } }],
  },
});
const well: ClusterFacts = {
  atMs,
  gateways: [
    { pod: pod('g-0', true), report: reporting() },
    { pod: pod('g-1', true), report: reporting() },
  ],
  operators: [pod('o-0', true), pod('o-1', false)],
  resources: [{ object: 'Dataset/d', conditions: [], behind: [] }],
};
const stalled: Condition = {
  ...{ type: 'Stalled', status: 'True', reason: 'UnknownColumn', message: 'no column x' },
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

describe('what a cluster shows', () => {
  test('nothing, when all is well', () => {
    expect(clusterIncidents(well)).toEqual([]);
  });

  test.each<[string, Partial<ClusterFacts>, string]>([
    [
      'a pod that crashes and does not answer',
      { gateways: [{ pod: pod('g-0', false, 'CrashLoopBackOff'), report: silent }] },
      'gateway_does_not_start Environment',
    ],
    [
      'a pod that runs and does not answer, still ready',
      { gateways: [{ pod: running('g-0', true), report: silent }] },
      'replica_behind Environment',
    ],
    ['one that has just come to be ready', { gateways: [{ pod: running('g-0', true, 5), report: silent }] }, 'replica_behind Environment'],
    ['one that is not ready any more', { gateways: [{ pod: running('g-0', false), report: silent }] }, 'replica_behind Environment'],
    ['a pod between two crashes', { gateways: [{ pod: running('g-0', false, 5), report: silent }] }, 'gateway_does_not_start Environment'],
    ['no operator that is ready', { operators: [pod('o-0', false)] }, 'operator_down Environment'],
    ['no operator at all', { operators: [] }, 'operator_down Environment'],
    [
      'a resource that is refused',
      { resources: [{ object: 'Endpoint/e', conditions: [stalled], behind: [] }] },
      'config_rejected Environment',
    ],
    ['a replica that is behind', { resources: [{ object: 'Dataset/d', conditions: [], behind: ['g-1'] }] }, 'replica_behind Environment'],
  ])('%s', (_what, facts, expected) => {
    expect(clusterIncidents({ ...well, ...facts }).map((one) => `${one.class} ${one.owner}`)).toEqual([expected]);
  });

  test('an incident that two gateways tell is told once, with the evidence of both', () => {
    const other = { ...stale, evidence: ['27 h old'] };
    const gateways = [
      { pod: pod('g-0', true), report: reporting(stale) },
      { pod: pod('g-1', true), report: reporting(other) },
    ];
    expect(clusterIncidents({ ...well, gateways })).toEqual([{ ...stale, evidence: ['26 h old', '27 h old'] }]);
  });

  test('a pod that answers is no start failure, however unready', () => {
    const gateways = [{ pod: pod('g-0', false), report: reporting(stale) }];
    expect(clusterIncidents({ ...well, gateways }).map((one) => one.class)).toEqual(['dataset_stale']);
  });

  test('a pod that nobody was let ask is no incident, and is told as not heard', () => {
    const gateways = [
      { pod: running('g-0', true), report: unasked },
      { pod: running('g-1', true), report: silent },
    ];
    expect(clusterIncidents({ ...well, gateways }).map(({ evidence }) => evidence)).toEqual([['g-1 runs and does not answer: no answer']]);
    expect(unheard({ ...well, gateways })).toEqual(['g-0 was not heard: 403']);
  });
});
