// A cache volume that fills up at twenty points of a load: a tmpfs whose size is what is used and a little more each time.
import { execFileSync } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { startAsking } from './support/asking.ts';
import { createFleet, type Fleet } from './support/fleet.ts';
import { tellSurvived } from './support/survived.ts';
import { attemptsIn, left, orphansOn } from './support/volume.ts';

const sizes = 20;
const roomy = 256 * 2 ** 20;
let fleet: Fleet;
let gateway: GatewayProcess;

const resize = (bytes: number): void => void execFileSync('mount', ['-o', `remount,size=${bytes}`, fleet.cacheDir]);
const usedBytes = async (): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(fleet.cacheDir);
  return (blocks - bfree) * bsize;
};
const attempts = (): readonly string[] => attemptsIn(gateway.lines, 'one');

beforeAll(async () => {
  fleet = await createFleet(['one', 'other'], 100_000);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${roomy}`, 'tmpfs', fleet.cacheDir]);
  await fleet.configure();
  await fleet.publish(1);
  gateway = await startProcess([], { OFFLOADER_CONFIG: fleet.configDir, OFFLOADER_CACHE_DIR: fleet.cacheDir });
});
afterAll(async () => {
  // Whatever failed, no mount stays behind.
  execFileSync('umount', ['--lazy', fleet.cacheDir]);
  await gateway.end();
  await fleet.end();
});

test('a volume that is full at any point of a load costs that load alone, and with room again the snapshot comes by itself', async () => {
  const before = await usedBytes();
  await fleet.publish(2, ['one']);
  await until(() => attempts().includes('a2 ok'));
  // What one more snapshot takes, with its record and index.
  const needed = (await usedBytes()) - before;
  const asking = startAsking(() => gateway.apiPort, fleet.names);
  let full = 0;
  for (let n = 3; n < sizes + 3; n += 1) {
    expect(await left(async () => orphansOn(fleet.cacheDir))).toEqual([]);
    resize((await usedBytes()) + 4096 + Math.round(((n - 3) * needed * 1.3) / sizes));
    await fleet.publish(n, ['one']);
    await until(() => attempts().some((attempt) => attempt.startsWith(`a${n} `)));
    full += attempts().includes(`a${n} failed`) ? 1 : 0;
    resize(roomy);
    await until(() => attempts().includes(`a${n} ok`));
  }
  const { wrong, failed } = await asking.stop();
  expect(wrong).toEqual([]);
  expect([...failed]).toEqual([]);
  expect(full).toBeGreaterThan(sizes / 2);
  const problems = gateway.lines.filter((line) => line.includes('"status":"failed"'));
  expect(problems.filter((line) => !line.includes('"disk_full"'))).toEqual([]);
  expect(await left(async () => orphansOn(fleet.cacheDir))).toEqual([]);
  tellSurvived(sizes, sizes, `disk full during a load, ${full} of them before it was whole`);
}, 600_000);
