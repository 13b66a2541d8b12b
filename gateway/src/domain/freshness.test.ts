import { describe, expect, test } from '@jest/globals';
import { endpointOf, servingOf } from '../../test/support/compiled.ts';
import { freshnessOf, maxAgeSeconds } from './freshness.ts';

const at = (now: string, watermark: string | null, maxStaleness?: string) => {
  const endpoint = endpointOf(maxStaleness === undefined ? {} : { freshness: { maxStaleness } });
  const freshness = freshnessOf(endpoint, servingOf(endpoint, { watermark }), Date.parse(now));
  return { ...freshness, maxAge: maxAgeSeconds(freshness) };
};

describe('freshness', () => {
  test.each([
    ['an hour at most may be kept', '2026-01-01T00:00:00Z', '26h', { age_seconds: 0, max_staleness_minutes: 1560, stale: false, maxAge: 3600 }],
    ['less the older the data is', '2026-01-01T00:10:00Z', '30m', { age_seconds: 600, stale: false, maxAge: 1200 }],
    ['at its limit it is not yet stale', '2026-01-01T00:30:00Z', '30m', { age_seconds: 1800, stale: false, maxAge: 0 }],
    ['a second later it is', '2026-01-01T00:30:01Z', '30m', { age_seconds: 1801, stale: true, maxAge: 0 }],
    ['age counts whole seconds', '2026-01-01T00:00:01.999Z', '30m', { age_seconds: 1 }],
    ['a watermark of the future has a negative age', '2025-12-31T23:59:00Z', '30m', { age_seconds: -60, stale: false, maxAge: 1800 }],
    ['nothing declared is never stale', '2027-01-01T00:00:00Z', undefined, { max_staleness_minutes: null, stale: false, maxAge: 60 }],
  ])('%s', (_sentence, now, maxStaleness, expected) => {
    expect(at(now, '2026-01-01T00:00:00Z', maxStaleness)).toMatchObject(expected);
  });

  test('the watermark stands as the manifest has it; without one nothing is known', () => {
    expect(at('2026-01-01T00:00:00Z', '2026-01-01T01:00:00+01:00').watermark).toBe('2026-01-01T01:00:00+01:00');
    expect(at('2026-01-01T00:00:00Z', null, '30m')).toMatchObject({ watermark: null, age_seconds: null, stale: false, maxAge: 1800 });
  });
}); // prettier-ignore
