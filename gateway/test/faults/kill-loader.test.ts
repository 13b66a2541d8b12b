// kill -9 of the loader at twenty points of a load, each of another dataset, while all of them are being asked.
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { startAsking } from './support/asking.ts';
import { createFleet, type Fleet } from './support/fleet.ts';
import { tellSurvived } from './support/survived.ts';
import { attemptsIn, left, orphansOn } from './support/volume.ts';

const victims = Array.from({ length: 20 }, (_, n) => `victim-${String(n).padStart(2, '0')}`);
let fleet: Fleet;
let faults: string;
let gateway: GatewayProcess;
const order = async (name: string, point: number): Promise<void> => writeFile(join(faults, name), String(point));
const isTaken = async (name: string): Promise<boolean> =>
  access(join(faults, name)).then(
    () => false,
    () => true,
  );

beforeAll(async () => {
  faults = await mkdtemp(join(tmpdir(), 'offloader-kills-'));
  fleet = await createFleet([...victims, 'bystander']);
  await fleet.configure();
  await fleet.publish(1);
  gateway = await startProcess([], {
    OFFLOADER_CONFIG: fleet.configDir,
    OFFLOADER_CACHE_DIR: fleet.cacheDir,
    FAULT_FOLDER: faults,
    NODE_OPTIONS: `--import ${new URL('./support/kill-points.ts', import.meta.url).href}`,
  });
}, 120_000);
afterAll(async () => {
  await gateway.end();
  await fleet.end();
  await rm(faults, { recursive: true, force: true });
});

test('a loader that is killed anywhere in a load costs that load alone, and the next one brings the snapshot', async () => {
  const asking = startAsking(() => gateway.apiPort, fleet.names);
  await order('bystander', Number.MAX_SAFE_INTEGER);
  await fleet.publish(2, ['bystander']);
  await until(() => attemptsIn(gateway.lines, 'bystander').includes('a2 ok'));
  const points = (await readFile(join(faults, 'trace'), 'utf8')).split('\n').filter((line) => line.startsWith('point'));
  expect(points.length).toBeGreaterThan(victims.length);
  for (const [at, name] of victims.entries()) await order(name, Math.floor((at * points.length) / victims.length));
  await fleet.publish(3);
  await until(() => fleet.names.every((name) => attemptsIn(gateway.lines, name).includes('a3 ok')));
  const { wrong, failed, right } = await asking.stop();
  expect(wrong).toEqual([]);
  expect([...failed]).toEqual([]);
  expect(right).toBeGreaterThan(fleet.names.length);
  const dead = await Promise.all(
    victims.map(async (name) => (await isTaken(name)) && attemptsIn(gateway.lines, name).some((attempt) => attempt === 'a3 failed')),
  );
  expect(dead).toEqual(victims.map(() => true));
  expect(await left(async () => orphansOn(fleet.cacheDir))).toEqual([]);
  tellSurvived(dead.length, victims.length, 'kill -9 of a loader during a load');
}, 600_000);
