import { describe, expect, test } from '@jest/globals';
import type { Bundle } from '@offloader/contract';
import { active, compiledDataset, compiledEndpoint, compiledKey, pod, row } from '../../test/support/facts.ts';
import { dueNudge, nudgeValue } from './nudges.ts';
import type { Nudge } from './nudges.ts';
import { place, restorePlacement } from './placement.ts';
import { podStates } from './pod-state.ts';
import { isUnsettled, pollDelayMs, touchedBy } from './rollout.ts';

const bundle = (overrides: Partial<Bundle> = {}): Bundle => ({
  revision: 'r1',
  auth: 'required',
  datasets: [compiledDataset()],
  endpoints: [compiledEndpoint()],
  keys: [compiledKey()],
  ...overrides,
});

describe('which write carried an object', () => {
  test('an unchanged object stays where it was, a changed one goes in with this write', () => {
    const first = place(bundle(), 1, new Map());
    const second = place(bundle({ revision: 'r2', keys: [compiledKey({ state: 'Revoked' })] }), 2, first);
    expect([...second].map(([key, { sequence, revision }]) => `${key} ${String(sequence)} ${revision}`)).toEqual([
      'Dataset/visits 1 r1',
      'Endpoint/daily 1 r1',
      'ApiKey/acme 2 r2',
    ]);
  });

  test('a release, a forced refresh and what endpoints add do not move a dataset', () => {
    const { snapshot } = compiledDataset();
    const moved = compiledDataset({
      snapshot: { ...snapshot, release: 's2' },
      refreshToken: 'x',
      maxStalenessMs: 1,
      filterColumns: ['day'],
      modes: [],
    });
    expect(place(bundle({ datasets: [moved] }), 2, place(bundle(), 1, new Map())).get('Dataset/visits')?.sequence).toBe(1);
    const pinned = compiledDataset({ snapshot: { ...snapshot, pin: 's1' } });
    expect(place(bundle({ datasets: [pinned] }), 2, place(bundle(), 1, new Map())).get('Dataset/visits')?.sequence).toBe(2);
  });

  test('what is read back says so', () => {
    expect(restorePlacement(bundle(), 7).get('Dataset/visits')).toMatchObject({ sequence: 7, restored: true });
  });
});

describe('what a report changes', () => {
  const placement = place(bundle({ keys: [compiledKey({ state: 'Revoked' })] }), 2, place(bundle(), 1, new Map()));
  const touched = (before: ReturnType<typeof pod>[], after: ReturnType<typeof pod>[]) => {
    const keys = touchedBy({ bundle: bundle(), placement, before, after });
    return keys === 'all' ? 'all' : [...keys].toSorted();
  };
  test.each([
    [
      'nothing, when nothing moved but the age',
      [pod('g-0', 2)],
      [pod('g-0', 2, [row({ active_snapshot: { ...active('s1')!, age_seconds: 99 } })])],
      [],
    ],
    ['only what went in between, when a pod catches up', [pod('g-0', 1)], [pod('g-0', 2)], ['ApiKey/acme']],
    [
      'the dataset and its endpoints, when a snapshot switches',
      [pod('g-0', 2)],
      [pod('g-0', 2, [row({ active_snapshot: active('s2') })])],
      ['Dataset/visits', 'Endpoint/daily'],
    ],
    ['the key, when it was used', [pod('g-0', 2)], [pod('g-0', 2, [row()], [{ id: 'acme', last_used_at: 'now' }])], ['ApiKey/acme']],
    ['everything it served, when a pod falls silent', [pod('g-0', 2)], [pod('g-0')], ['ApiKey/acme', 'Dataset/visits', 'Endpoint/daily']],
    ['everything, when a pod comes', [pod('g-0', 2)], [pod('g-0', 2), pod('g-1')], 'all'],
  ])('%s', (_sentence, before, after, expected) => {
    expect(touched(before, after)).toEqual(expected);
  });
});

describe('when to ask again', () => {
  const { snapshot } = compiledDataset();
  test.each([
    ['all serve the newest', compiledDataset(), pod('g-0', 2), false],
    ['one is behind', compiledDataset(), pod('g-0', 1), true],
    ['a silent pod is no reason to hurry', compiledDataset(), pod('g-0'), false],
    ['a snapshot is staged', compiledDataset(), pod('g-0', 2, [row({ staged: 's2' })]), true],
    ['a pin is not obeyed yet', compiledDataset({ snapshot: { ...snapshot, pin: 's0' } }), pod('g-0', 2), true],
    [
      'a pin that was refused',
      compiledDataset({ snapshot: { ...snapshot, pin: 's0' } }),
      pod('g-0', 2, [row({ rollback_refused: 'no' })]),
      false,
    ],
    ['a rebuild is under way', compiledDataset({ rebuildToken: 'b' }), pod('g-0', 2), true],
    ['an old rebuild of a dataset that asks for none', compiledDataset(), pod('g-0', 2, [row({ rebuilt: 'b' })]), false],
    ['the first snapshot is loading', compiledDataset(), pod('g-0', 2, [row({ active_snapshot: null })]), true],
  ])('%s', (_sentence, dataset, state, expected) => {
    expect(isUnsettled(bundle({ datasets: [dataset] }), 2, [state])).toBe(expected);
  });

  test('what never settles costs no hot loop', () => {
    expect([null, 0, 9_999, 10_000, 119_999, 120_000].map((ms) => pollDelayMs(ms, 1))).toEqual([2000, 200, 200, 1000, 1000, 2000]);
  });
});

describe('nudging pods', () => {
  const written = { sequence: 3, here: true };
  const at = (nextMs: number, attempt = 0): Nudge => ({ sequence: 3, attempt, nextMs });
  test.each<[string, ReturnType<typeof pod>, { sequence: number; here: boolean }, Nudge | undefined, number, Nudge | undefined]>([
    ['one that is behind is nudged at once', pod('g-0', 2), written, undefined, 0, at(1000)],
    ['not twice within a second', pod('g-0', 2), written, at(1000), 999, undefined],
    ['again after that, and then less often', pod('g-0', 2), written, at(1000), 1000, at(3000, 1)],
    ['every ten seconds in the end', pod('g-0', 2), written, at(50_000, 9), 50_000, at(60_000, 10)],
    ['for the next write at once', pod('g-0', 2), written, { ...at(50_000, 9), sequence: 2 }, 10, at(1010)],
    ['one that has it is left alone', pod('g-0', 3), written, undefined, 0, undefined],
    ['a silent one is nudged once for a write', pod('g-0'), written, undefined, 0, at(1000)],
    ['and not again', pod('g-0'), written, at(1000), 5000, undefined],
    ['nor for a write from before a restart', pod('g-0'), { ...written, here: false }, undefined, 0, undefined],
  ])('%s', (...[, state, what, last, nowMs, expected]) => {
    expect(dueNudge(state, what, last, nowMs)).toEqual(expected);
  });

  test('every nudge has a value of its own', () => {
    expect(
      new Set([
        nudgeValue('r'.repeat(64), at(0)),
        nudgeValue('r'.repeat(64), at(0, 1)),
        nudgeValue('r'.repeat(64), { ...at(0), sequence: 4 }),
      ]).size,
    ).toBe(3);
  });
});

describe('the pods that count', () => {
  const made = (name: string, extra: object = {}, phase = 'Running') => ({
    metadata: { name, uid: `uid-${name}`, ...extra },
    status: { podIP: '10.0.0.1', phase },
  });
  const states = (pods: Parameters<typeof podStates>[0]['pods'], facts: Partial<Parameters<typeof podStates>[0]> = {}) =>
    podStates({ pods, expected: [], heard: new Map(), silent: new Map(), nowMs: 0, ...facts });

  test('are those that have not ended and those that should be there, and ten comes after nine', () => {
    const pods = [made('g-10'), made('g-9'), made('g-1', { deletionTimestamp: 'now' }), made('g-2', {}, 'Failed')];
    const silent = new Map([
      ['g-9', 'answered 401: its admin token is another'],
      ['g-10', 'answered 503'],
    ]);
    expect(states(pods, { expected: ['g-0', 'g-1', 'g-2'], silent }).map(({ name, why }) => `${name} ${why ?? ''}`)).toEqual([
      'g-0 is not there',
      'g-1 is ending and gives no report',
      'g-2 is not there',
      'g-9 answered 401: its admin token is another',
      'g-10 gives no report',
    ]);
  });

  test('one that is ending still serves what it reports', () => {
    const heard = new Map([['g-0', { uid: 'uid-g-0', report: pod('g-0', 4).report!, atMs: 0 }]]);
    expect(states([made('g-0', { deletionTimestamp: 'now' })], { heard })[0]).toMatchObject({ sequence: 4, ending: true, why: null });
  });

  test('a report outlives one lost answer, but neither the grace nor its pod', () => {
    const { report } = pod('g-0', 4);
    const heard = new Map([['g-0', { uid: 'uid-g-0', report: report!, atMs: 0 }]]);
    expect(states([made('g-0')], { heard, nowMs: 5000 })[0]?.sequence).toBe(4);
    expect(states([made('g-0')], { heard, nowMs: 9000 })[0]).toMatchObject({ report: null, sequence: 0 });
    expect(states([made('g-0', { uid: 'another' })], { heard })[0]?.report).toBeNull();
  });
});
