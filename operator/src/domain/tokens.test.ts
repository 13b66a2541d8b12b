import { describe, expect, test } from '@jest/globals';
import { sha256Hex } from '@offloader/contract';
import type { Secret } from './kube-object.ts';
import { currentHashes, decideToken, hashesOf, tokenAnnotations } from './tokens.ts';
import type { TokenFacts, TokenHash } from './tokens.ts';

const nowMs = Date.parse('2026-06-01T00:00:00Z');
const previous: readonly TokenHash[] = [
  { sha256: 'b'.repeat(64), notAfter: '2026-06-01T00:30:00.000Z' },
  { sha256: 'c'.repeat(64), notAfter: '2026-05-31T00:00:00.000Z' },
];
const encoded = (token: string): string => Buffer.from(token).toString('base64');
const secret = (uid: string, rotation: string | null, annotations: Record<string, string> = {}): Secret => ({
  metadata: {
    name: 'token',
    annotations: { ...(rotation === null ? {} : { [tokenAnnotations.rotation]: rotation }), ...annotations },
    ownerReferences: [{ apiVersion: 'x', kind: 'ApiKey', name: 'acme', uid, controller: true }],
  },
  data: { token: encoded('ofl_secret') },
});
const facts = (overrides: Partial<TokenFacts>): TokenFacts => ({
  key: { name: 'acme', uid: 'u1' },
  rotation: null,
  overlapMs: 3_600_000,
  secret: undefined,
  former: [],
  handled: undefined,
  served: [],
  nowMs,
  ...overrides,
});
const served: readonly TokenHash[] = [{ sha256: 'a'.repeat(64), notAfter: null }];

describe('minting tokens', () => {
  test.each<[string, Partial<TokenFacts>, object]>([
    ['a new key gets its first token', {}, { kind: 'mint', rotation: null, previous: [] }],
    ['a new key with a rotation gets its first token for it', { rotation: 'q4' }, { kind: 'mint', rotation: 'q4', previous: [] }],
    ['a token that is there is kept', { secret: secret('u1', null), handled: null }, { kind: 'keep' }],
    ['a handled rotation is not repeated', { secret: secret('u1', 'q4'), rotation: 'q4', handled: 'q4' }, { kind: 'keep' }],
    ['taking the rotation away mints nothing', { secret: secret('u1', 'q4'), rotation: null, handled: 'q4' }, { kind: 'keep' }],
    ['a deleted Secret is not replaced unasked', { handled: 'q4', rotation: 'q4', served }, { kind: 'missing' }],
    ['nor when no rotation was ever named', { handled: null, served }, { kind: 'missing' }],
    [
      'a deleted Secret is replaced by a new rotation, and what works keeps working for the overlap',
      { handled: null, rotation: 'q4', served },
      { kind: 'mint', rotation: 'q4', previous: [{ sha256: 'a'.repeat(64), notAfter: '2026-06-01T01:00:00.000Z' }] },
    ],
    ['the Secret of an earlier object of that name is waited for', { secret: secret('u0', null) }, { kind: 'wait' }],
    ['a recreated object inherits nothing that the old one had', { served }, { kind: 'mint', rotation: null, previous: [] }],
  ])('%s', (_sentence, overrides, expected) => {
    expect(decideToken(facts(overrides))).toEqual(expected);
  });

  test('a rotation gives the present token an end and drops what has ended', () => {
    const annotations = { [tokenAnnotations.previous]: JSON.stringify(previous) };
    expect(decideToken(facts({ secret: secret('u1', 'q3', annotations), rotation: 'q4', handled: 'q3' }))).toEqual({
      kind: 'mint',
      rotation: 'q4',
      previous: [
        { sha256: sha256Hex('ofl_secret'), notAfter: '2026-06-01T01:00:00.000Z' },
        { sha256: 'b'.repeat(64), notAfter: '2026-06-01T00:30:00.000Z' },
      ],
    });
  });

  test('without an overlap the old token ends at once', () => {
    const decision = decideToken(facts({ secret: secret('u1', 'q3'), rotation: 'q4', handled: 'q3', overlapMs: 0 }));
    expect(decision).toEqual({ kind: 'mint', rotation: 'q4', previous: [] });
  });

  test('a rotation that status has seen handled is not asked for again by an annotation that was taken away', () => {
    const current = { sha256: sha256Hex('ofl_secret'), notAfter: null };
    const undecided = facts({ secret: secret('u1', null), rotation: 'q4', handled: 'q4', served: [current] });
    expect(decideToken(undecided)).toEqual({ kind: 'keep' });
  });

  test('an annotation that somebody spoiled adds no hash', () => {
    for (const text of ['{', '[1]', '[{"sha256":"short","notAfter":"2026-06-01T00:00:00Z"}]', '[{"sha256":null}]']) {
      expect(hashesOf(secret('u1', null, { [tokenAnnotations.previous]: text }))).toEqual([
        { sha256: sha256Hex('ofl_secret'), notAfter: null },
      ]);
    }
    expect(hashesOf({ metadata: { name: 'token' } })).toEqual([]);
  });
});

describe('a Secret that is not as it was written', () => {
  const minted = sha256Hex('ofl_secret');
  const working: readonly TokenHash[] = [{ sha256: minted, notAfter: null }, previous[0]!];
  const annotated = { [tokenAnnotations.hash]: minted, [tokenAnnotations.previous]: JSON.stringify([previous[0]]) };
  const holding = (data: Record<string, string>, annotations = annotated): Secret => ({ ...secret('u1', null, annotations), data });
  const none = {} as typeof annotated;

  test.each<[string, Partial<TokenFacts>, readonly TokenHash[]]>([
    ['without its token', { secret: holding({}), handled: null, served: working }, working],
    ['with an empty one', { secret: holding({ token: encoded(' ') }), handled: null, served: working }, working],
    ['with another token', { secret: holding({ token: encoded('mine') }), handled: null, served: working }, working],
    [
      'with another token and no annotations',
      { secret: holding({ token: encoded('mine') }, none), handled: null, served: working },
      working,
    ],
    ['emptied before any gateway had it', { secret: holding({}) }, working],
    ['put back from before a rotation', { secret: secret('u1', 'q3', annotated), rotation: 'q4', handled: 'q4', served }, served],
  ])('%s is damaged, and what works goes on', (_sentence, overrides, expected) => {
    expect(decideToken(facts(overrides))).toEqual({ kind: 'damaged', secret: 'token' });
    expect(currentHashes(facts(overrides))).toEqual(expected);
  });

  test.each<[string, Partial<TokenFacts>]>([
    ['a line end behind the token', { secret: holding({ token: encoded('ofl_secret\n') }), handled: null, served: working }],
    [
      'no annotation, where its token is the one that works',
      { secret: holding(secret('u1', null).data!, none), handled: null, served: working },
    ],
    ['a rotation that no gateway has yet', { secret: secret('u1', 'q4', annotated), rotation: 'q4', handled: 'q3', served }],
  ])('%s is no damage', (_sentence, overrides) => {
    expect(decideToken(facts(overrides))).toEqual({ kind: 'keep' });
    expect(currentHashes(facts(overrides))[0]).toEqual(working[0]);
  });

  test('a new rotation mends it, and what works keeps working for the overlap', () => {
    expect(decideToken(facts({ secret: holding({}), rotation: 'q4', handled: null, served }))).toEqual({
      kind: 'mint',
      rotation: 'q4',
      previous: [{ sha256: 'a'.repeat(64), notAfter: '2026-06-01T01:00:00.000Z' }],
    });
  });
});

describe('a Secret of another name', () => {
  const former = [secret('u1', 'q3')];
  const [from] = former;
  test.each<[string, Partial<TokenFacts>, object]>([
    ['takes the token over', { former, rotation: 'q3', handled: 'q3' }, { kind: 'move', from }],
    ['also when status has not heard of the first', { former, rotation: 'q3' }, { kind: 'move', from }],
    [
      'takes nothing over from one that was emptied',
      { former: [{ ...from!, data: {} }], handled: 'q3' },
      { kind: 'damaged', secret: 'token' },
    ],
    [
      'takes another token with a new rotation',
      { former, rotation: 'q4', handled: 'q3' },
      { kind: 'mint', rotation: 'q4', previous: [{ sha256: sha256Hex('ofl_secret'), notAfter: '2026-06-01T01:00:00.000Z' }] },
    ],
    [
      'lets the one before go when it holds the token',
      { secret: secret('u1', 'q3'), former, handled: 'q3' },
      { kind: 'tidy', surplus: former },
    ],
    [
      'keeps the one before while its own is damaged',
      { secret: { ...from!, data: {} }, former, handled: 'q3' },
      { kind: 'damaged', secret: 'token' },
    ],
    ['waits for that of another key', { secret: secret('u0', 'q3'), former, handled: 'q3' }, { kind: 'wait' }],
  ])('%s', (_sentence, overrides, expected) => {
    expect(decideToken(facts(overrides))).toEqual(expected);
  });
});
