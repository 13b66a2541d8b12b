/** After every step of every suite: no object of the three kinds breaks a rule of kstatus, whoever made it. */
import { afterEach, expect } from '@jest/globals';
import { allNonconforming } from './conformance.ts';

afterEach(async () => {
  expect(await allNonconforming()).toEqual([]);
});
