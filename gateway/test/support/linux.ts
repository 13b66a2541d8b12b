// What only Linux has, for tests that need it. Elsewhere they are left out by name, and the reason is told; in CI that is a failure.
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mountTmpfs, unmount } from './mounts.ts';

/** Each says why it cannot be had on this machine. */
const needs = {
  proc: (): string | undefined => (process.platform === 'linux' ? undefined : 'only Linux has /proc'),
  mounts: (): string | undefined => {
    const folder = mkdtempSync(join(tmpdir(), 'offloader-mount-'));
    try {
      mountTmpfs(folder, 4096);
      unmount(folder);
      return undefined;
    } catch (error) {
      return `volumes are mounted on Linux and by root alone (${String(error).trim().split('\n').at(-1) ?? ''})`;
    } finally {
      rmdirSync(folder);
    }
  },
};

type Tests = { readonly test: typeof test.skip; readonly describe: typeof describe.skip };

/** `test` and `describe` for what needs this. */
export const requiring = (need: keyof typeof needs): Tests => {
  const reason = needs[need]();
  if (reason === undefined) return { test, describe };
  if (process.env['CI'] === 'true') throw new Error(reason);
  process.stderr.write(`left out in ${expect.getState().testPath ?? ''}: ${reason}\n`);
  return { test: test.skip, describe: describe.skip };
};
