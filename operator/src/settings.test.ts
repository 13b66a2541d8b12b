import { describe, expect, test } from '@jest/globals';
import { parseSettings } from './settings.ts';

const least = { POD_NAMESPACE: 'offloader', OFFLOADER_ADMIN_TOKEN: 'token' };

describe('settings', () => {
  test('the least that is needed gives the defaults', () => {
    expect(parseSettings(least, 'host')).toEqual({
      ok: true,
      value: {
        namespace: 'offloader',
        release: 'offloader',
        auth: 'required',
        adminToken: 'token',
        adminPort: 4001,
        httpPort: 8080,
        identity: 'host',
        leaseDurationMs: 15_000,
        leaseRenewDeadlineMs: 10_000,
        leaseRetryMs: 2000,
        volumeQuarantine: true,
        volumeQuarantineAutomatic: true,
        volumeQuarantineSettleMs: 5 * 60_000,
        volumeQuarantineIntervalMs: 6 * 60 * 60_000,
        logLevel: 'info',
      },
    });
  });

  test.each([
    ['no namespace', { POD_NAMESPACE: '' }, 'OFFLOADER_NAMESPACE'],
    ['no admin token', { OFFLOADER_ADMIN_TOKEN: '' }, 'OFFLOADER_ADMIN_TOKEN'],
    ['an unknown auth mode', { OFFLOADER_AUTH: 'maybe' }, 'OFFLOADER_AUTH'],
    ['a port that is none', { OFFLOADER_HTTP_PORT: 'x' }, 'OFFLOADER_HTTP_PORT'],
    ['a duration that is none', { OFFLOADER_LEASE_DURATION: '-5s' }, 'OFFLOADER_LEASE_DURATION'],
    ['a switch that is neither', { OFFLOADER_VOLUME_QUARANTINE: 'yes' }, 'OFFLOADER_VOLUME_QUARANTINE'],
    ['a deadline beyond the lease', { OFFLOADER_LEASE_RENEW_DEADLINE: '20s' }, 'OFFLOADER_LEASE_RENEW_DEADLINE'],
  ])('%s is refused with the name of the variable and no value', (_sentence, env, name) => {
    const parsed = parseSettings({ ...least, ...env }, 'host');
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? [] : parsed.error).toEqual([expect.stringContaining(name)]);
  });
});
