import { describe, expect, test } from '@jest/globals';
import type { VolumeRecord, VolumeRecords } from '@offloader/contract';
import { begun, decideQuarantine, refused } from './quarantine.ts';
import type { Act, QuarantineFacts } from './quarantine.ts';
import type { Replica } from './replica.ts';

const nowMs = Date.UTC(2026, 5, 1, 12);
const replica = (n: number, overrides: Partial<Replica> = {}): Replica => ({
  pod: `g-${n}`,
  podUid: `pod-${n}`,
  podEnding: false,
  claim: { name: `cache-g-${n}`, uid: `claim-${n}`, volume: `pv-${n}`, ending: false },
  asked: null,
  serves: true,
  mayServe: true,
  volumeFailed: null,
  ...overrides,
});
const rules = { enabled: true, automatic: true, settleMs: 0, intervalMs: 6 * 60 * 60_000 };
const facts = (replicas: readonly Replica[], overrides: Partial<QuarantineFacts> = {}): QuarantineFacts => ({
  ...{ replicas, records: {}, rules, nowMs },
  ...overrides,
});
const down = { serves: false, mayServe: false };
const acts = (of: QuarantineFacts): string | null => {
  const { act } = decideQuarantine(of);
  return act === null ? null : `${act.kind} ${act.replica.pod}`;
};
const requestOf = (of: QuarantineFacts, pod: string) => decideQuarantine(of).records[pod]?.request;

/** The records once the only thing to do has been done. */
const afterBegin = (of: QuarantineFacts): VolumeRecords => {
  const act = decideQuarantine(of).act as Extract<Act, { kind: 'begin' }>;
  return { [act.replica.pod]: begun(of, act) };
};

describe('a volume is replaced', () => {
  const asked = facts([replica(0, { asked: 't1' }), replica(1)]);
  const records = afterBegin(asked);

  test('when an annotation asks for it and another replica serves', () => {
    expect(decideQuarantine(asked).act).toMatchObject({ kind: 'begin', token: 't1', cause: 'asked', replica: { pod: 'g-0' } });
    expect(records['g-0']).toMatchObject({
      handled: ['t1'],
      request: { phase: 'replacing', volume: 'pv-0', claimUid: 'claim-0', podUid: 'pod-0' },
    });
  });

  test('unasked, when the gateway says that it has failed', () => {
    const failed = facts([replica(0), replica(1, { volumeFailed: 'unwritable' })]);
    expect(decideQuarantine(failed).act).toMatchObject({ kind: 'begin', token: 'automatic-pod-1', cause: 'failed' });
    expect(afterBegin(failed)['g-1']?.automaticAt).toBe('2026-06-01T12:00:00Z');
  });

  test.each<[string, Partial<Replica>, string | null]>([
    ['the claim goes first', { asked: 't1' }, 'remove_claim g-0'],
    ['then the pod', { claim: { name: 'c', uid: 'claim-0', volume: 'pv-0', ending: true } }, 'evict g-0'],
    ['the pod too when the claim is gone already', { claim: null }, 'evict g-0'],
    ['nothing while the pod ends', { claim: null, podEnding: true, ...down }, null],
    ['nothing until the new pod is there', { claim: { name: 'c', uid: 'new', volume: null, ending: false }, podUid: null, ...down }, null],
    ['nothing until it serves', { claim: { name: 'c', uid: 'new', volume: 'pv-9', ending: false }, podUid: 'new', ...down }, null],
  ])('step by step: %s', (_sentence, is, expected) => {
    expect(acts(facts([replica(0, is), replica(1)], { records }))).toBe(expected);
  });

  test('and done when the new pod serves from a new claim; the record names the volume that is kept', () => {
    const back = { claim: { name: 'c', uid: 'new', volume: 'pv-9', ending: false }, podUid: 'new' };
    const done = requestOf(facts([replica(0, back), replica(1)], { records }), 'g-0');
    expect(done).toMatchObject({ phase: 'replaced', volume: 'pv-0', message: expect.stringContaining('pv-0') });
  });
});

describe('a volume is not replaced', () => {
  const both = [replica(0, { asked: 't1' }), replica(1, { asked: 't1' }), replica(2)];

  test('while another one is: one replica at a time', () => {
    const records = afterBegin(facts(both));
    const busy = facts([replica(0, { podUid: 'new', claim: null, ...down }), ...both.slice(1)], { records });
    expect(acts(busy)).toBeNull();
    expect(requestOf(busy, 'g-1')).toMatchObject({ phase: 'waiting', message: expect.stringContaining('one replica at a time') });
  });

  test.each<[string, readonly Replica[]]>([
    ['it is the only replica', [replica(0, { asked: 't1' })]],
    ['the others do not serve', [replica(0, { asked: 't1' }), replica(1, down), replica(2, { serves: false })]],
    ['it cannot be reached from here but by clients', [replica(0, { asked: 't1', serves: false }), replica(1, down)]],
    ['its failed volume still serves, alone', [replica(0, { volumeFailed: 'unwritable' }), replica(1, down)]],
  ])('when it is the last one that serves: %s', (_sentence, replicas) => {
    expect(acts(facts(replicas))).toBeNull();
    expect(requestOf(facts(replicas), 'g-0')).toMatchObject({
      phase: 'waiting',
      message: expect.stringContaining('only replica that serves'),
    });
  });

  test('when the other one stopped serving after the claim was removed: the pod stays', () => {
    const records = afterBegin(facts([replica(0, { asked: 't1' }), replica(1)]));
    const claim = { name: 'c', uid: 'claim-0', volume: 'pv-0', ending: true };
    expect(acts(facts([replica(0, { claim }), replica(1, down)], { records }))).toBeNull();
  });

  test('and holds up nobody else once it has been refused in this turn', () => {
    expect(acts(facts(both))).toBe('begin g-0');
    expect(acts(facts(both, { refused: new Set(['g-0']) }))).toBe('begin g-1');
    expect(acts(facts(both, { refused: new Set(['g-0', 'g-1']) }))).toBeNull();
  });

  test('twice for one token, by whatever object the token comes again', () => {
    const handled: VolumeRecord = { request: null, handled: ['t2', 't1'], automaticAt: null };
    expect(acts(facts([replica(0, { asked: 't1' }), replica(1)], { records: { 'g-0': handled } }))).toBeNull();
    expect(acts(facts([replica(0, { asked: 't3' }), replica(1)], { records: { 'g-0': handled } }))).toBe('begin g-0');
  });

  test('unasked when the last time was less than the interval ago', () => {
    const failed = [replica(0, { volumeFailed: 'unreadable', podUid: 'new' }), replica(1)];
    const at = (hours: number) => ({
      records: { 'g-0': { request: null, handled: [], automaticAt: new Date(nowMs - hours * 3_600_000).toISOString() } },
    });
    expect(acts(facts(failed, at(5)))).toBeNull();
    expect(requestOf(facts(failed, at(5)), 'g-0')).toMatchObject({ phase: 'waiting', message: expect.stringContaining('again') });
    expect(acts(facts(failed, at(7)))).toBe('begin g-0');
  });

  test('unasked before it has failed for the time that storage is given to recover', () => {
    const settling = { rules: { ...rules, settleMs: 300_000 } };
    const failed = [replica(0), replica(1, { volumeFailed: 'unwritable' })];
    const first = facts(failed, settling);
    expect(acts(first)).toBeNull();
    const { records } = decideQuarantine(first);
    expect(records['g-1']?.request).toMatchObject({ phase: 'waiting', message: expect.stringContaining('before 2026-06-01T12:05:00Z') });
    const later = (ms: number, replicas = failed): QuarantineFacts => facts(replicas, { ...settling, records, nowMs: nowMs + ms });
    expect(decideQuarantine(later(299_000))).toEqual({ records, act: null });
    expect(acts(later(300_000))).toBe('begin g-1');
    // It recovered: the next failure waits anew.
    const recovered = decideQuarantine(later(10_000, [replica(0), replica(1)])).records;
    expect(recovered['g-1']?.request).toBeNull();
    expect(acts(facts(failed, { ...settling, records: recovered, nowMs: nowMs + 400_000 }))).toBeNull();
  });

  test('when it has no volume yet', () => {
    expect(acts(facts([replica(0, { asked: 't1', claim: null }), replica(1)]))).toBeNull();
  });
});

describe('a refusal', () => {
  test('of an operator that may not touch volumes says what to do by hand', () => {
    const off = facts([replica(0, { asked: 't1' }), replica(1)], { rules: { ...rules, enabled: false } });
    expect(acts(off)).toBeNull();
    expect(requestOf(off, 'g-0')?.message).toMatch(
      /kubectl patch pv pv-0 .*Retain.*quarantined-from=g-0.*delete pvc cache-g-0.*delete pod g-0/,
    );
    expect(requestOf(off, 'g-0')?.phase).toBe('refused');
  });

  test('of an operator that replaces nothing unasked names the command', () => {
    const manual = facts([replica(0, { volumeFailed: 'vanished' }), replica(1)], { rules: { ...rules, automatic: false } });
    expect(acts(manual)).toBeNull();
    expect(requestOf(manual, 'g-0')?.message).toContain('kubectl offloader quarantine-volume g-0');
  });

  test('by the API server is remembered, and nothing counts as done', () => {
    const asked = facts([replica(0, { asked: 't1' }), replica(1)]);
    const record = refused(asked, decideQuarantine(asked).act as Extract<Act, { kind: 'begin' }>, 'forbidden');
    expect(record).toMatchObject({ handled: [], request: { phase: 'refused', message: 'forbidden' } });
    expect(acts({ ...asked, records: { 'g-0': record } })).toBe('begin g-0');
  });

  test('goes when the annotation does, and stands with its time until then', () => {
    const off = facts([replica(0, { asked: 't1' }), replica(1)], { rules: { ...rules, enabled: false } });
    const { records } = decideQuarantine(off);
    expect(decideQuarantine({ ...off, records, nowMs: nowMs + 60_000 }).records).toEqual(records);
    expect(requestOf(facts([replica(0), replica(1)], { records }), 'g-0')).toBeNull();
  });
});

test('a replica that does not serve is replaced even when nobody serves: it takes nothing away', () => {
  expect(acts(facts([replica(0, { asked: 't1', ...down }), replica(1, down)]))).toBe('begin g-0');
});
