// What only Linux has, for tests that need it. Elsewhere they are left out by name, and the reason is told; in CI that is a failure.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

export const mountTmpfs = (folder: string, bytes: number): void =>
  void execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${Math.round(bytes)}`, 'tmpfs', folder], { stdio: 'pipe' });
/** Throws when the volume is busy in a way that the option does not allow. */
export const remount = (folder: string, option: string): void =>
  void execFileSync('mount', ['-o', `remount,${option}`, folder], { stdio: 'pipe' });
/** Also while files on it are open. */
export const unmount = (folder: string): void => void execFileSync('umount', ['--lazy', folder]);

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
