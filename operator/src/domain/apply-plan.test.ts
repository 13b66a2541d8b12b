import { describe, expect, test } from '@jest/globals';
import { encodeBundle, mounted, objectNames } from '@offloader/contract';
import type { Bundle } from '@offloader/contract';
import { applyPlan, bundleObjects } from './apply-plan.ts';
import type { Desired, Seen } from './apply-plan.ts';

const empty: Bundle = { revision: 'r', auth: 'required', datasets: [], endpoints: [], keys: [] };
const names = objectNames('offloader');
const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'offloader-gateway', uid: 'sts' };
const desired = bundleObjects({ release: 'offloader', encoded: encodeBundle(empty, {}, 1), owner });
const asSeen = (objects: readonly Desired[]): Seen => {
  const made = objects.map(({ kind, name, data, binaryData, labels }) => ({
    kind,
    metadata: { name, labels, ownerReferences: [owner] },
    data,
    binaryData,
  }));
  return { configMaps: made.filter(({ kind }) => kind === 'ConfigMap'), secrets: made.filter(({ kind }) => kind === 'Secret') };
};
const told = (seen: Seen) =>
  applyPlan(desired, seen, 'offloader').map((action) =>
    action.kind === 'apply' ? `apply ${action.desired.name}` : `delete ${action.name}`,
  );

describe('what to write', () => {
  test('an empty cluster gets everything, the index last', () => {
    expect(told({ configMaps: [], secrets: [] })).toEqual([
      `apply ${names.keys}`,
      `apply ${names.credentials}`,
      `apply ${names.part(0)}`,
      `apply ${names.index}`,
    ]);
  });

  test('a cluster that holds the same bytes gets nothing, whatever else stands in its objects', () => {
    const seen = asSeen(desired);
    expect(told(seen)).toEqual([]);
    const extra = seen.configMaps.map((one) => ({ ...one, data: { ...one.data, 'from-elsewhere': 'x' } }));
    expect(told({ ...seen, configMaps: extra })).toEqual([]);
  });

  test('a changed byte, a lost label and a lost owner are each mended, and only there', () => {
    const seen = asSeen(desired);
    const change = (name: string, overrides: object): Seen => ({
      ...seen,
      configMaps: seen.configMaps.map((one) => (one.metadata.name === name ? { ...one, ...overrides } : one)),
    });
    expect(told(change(names.index, { data: { [mounted.index]: '{}' } }))).toEqual([`apply ${names.index}`]);
    expect(told(change(names.part(0), { metadata: { name: names.part(0), labels: {}, ownerReferences: [owner] } }))).toEqual([
      `apply ${names.part(0)}`,
    ]);
    expect(told(change(names.part(0), { metadata: { name: names.part(0), labels: desired[0]?.labels } }))).toEqual([
      `apply ${names.part(0)}`,
    ]);
  });

  test('surplus parts go after the index; other objects of the release stay', () => {
    const seen = asSeen(desired);
    const more = [names.part(1), names.part(12), `${names.index}-notes`].map((name) => ({ metadata: { name } }));
    expect(told({ ...seen, configMaps: [...seen.configMaps, ...more] })).toEqual([`delete ${names.part(1)}`, `delete ${names.part(12)}`]);
  });
});
