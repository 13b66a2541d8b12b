import { describe, expect, test } from '@jest/globals';
import { type CompiledKey, sha256Hex } from '@offloader/contract';
import { endpointOf, liveOf } from '../../test/support/compiled.ts';
import { authenticate, isGranted, tokenOf } from './authorize.ts';

const key = (some: Partial<CompiledKey> = {}): CompiledKey => ({
  id: 'acme',
  tenant: 'acme',
  endpoints: ['events'],
  state: 'Active',
  expiresAt: null,
  hashes: [
    { sha256: sha256Hex('new'), notAfter: null },
    { sha256: sha256Hex('old'), notAfter: '2026-01-02T00:00:00Z' },
  ],
  limits: { requestsPerSecond: null, burst: null, requestsPerDay: null },
  ...some,
});
const ask = (headers: readonly string[], some: Partial<CompiledKey> = {}, now = '2026-01-01T00:00:00Z'): string => {
  const one = key(some);
  const live = liveOf([], { keys: new Map(one.hashes.map(({ sha256 }) => [sha256, one])) });
  const result = authenticate(live, headers, Date.parse(now));
  return result.ok ? result.value.id : result.error;
};

describe('a caller', () => {
  test.each([
    ['no header', [], 'missing'],
    ['the key', ['Bearer new'], 'acme'],
    ['a scheme in lower case', ['bearer new'], 'malformed'],
    ['another scheme', ['Basic bmV3'], 'malformed'],
    ['no token', ['Bearer '], 'malformed'],
    ['the scheme alone', ['Bearer'], 'malformed'],
    ['two headers, even of the same', ['Bearer new', 'Bearer new'], 'malformed'],
    ['an unknown token', ['Bearer other'], 'unknown'],
    ['the key with a blank', ['Bearer  new'], 'unknown'],
    ['a path', ['Bearer ../etc/passwd'], 'unknown'],
    ['text that is not ASCII', ['Bearer é'], 'unknown'],
    ['a long text', [`Bearer ${'a'.repeat(10_000)}`], 'unknown'],
  ])('with %s', (_what, headers, expected) => {
    expect(ask(headers)).toBe(expected);
  });

  test.each([
    ['is revoked', { state: 'Revoked' }, '2026-01-01T00:00:00Z', 'revoked'],
    ['is not yet expired', { expiresAt: '2026-01-01T00:00:01Z' }, '2026-01-01T00:00:00Z', 'acme'],
    ['expires at its moment', { expiresAt: '2026-01-01T00:00:00Z' }, '2026-01-01T00:00:00Z', 'expired'],
    ['expires at its moment, whatever the zone', { expiresAt: '2026-01-01T02:00:00+02:00' }, '2026-01-01T00:00:00Z', 'expired'],
  ] as const)('whose key %s', (_what, some, now, expected) => {
    expect(ask(['Bearer new'], some, now)).toBe(expected);
  });

  test('an old token works until its overlap ends', () => {
    expect([
      ask(['Bearer old'], {}, '2026-01-01T23:59:59Z'),
      ask(['Bearer old'], {}, '2026-01-02T00:00:00Z'),
      ask(['Bearer new'], {}, '2026-01-03T00:00:00Z'),
    ]).toEqual(['acme', 'expired', 'acme']);
  });

  test('a token is everything after the first blank', () => {
    expect(tokenOf(['Bearer a b'])).toEqual({ ok: true, value: 'a b' });
  });
});

describe('a grant', () => {
  const scoped = endpointOf({ tenant: { column: 'tenant_id' } });
  const open = endpointOf();
  test.each([
    ['its list', scoped, {}, true],
    ['another list', scoped, { endpoints: ['other'] }, false],
    ['everything', scoped, { endpoints: ['*'] }, true],
    ['everything and no tenant, for a tenant-scoped endpoint', scoped, { endpoints: ['*'], tenant: null }, false],
    ['its list and no tenant, for a tenant-scoped endpoint', scoped, { tenant: null }, false],
    ['everything and no tenant, for an open endpoint', open, { endpoints: ['*'], tenant: null }, true],
    ['a tenant, for an open endpoint', open, {}, true],
  ])('by %s', (_what, endpoint, some, expected) => {
    expect(isGranted(key(some), endpoint)).toBe(expected);
  });
});
