// kill -9 of the loader at twenty points of a load, each of another dataset, while all of them are being asked. What is synced and
// renamed is the gateway's work: see kill-gateway.test.ts.
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { type Aftermath, createRig, lossesOf, type Rig } from './support/rig.ts';

const victims = Array.from({ length: 20 }, (_, n) => `victim-${String(n).padStart(2, '0')}`);
let rig: Rig;
let after: Aftermath | undefined;
const order = async (name: string, point: string): Promise<void> => writeFile(join(rig.folder, name), point);
const isTaken = async (name: string): Promise<boolean> =>
  access(join(rig.folder, name)).then(
    () => false,
    () => true,
  );

beforeAll(async () => {
  rig = await createRig([...victims, 'bystander']);
  await rig.fleet.configure();
  await rig.fleet.publish(1);
  await rig.start({
    FAULT_FOLDER: rig.folder,
    NODE_OPTIONS: `--import ${new URL('./support/kill-points.ts', import.meta.url).href}`,
  });
  await order('bystander', 'never');
  await rig.fleet.publish(2, ['bystander']);
  await until(() => rig.attempts('bystander').includes('a2 ok'));
  const points = (await readFile(join(rig.folder, 'trace'), 'utf8')).split('\n').filter((line) => line.startsWith('point'));
  expect(points.length).toBeGreaterThan(victims.length);
  for (const [at, name] of victims.entries()) await order(name, String(Math.floor((at * points.length) / victims.length)));
  await rig.fleet.publish(3);
  after = await rig.aftermath(() => 3);
}, 1_200_000);
afterAll(async () => rig.end());

test.each(victims)('survives kill -9 of the loader of %s, each at another point of its load', async (victim) => {
  expect([await isTaken(victim), rig.attempts(victim).includes('a3 failed')]).toEqual([true, true]);
  expect(lossesOf(after, { victims, victim })).toEqual([]);
});
