import { describe, expect, test } from '@jest/globals';
import type { Dataset } from '@offloader/contract';
import { block, pin, rollback, unpin } from './rollback-edits.ts';

type Snapshot = NonNullable<Dataset['spec']['snapshot']>;
const dataset = (snapshot: Snapshot, kept: string[] = ['s1']): Dataset => ({
  apiVersion: 'offloader.dev/v1alpha1',
  kind: 'Dataset',
  metadata: { name: 'd' },
  spec: { source: { manifest: { url: 's3://b/m.json' } }, schema: [{ name: 'a', type: 'DATE' }], snapshot },
  status: { observedGeneration: 1, activeSnapshot: { id: 's2' }, kept },
});

describe('a rollback', () => {
  test('blocks the active snapshot beside those that are blocked already', () => {
    expect(rollback(dataset({ blocked: ['s0'] }))).toMatchObject({
      ok: true,
      value: { patch: { spec: { snapshot: { blocked: ['s0', 's2'] } } }, wanted: { snapshot: { isNot: 's2' } } },
    });
  });
  test('is refused when nothing else is kept, or only what is blocked', () => {
    expect(rollback(dataset({}, [])).ok).toBe(false);
    expect(rollback(dataset({ blocked: ['s1'] })).ok).toBe(false);
  });
  test('is refused while the active snapshot is pinned', () => {
    expect(rollback(dataset({ pin: 's2' })).ok).toBe(false);
  });
});

test('a snapshot that does not serve can be blocked whatever is kept', () => {
  expect(block('s3')(dataset({}, []))).toMatchObject({ ok: true });
});

test('a pin waits for exactly that snapshot, and a blocked one cannot be pinned', () => {
  expect(pin('s1')(dataset({}))).toMatchObject({ ok: true, value: { wanted: { snapshot: { is: 's1' } } } });
  expect(pin('s1')(dataset({ blocked: ['s1'] })).ok).toBe(false);
  expect(pin('no id')(dataset({})).ok).toBe(false);
});

test('only what is pinned can be unpinned', () => {
  expect(unpin(dataset({ pin: 's2' }))).toMatchObject({ ok: true, value: { patch: { spec: { snapshot: { pin: null } } } } });
  expect(unpin(dataset({})).ok).toBe(false);
});
