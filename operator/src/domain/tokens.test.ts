import { describe, expect, test } from '@jest/globals';
import { sha256Hex } from '@offloader/contract';
import type { Secret } from './kube-object.ts';
import { decideToken, hashesOf, tokenAnnotations } from './tokens.ts';
import type { TokenFacts, TokenHash } from './tokens.ts';

const nowMs = Date.parse('2026-06-01T00:00:00Z');
const previous: readonly TokenHash[] = [
  { sha256: 'b'.repeat(64), notAfter: '2026-06-01T00:30:00.000Z' },
  { sha256: 'c'.repeat(64), notAfter: '2026-05-31T00:00:00.000Z' },
];
const secret = (uid: string, rotation: string | null, annotations: Record<string, string> = {}): Secret => ({
  metadata: {
    name: 'token',
    annotations: { ...(rotation === null ? {} : { [tokenAnnotations.rotation]: rotation }), ...annotations },
    ownerReferences: [{ apiVersion: 'x', kind: 'ApiKey', name: 'acme', uid, controller: true }],
  },
  data: { token: Buffer.from('ofl_secret').toString('base64') },
});
const facts = (overrides: Partial<TokenFacts>): TokenFacts => ({
  key: { name: 'acme', uid: 'u1' },
  rotation: null,
  overlapMs: 3_600_000,
  secret: undefined,
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

  test('an annotation that somebody spoiled adds no hash', () => {
    for (const text of ['{', '[1]', '[{"sha256":"short","notAfter":"2026-06-01T00:00:00Z"}]', '[{"sha256":null}]']) {
      expect(hashesOf(secret('u1', null, { [tokenAnnotations.previous]: text }))).toEqual([
        { sha256: sha256Hex('ofl_secret'), notAfter: null },
      ]);
    }
    expect(hashesOf({ metadata: { name: 'token' } })).toEqual([]);
  });
});
