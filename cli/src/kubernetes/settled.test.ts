import { expect, test } from '@jest/globals';
import type { Dataset, DatasetStatus } from '@offloader/contract';
import { progressOf } from './settled.ts';

const stalled = { type: 'Stalled', status: 'True', reason: 'RollbackRefused', message: 'no.', lastTransitionTime: '' } as const;
const dataset = (status: Partial<DatasetStatus> | undefined): Dataset => ({
  apiVersion: 'offloader.dev/v1alpha1',
  kind: 'Dataset',
  metadata: { name: 'd', generation: 4 },
  spec: { source: { manifest: { url: 's3://b/manifest.json' } }, schema: [{ name: 'a', type: 'DATE' }] },
  ...(status === undefined
    ? {}
    : { status: { observedGeneration: 4, gateways: { ready: 2, total: 2 }, activeSnapshot: { id: 's1' }, ...status } }),
});

test.each([
  ['no status yet is a reason to wait', undefined, {}, 'waiting'],
  ['a status of the generation before is a reason to wait', { observedGeneration: 3 }, {}, 'waiting'],
  ['a replica behind is a reason to wait', { gateways: { ready: 1, total: 2, behind: ['p-1'] } }, {}, 'waiting'],
  ['no replica at all is a reason to wait', { gateways: { ready: 0, total: 0 } }, {}, 'waiting'],
  ['another snapshot than the pinned one is a reason to wait', {}, { snapshot: { is: 's0' } }, 'waiting'],
  ['the blocked snapshot still active is a reason to wait', {}, { snapshot: { isNot: 's1' } }, 'waiting'],
  ['no active snapshot is no rollback', { activeSnapshot: undefined }, { snapshot: { isNot: 's1' } }, 'waiting'],
  ['a token not handled is a reason to wait', { handledRefresh: 'old' }, { refresh: 'new' }, 'waiting'],
  ['an edit that the operator refuses ends the wait', { conditions: [stalled] }, {}, 'refused'],
  ['every replica with the pinned snapshot is done', {}, { snapshot: { is: 's1' } }, 'done'],
  ['every replica with another than the blocked snapshot is done', {}, { snapshot: { isNot: 's0' } }, 'done'],
  ['a handled token is done', { handledRebuild: 'new' }, { rebuild: 'new' }, 'done'],
])('%s', (_sentence, status, wanted, kind) => {
  expect(progressOf(dataset(status as Partial<DatasetStatus> | undefined), wanted).kind).toBe(kind);
});

test('the replicas that have not acted on a token are named', () => {
  const status = { gateways: { ready: 2, total: 2, behind: [] }, pending: { refresh: ['g-0', 'g-1'], rebuild: ['g-1'] } };
  expect(progressOf(dataset(status), { refresh: 'new' }).line).toBe('2 of 2 gateways, but not refreshed yet: g-0, g-1');
  expect(progressOf(dataset(status), { rebuild: 'new' }).line).toBe('2 of 2 gateways, but not rebuilt yet: g-1');
});
