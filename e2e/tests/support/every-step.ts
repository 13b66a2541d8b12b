/** After every step of every suite no object breaks a rule of kstatus, whoever made it; after every suite no secret was told. */
import { afterAll, afterEach, expect } from '@jest/globals';
import { allNonconforming } from './conformance.ts';
import { meetSecrets, secretsTold, type Secrets } from './secrets.ts';

const secrets: Secrets = new Map();

afterEach(async () => {
  expect(await allNonconforming()).toEqual([]);
  await meetSecrets(secrets);
});

afterAll(async () => {
  expect(secrets.size).toBeGreaterThan(0);
  expect(await secretsTold(secrets)).toEqual([]);
});
