import { describe, expect, test } from '@jest/globals';
import { offloader } from './run-offloader.ts';

describe('exit codes', () => {
  test.each([
    ['no argument prints the usage', [], 0],
    ['help prints the usage', ['help'], 0],
    ['-h prints the usage', ['-h'], 0],
    ['--help prints the usage', ['--help'], 0],
  ])('%s on stdout', async (_sentence, args, code) => {
    const ran = await offloader(args);
    expect(ran).toMatchObject({ code, err: '' });
    expect(ran.out).toContain('Usage: offloader');
  });

  test.each([
    ['an unknown command', ['nope']],
    ['a group without its sub-command', ['manifest']],
    ['a sub-command without its argument', ['manifest', 'validate']],
    ['an endpoint test without an endpoint', ['endpoint', 'test', '--url', 'http://127.0.0.1:4000']],
    ['a snapshot status without a URL', ['snapshot', 'status']],
    ['an unknown option', ['validate', '--config', 'examples', '--nope']],
    ['an option value that is none of the choices', ['publish', 'x', '--dataset', 'd', '--quality', 'superb']],
    ['a list with an empty item', ['keys', 'create', '--name', 'k', '--endpoints', 'a,,b']],
  ])('%s is 2 with the usage on stderr', async (_sentence, args) => {
    const ran = await offloader(args);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain('Usage: offloader');
  });

  test('version, --version and -v print the same', async () => {
    const runs = await Promise.all(['version', '--version', '-v'].map((word) => offloader([word])));
    expect(new Set(runs.map(({ out }) => out)).size).toBe(1);
    expect(runs[0]).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe('a gateway that is not there', () => {
  test.each([
    ['triage', ['triage', '--admin-url', 'http://127.0.0.1:9']],
    ['snapshot status', ['snapshot', 'status', '--admin-url', 'http://127.0.0.1:9']],
    ['endpoint test', ['endpoint', 'test', '--url', 'http://127.0.0.1:9', '--endpoint', 'x']],
    ['doctor', ['doctor', '--admin-url', 'http://127.0.0.1:9']],
  ])('%s ends with 1 and shows no token', async (_sentence, args) => {
    const ran = await offloader(args, { env: { OFFLOADER_ADMIN_TOKEN: 'canary-token', OFFLOADER_KEY: 'canary-token' } });
    expect(ran.code).toBe(1);
    expect(ran.out + ran.err).not.toContain('canary-token');
  });
});

test('keys create prints a token once and the ApiKey with its hash', async () => {
  const ran = await offloader(['keys', 'create', '--name', 'acme', '--tenant', 'acme', '--endpoints', 'a,b']);
  expect(ran.code).toBe(0);
  const token = /ofl_[A-Za-z0-9_-]+/.exec(ran.out)?.[0] ?? '';
  const { createHash } = await import('node:crypto');
  expect(ran.out).toContain(`hash: ${createHash('sha256').update(token).digest('hex')}`);
  expect(ran.out.split(token)).toHaveLength(2);
});
