// A cache volume that fills up at twenty points of a load: a tmpfs whose size is what is used and a little more each time.
import { mkdir, readdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { mountTmpfs, remount, requiring, unmount } from '../support/linux.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { startAsking } from './support/asking.ts';
import { createFleet, type Fleet } from './support/fleet.ts';
import { tellSurvived } from './support/survived.ts';
import { attemptsIn, left, orphansOn } from './support/volume.ts';

const { test } = requiring('mounts');
const sizes = 20;
const roomy = 256 * 2 ** 20;

/** A gateway on a volume of its own: most of a round is waiting, so that several go side by side. */
type Rig = { readonly fleet: Fleet; readonly gateway: GatewayProcess };
const rigs: Rig[] = [];

const resize = ({ fleet }: Rig, bytes: number): void => remount(fleet.cacheDir, `size=${Math.round(bytes)}`);
const usedBytes = async (cacheDir: string): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(cacheDir);
  return (blocks - bfree) * bsize;
};
const attempts = ({ gateway }: Rig): readonly string[] => attemptsIn(gateway.lines, 'one');
const isTried = (rig: Rig, n: number): boolean => attempts(rig).some((attempt) => attempt.startsWith(`a${n} `));

const startRig = async (): Promise<Rig> => {
  const fleet = await createFleet(['one', 'other'], 100_000);
  mountTmpfs(fleet.cacheDir, roomy);
  await fleet.configure();
  await fleet.publish(1);
  const gateway = await startProcess([], { OFFLOADER_CONFIG: fleet.configDir, OFFLOADER_CACHE_DIR: fleet.cacheDir });
  return { fleet, gateway };
};

beforeAll(async () => {
  rigs.push(...(await Promise.all([startRig(), startRig()])));
});
afterAll(async () => {
  for (const { fleet, gateway } of rigs) {
    // Whatever failed, no mount stays behind.
    unmount(fleet.cacheDir);
    await gateway.end();
    await fleet.end();
  }
});

/** The most that a load was seen to take while it runs; it takes more for moments. */
const neededBytes = async (rig: Rig): Promise<number> => {
  const { cacheDir } = rig.fleet;
  const before = await usedBytes(cacheDir);
  await rig.fleet.publish(2, ['one']);
  let most = 0;
  await until(async () => {
    most = Math.max(most, (await usedBytes(cacheDir)) - before);
    return attempts(rig).includes('a2 ok');
  });
  return most;
};

/** How many of the loads were cut short, of those that met a volume of every `step`th size. */
const fillUp = async (rig: Rig, from: number, step: number, needed: number): Promise<number> => {
  const { cacheDir } = rig.fleet;
  let full = 0;
  for (let at = from; at < sizes; at += step) {
    const n = at + 3;
    expect(await left(async () => orphansOn(cacheDir))).toEqual([]);
    resize(rig, (await usedBytes(cacheDir)) + 4096 + (at * needed * 2) / sizes);
    await rig.fleet.publish(n, ['one']);
    await until(() => isTried(rig, n));
    full += attempts(rig).includes(`a${n} failed`) ? 1 : 0;
    resize(rig, roomy);
    await until(() => attempts(rig).includes(`a${n} ok`));
  }
  return full;
};

test('a volume that is full at any point of a load costs that load alone, and with room again the snapshot comes by itself', async () => {
  const [needed] = await Promise.all(rigs.map(neededBytes));
  const asking = rigs.map(({ gateway, fleet }) => startAsking(() => gateway.apiPort, fleet.names));
  const cut = await Promise.all(rigs.map(async (rig, n) => fillUp(rig, n, rigs.length, needed!)));
  const full = cut.reduce((sum, one) => sum + one, 0);
  for (const one of asking) {
    const { wrong, failed } = await one.stop();
    expect([wrong, [...failed]]).toEqual([[], []]);
  }
  expect(full).toBeGreaterThan(sizes / 2);
  const problems = rigs.flatMap(({ gateway }) => gateway.lines.filter((line) => line.includes('"status":"failed"')));
  expect(problems.filter((line) => !line.includes('"disk_full"'))).toEqual([]);
  for (const { fleet } of rigs) expect(await left(async () => orphansOn(fleet.cacheDir))).toEqual([]);
  tellSurvived(sizes, sizes, `disk full during a load, ${full} of them before it was whole`);
}, 600_000);

test.each([
  ['the room that it asks for', 4096],
  // It is an estimate, and less than what files so small turn out to need.
  ['the room that it takes', 65_536],
])('copies that were set aside make way for a load that lacks %s', async (_what, free) => {
  const rig = rigs[free === 4096 ? 0 : 1]!;
  const quarantine = join(rig.fleet.cacheDir, 'quarantine');
  await mkdir(join(quarantine, 'one.before'), { recursive: true });
  await writeFile(join(quarantine, 'one.before', 'data.duckdb'), Buffer.alloc(2 ** 25));
  expect(await left(async () => orphansOn(rig.fleet.cacheDir))).toEqual([]);
  resize(rig, (await usedBytes(rig.fleet.cacheDir)) + free);
  const n = sizes + 3;
  await rig.fleet.publish(n, ['one']);
  await until(() => isTried(rig, n));
  expect(attempts(rig).filter((attempt) => attempt.startsWith(`a${n} `))).toEqual([`a${n} ok`]);
  expect(await readdir(quarantine)).toEqual([]);
  tellSurvived(1, 1, 'a volume full of copies that were set aside');
});
