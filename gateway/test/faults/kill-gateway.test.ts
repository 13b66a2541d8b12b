// kill -9 of a gateway at twenty points of a load, spread over everything that it does to the volume.
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { ask, startAsking } from './support/asking.ts';
import { createFleet, type Fleet } from './support/fleet.ts';
import { tellSurvived } from './support/survived.ts';
import { isRunning, left, orphansOn } from './support/volume.ts';

const kills = 20;
let fleet: Fleet;
let faults: string;
let gateway: GatewayProcess;

const start = async (): Promise<void> => {
  gateway = await startProcess([], {
    OFFLOADER_CONFIG: fleet.configDir,
    OFFLOADER_CACHE_DIR: fleet.cacheDir,
    FAULT_FOLDER: faults,
    NODE_OPTIONS: `--import ${new URL('./support/kill-points.ts', import.meta.url).href}`,
  });
};
/** The other one is polled once an hour, so that every call counted is the load's. */
const configure = async (keep: number): Promise<void> =>
  fleet.configure((name) =>
    name === 'one'
      ? { snapshot: { keep } }
      : { source: { manifest: { url: `file://${fleet.folderOf(name)}/manifest.json` }, interval: '1h' } },
  );
const trace = async (): Promise<readonly string[]> => (await readFile(join(faults, 'trace'), 'utf8').catch(() => '')).trim().split('\n');
/** From its next load on the gateway counts what it does, and dies at that point. */
const arm = async (point: number): Promise<void> => {
  await rm(join(faults, 'trace'), { force: true });
  await writeFile(join(faults, 'gateway'), String(point));
  gateway.child.kill('SIGUSR2');
  await until(async () => (await trace()).includes('armed'));
};
const serves = async (name: string): Promise<number | undefined> => {
  const answer = await ask(gateway.apiPort, name);
  return 'n' in answer ? answer.n : undefined;
};
const loaders = async (): Promise<readonly string[]> => {
  const pids = (await trace()).filter((line) => line.startsWith('loader ')).map((line) => line.slice(7));
  return (await Promise.all(pids.map(async (pid) => ((await isRunning(Number(pid))) ? [pid] : [])))).flat();
};

beforeAll(async () => {
  faults = await mkdtemp(join(tmpdir(), 'offloader-kills-'));
  fleet = await createFleet(['one', 'other']);
  await configure(1);
  await fleet.publish(1);
  await start();
});
afterAll(async () => {
  await gateway.end();
  await fleet.end();
  await rm(faults, { recursive: true, force: true });
});

test('a gateway that is killed anywhere in a load serves from its volume at once, with its source gone, and leaves nothing behind', async () => {
  await arm(Number.MAX_SAFE_INTEGER);
  await fleet.publish(2, ['one']);
  await until(async () => (await serves('one')) === 2);
  await until(async () => (await trace()).at(-1)?.endsWith('during sync') === true);
  const points = (await trace()).filter((line) => line.startsWith('point'));
  const asking = startAsking(() => gateway.apiPort, fleet.names);
  const manifest = join(fleet.folderOf('one'), 'manifest.json');
  let survived = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const n = kill + 3;
    const point = Math.floor((kill * points.length) / kills);
    await arm(point);
    await fleet.publish(n, ['one']);
    await once(gateway.child, 'exit');
    expect(gateway.child.signalCode).toBe('SIGKILL');
    await rename(manifest, `${manifest}.gone`);
    // Every other time nothing is kept: what serves is all there is.
    await configure(kill % 2);
    await start();
    // Warm, from the volume alone: one of the two, whole.
    expect([await serves('other'), [n - 1, n].includes((await serves('one')) ?? -1)]).toEqual([1, true]);
    await rename(`${manifest}.gone`, manifest);
    await until(async () => (await serves('one')) === n);
    expect([points[point], await left(async () => orphansOn(fleet.cacheDir))]).toEqual([points[point], []]);
    expect(await left(loaders)).toEqual([]);
    survived += 1;
  }
  const { wrong, right } = await asking.stop();
  expect(wrong).toEqual([]);
  expect(right).toBeGreaterThan(kills);
  tellSurvived(survived, kills, 'kill -9 of the gateway during a load');
}, 600_000);
