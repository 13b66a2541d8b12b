// Tests that only Linux can run: they look into /proc. Elsewhere they are left out by name, and the reason is told; in CI that is a failure.
import { expect, test } from '@jest/globals';

const whyNot = process.platform === 'linux' ? undefined : 'it looks into /proc, which Linux alone has';

/** `possible` or, with a reason against it, `leftOut`. */
const unless = <T>(reason: string | undefined, possible: T, leftOut: T): T => {
  if (reason === undefined) return possible;
  if (process.env['CI'] === 'true') throw new Error(`this test cannot run here: ${reason}`);
  process.stderr.write(`left out in ${expect.getState().testPath ?? ''}: ${reason}\n`);
  return leftOut;
};

export const testWithProc: typeof test.skip = unless(whyNot, test, test.skip);
