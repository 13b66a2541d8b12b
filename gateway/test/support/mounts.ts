// Small volumes of a test's own: Linux and root alone have them.
import { execFileSync } from 'node:child_process';

export const mountTmpfs = (folder: string, bytes: number): void =>
  void execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${Math.round(bytes)}`, 'tmpfs', folder], { stdio: 'pipe' });
/** Throws when the volume is busy in a way that the option does not allow. */
export const remount = (folder: string, option: string): void =>
  void execFileSync('mount', ['-o', `remount,${option}`, folder], { stdio: 'pipe' });
/** Also while files on it are open. */
export const unmount = (folder: string): void => void execFileSync('umount', ['--lazy', folder]);
