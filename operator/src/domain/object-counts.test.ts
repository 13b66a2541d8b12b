import { describe, expect, test } from '@jest/globals';
import type { Kind } from '@offloader/contract';
import type { CustomResource } from './kube-object.ts';
import { countObjects } from './object-counts.ts';

const object = (status: string, reason: string): CustomResource => ({
  metadata: { name: 'x' },
  status: { conditions: [{ type: 'Ready', status, reason, message: '', observedGeneration: 1, lastTransitionTime: '' }] },
});
const counted = (objects: Partial<Record<Kind, readonly CustomResource[]>>): readonly string[] =>
  countObjects((kind) => objects[kind] ?? []).map(({ kind, ready, reason, count }) => `${kind} ${ready} ${reason} ${String(count)}`);

describe('objects are counted', () => {
  test('by kind, Ready and reason', () => {
    const live = object('True', 'Live');
    expect(counted({ Dataset: [live, object('False', 'MissingFile'), live], ApiKey: [object('False', 'TokenSecretDamaged')] })).toEqual([
      'Dataset True Live 2',
      'Dataset False MissingFile 1',
      'ApiKey False TokenSecretDamaged 1',
    ]);
  });

  test('as unknown before their first status', () => {
    expect(counted({ Endpoint: [{ metadata: { name: 'x' } }, { metadata: { name: 'y' }, status: { observedGeneration: -1 } }] })).toEqual([
      'Endpoint Unknown None 2',
    ]);
  });

  test('under one name for all reasons that are not ours: what anybody writes makes no series', () => {
    expect(counted({ Dataset: [object('False', 'Mine'), object('False', 'Yours')] })).toEqual(['Dataset False Other 2']);
  });
});
