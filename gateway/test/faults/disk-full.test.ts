// A cache volume that fills up at twenty points of a load: a tmpfs whose size is what is used and a little more each time.
import { mkdir, readdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { requiring } from '../support/linux.ts';
import { mountTmpfs, remount, unmount } from '../support/mounts.ts';
import { type Aftermath, createRig, lossesOf, type Rig } from './support/rig.ts';

const { test, describe } = requiring('mounts');
const sizes = Array.from({ length: 20 }, (_, n) => n);
const roomy = 256 * 2 ** 20;
/** Most of a round is waiting, so that gateways go side by side, each on a volume of its own. */
const rigs: Rig[] = [];

const resize = ({ fleet }: Rig, bytes: number): void => remount(fleet.cacheDir, `size=${Math.round(bytes)}`);
const usedBytes = async ({ fleet }: Rig): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(fleet.cacheDir);
  return (blocks - bfree) * bsize;
};
const isTried = (rig: Rig, n: number): boolean => rig.attempts('one').some((attempt) => attempt.startsWith(`a${n} `));
const aftermath = async (rig: Rig, n: number): Promise<Aftermath> => rig.aftermath((name) => (name === 'one' ? n : 1));

const startRig = async (): Promise<void> => {
  const rig = await createRig(['one', 'other'], 100_000);
  mountTmpfs(rig.fleet.cacheDir, roomy);
  rigs.push(rig);
  await rig.fleet.configure();
  await rig.fleet.publish(1);
  await rig.start();
};
/** The most that a load was seen to take while it runs; it takes more for moments. */
const neededBytes = async (rig: Rig): Promise<number> => {
  const before = await usedBytes(rig);
  await rig.fleet.publish(2, ['one']);
  let most = 0;
  await until(async () => {
    most = Math.max(most, (await usedBytes(rig)) - before);
    return rig.attempts('one').includes('a2 ok');
  });
  await aftermath(rig, 2);
  return most;
};

describe('a volume that is full', () => {
  const after = new Map<number, Aftermath>();
  let full = 0;

  const fillUp = async (rig: Rig, at: number, needed: number): Promise<void> => {
    const n = at + 3;
    resize(rig, (await usedBytes(rig)) + 4096 + (at * needed * 2) / sizes.length);
    await rig.fleet.publish(n, ['one']);
    await until(() => isTried(rig, n));
    full += rig.attempts('one').includes(`a${n} failed`) ? 1 : 0;
    resize(rig, roomy);
    after.set(at, await aftermath(rig, n));
  };

  beforeAll(async () => {
    await Promise.all([startRig(), startRig(), startRig()]);
    const [needed] = await Promise.all(rigs.map(neededBytes));
    await Promise.all(
      rigs.map(async (rig, first) => {
        for (let at = first; at < sizes.length; at += rigs.length) await fillUp(rig, at, needed!);
      }),
    );
  }, 1_200_000);
  afterAll(async () => {
    for (const rig of rigs) {
      // Whatever failed, no mount stays behind.
      unmount(rig.fleet.cacheDir);
      await rig.end();
    }
  });

  test.each(sizes)('survives that at point %i of a load: with room again the snapshot comes by itself', (at) => {
    expect(lossesOf(after.get(at))).toEqual([]);
  });

  test('cuts most of these loads short, and is told as what it is', () => {
    expect(full).toBeGreaterThan(sizes.length / 2);
    const problems = rigs.flatMap(({ gateway }) => gateway.lines.filter((line) => line.includes('"status":"failed"')));
    expect(problems.filter((line) => !line.includes('"disk_full"'))).toEqual([]);
  });

  test.each([
    ['the room that it asks for', 4096],
    // It is an estimate, and less than what files so small turn out to need.
    ['the room that it takes', 65_536],
  ])(
    'survives copies that were set aside: they make way for a load that lacks %s',
    async (_what, free) => {
      const rig = rigs[free === 4096 ? 0 : 1]!;
      const quarantine = join(rig.fleet.cacheDir, 'quarantine');
      await mkdir(join(quarantine, 'one.before'), { recursive: true });
      await writeFile(join(quarantine, 'one.before', 'data.duckdb'), Buffer.alloc(2 ** 25));
      resize(rig, (await usedBytes(rig)) + free);
      const n = sizes.length + 3;
      await rig.fleet.publish(n, ['one']);
      expect(lossesOf(await aftermath(rig, n))).toEqual([]);
      expect(rig.attempts('one').filter((attempt) => attempt.startsWith(`a${n} `))).toEqual([`a${n} ok`]);
      expect(await readdir(quarantine)).toEqual([]);
    },
    1_200_000,
  );
});
