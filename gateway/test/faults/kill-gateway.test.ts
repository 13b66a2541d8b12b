// kill -9 of a gateway at twenty points of a load, spread over everything that it does to the volume, and where it matters most:
// between the fsync and the rename of what says that a load is whole and which one serves.
import { once } from 'node:events';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { ask } from './support/asking.ts';
import { type Aftermath, createRig, lossesOf, type Rig } from './support/rig.ts';

const spread = 20;
const kills = [
  ...Array.from({ length: spread }, (_, n) => `at point ${n + 1} of ${spread}`),
  ...['snapshot.json', 'index.json'].map((file) => `between the fsync and the rename of ${file}`),
];
/** Most of a kill is waiting, so that gateways go side by side, each with every second of them. */
const rigs: Rig[] = [];
const outcomes = new Map<string, { readonly point: string; readonly warm: string; readonly after: Aftermath }>();

const start = async (rig: Rig): Promise<void> =>
  rig.start({
    FAULT_FOLDER: rig.folder,
    NODE_OPTIONS: `--import ${new URL('./support/kill-points.ts', import.meta.url).href}`,
  });
/** The other one is polled once an hour, so that every call counted is the load's. */
const configure = async ({ fleet }: Rig, keep: number): Promise<void> =>
  fleet.configure((name) =>
    name === 'one'
      ? { snapshot: { keep } }
      : { source: { manifest: { url: `file://${fleet.folderOf(name)}/manifest.json` }, interval: '1h' } },
  );
const trace = async ({ folder }: Rig): Promise<readonly string[]> =>
  (await readFile(join(folder, 'trace'), 'utf8').catch(() => '')).trim().split('\n');
/** From its next load on the gateway counts what it does, and dies at that point. */
const arm = async (rig: Rig, point: string): Promise<void> => {
  await rm(join(rig.folder, 'trace'), { force: true });
  await writeFile(join(rig.folder, 'gateway'), point);
  rig.gateway.child.kill('SIGUSR2');
  await until(async () => (await trace(rig)).includes('armed'));
};
const serves = async ({ gateway }: Rig, name: string): Promise<number | undefined> => {
  const answer = await ask(gateway.apiPort, name);
  return 'n' in answer ? answer.n : undefined;
};
const startRig = async (): Promise<Rig> => {
  const rig = await createRig(['one', 'other']);
  rigs.push(rig);
  await configure(rig, 1);
  await rig.fleet.publish(1);
  await start(rig);
  return rig;
};

/** What a load does that nobody ends, a point a call. */
const watchLoad = async (rig: Rig): Promise<readonly string[]> => {
  await arm(rig, 'never');
  await rig.fleet.publish(2, ['one']);
  await until(async () => (await serves(rig, 'one')) === 2);
  await until(async () => (await trace(rig)).at(-1)?.endsWith('during sync') === true);
  return (await trace(rig)).filter((line) => line.startsWith('point'));
};
const pointOf = (kill: string, points: number): string => {
  const at = kills.indexOf(kill);
  return at < spread ? String(Math.floor((at * points) / spread)) : `before rename ${kill.split(' ').at(-1) ?? ''}.tmp`;
};

const killAndStart = async (rig: Rig, kill: string, n: number, points: number): Promise<void> => {
  await arm(rig, pointOf(kill, points));
  await rig.fleet.publish(n, ['one']);
  await once(rig.gateway.child, 'exit');
  const point = (await trace(rig)).at(-1) ?? '';
  const manifest = join(rig.fleet.folderOf('one'), 'manifest.json');
  await rename(manifest, `${manifest}.gone`);
  // Every other time nothing is kept: what serves is all there is.
  await configure(rig, n % 2);
  await start(rig);
  const [one, other] = [await serves(rig, 'one'), await serves(rig, 'other')];
  const isWarm = other === 1 && (one === n || one === n - 1);
  await rename(`${manifest}.gone`, manifest);
  const after = await rig.aftermath((name) => (name === 'one' ? n : 1));
  outcomes.set(kill, { point, warm: isWarm ? 'warm' : `cold: ${one} and ${other} after ${n}`, after });
};

beforeAll(async () => {
  await Promise.all([startRig(), startRig()]);
  const [points] = await Promise.all(rigs.map(watchLoad));
  await Promise.all(
    rigs.map(async (rig, first) => {
      for (let at = first; at < kills.length; at += rigs.length)
        await killAndStart(rig, kills[at]!, 3 + Math.floor(at / rigs.length), points!.length);
    }),
  );
}, 1_800_000);
afterAll(async () => {
  for (const rig of rigs) await rig.end();
});

test.each(kills)('survives kill -9 of the gateway %s: warm at once, though its source is gone', (kill) => {
  const outcome = outcomes.get(kill);
  // While there is no gateway there is no connection; whatever is answered is right.
  expect([outcome?.point, lossesOf(outcome?.after, { excused: / (no|broken) connection$/ })]).toEqual([outcome?.point, []]);
  expect(outcome?.warm).toBe('warm');
  if (kills.indexOf(kill) >= spread) expect(outcome?.point).toContain(pointOf(kill, 0));
});
