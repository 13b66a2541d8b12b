// The contract's "Restart and cache", as far as clients and probes see it: a whole gateway that stops and starts on its volume.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Report } from '@offloader/contract';
import { apiKey, endpoint, removeUsed, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { startWebLake, type WebLake } from '../support/web-lake.ts';

const names = ['visits', 'other', 'far'] as const;
type Name = (typeof names)[number];
let near: WebLake;
/** Goes out of reach. */
let away: WebLake;
let world: World;

const report = async (name: Name) =>
  ((await (await world.admin('/diagnostics', 'admin-token')).json()) as Report).datasets.find((one) => one.dataset === name)!;
const ask = async (name: Name): Promise<{ status: number; said: string; rows: unknown }> => {
  const response = await world.get(`/v1/endpoints/${name}`, 'acme-token');
  const { error, data, meta } = (await response.json()) as any;
  return { status: response.status, said: error?.family ?? meta.snapshot_id, rows: data };
};
const isReady = async (): Promise<boolean> => (await world.admin('/ready')).status === 200;
const serves = (name: Name, id: string) => async (): Promise<boolean> => (await ask(name)).said === id;
const isManifest = (path: string, name: Name): boolean => path.includes(`/${name}/manifest.json`);
const restartEmpty = async (): Promise<void> => {
  await world.stop();
  await removeUsed(world.cacheDir);
  await world.restart();
};

beforeAll(async () => {
  [near, away] = [await startWebLake(), await startWebLake()];
  for (const name of names) await (name === 'far' ? away : near).publish(name, 1);
  world = await startWorld([
    ...names.flatMap((name) => [
      { ...visitsDataset((name === 'far' ? away : near).urlOf(name)), metadata: { name } },
      endpoint(name, { datasetRef: { name } }),
    ]),
    apiKey('acme'),
  ]);
});
afterAll(async () => {
  await world.end();
  await away.end();
  await near.end();
});

test('After restart with the cache kept, the last active snapshot serves before the source is contacted (warm start); the boot attempt then is unchanged or ok.', async () => {
  const answers = Promise.withResolvers<undefined>();
  let waiting = 0;
  near.answer = async () => {
    waiting += 1;
    return answers.promise;
  };
  await near.publish('other', 2);
  await world.restart();
  await until(() => waiting >= 2);
  for (const name of names) expect(await ask(name)).toMatchObject({ status: 200, said: 'a1' });
  expect([(await report('visits')).last_attempted, await isReady()]).toEqual([null, false]);
  answers.resolve(undefined);
  await until(isReady);
  near.answer = () => undefined;
  const attempts = await Promise.all(names.map(async (name) => (await report(name)).last_attempted));
  expect(attempts).toMatchObject([
    { status: 'unchanged', snapshot_id: 'a1' },
    { status: expect.stringMatching(/^(ok|unchanged)$/), snapshot_id: 'a2' },
    { status: 'unchanged', snapshot_id: 'a1' },
  ]);
  expect((await ask('other')).said).toBe('a2');
});

describe('Warm start with the manifest now unreadable: /ready 200, old snapshot served, last_attempted.status rejected.', () => {
  test.each<[string, () => Promise<void>, string]>([
    ['it is not there', async () => void (near.answer = ({ path }) => (isManifest(path, 'visits') ? 404 : undefined)), 'missing_file'],
    ['it is cut off', async () => near.put('visits/manifest.json', Buffer.from('{"dataset_id":"vis')), 'invalid_json'],
  ])('%s', async (_what, spoil, code) => {
    await spoil();
    await world.restart();
    expect(await ask('visits')).toMatchObject({ status: 200, said: 'a1' });
    await until(isReady);
    expect(await report('visits')).toMatchObject({
      active_snapshot: { snapshot_id: 'a1' },
      last_attempted: { status: 'rejected', snapshot_id: null },
      refresh_error: { code, owner: 'UpstreamData' },
      source_reachable: true,
    });
    expect(await ask('visits')).toMatchObject({ status: 200, said: 'a1' });
    near.answer = () => undefined;
    await near.publish('visits', 1);
    await until(async () => (await report('visits')).last_attempted?.status === 'unchanged');
  });
});

test("Empty cache + bad manifest: that dataset's endpoints 503 not_ready, process stays up, others serve.", async () => {
  await near.publish('visits', 1, (manifest) => (manifest['snapshot_id'] = 'not an id'));
  await restartEmpty();
  await until(isReady);
  expect(await ask('visits')).toEqual({ status: 503, said: 'not_ready', rows: undefined });
  expect(await ask('other')).toMatchObject({ status: 200, said: 'a2' });
  expect((await world.admin('/live')).status).toBe(200);
  expect(await report('visits')).toMatchObject({ active_snapshot: null, last_attempted: { status: 'rejected' } });
  await near.publish('visits', 1);
  await until(serves('visits', 'a1'));
});

test('Deleting the whole cache volume loses nothing but time: next boot rebuilds from manifests.', async () => {
  const before = await Promise.all(names.map(ask));
  expect(before.map(({ status }) => status)).toEqual([200, 200, 200]);
  await restartEmpty();
  await until(isReady);
  expect(await Promise.all(names.map(ask))).toEqual(before);
});

test('Warm start with an unreachable source: same, status failed.', async () => {
  await away.end();
  away = await startWebLake();
  await world.restart();
  expect(await ask('far')).toMatchObject({ status: 200, said: 'a1' });
  await until(isReady);
  expect(await report('far')).toMatchObject({
    active_snapshot: { snapshot_id: 'a1' },
    last_attempted: { status: 'failed', snapshot_id: null },
    refresh_error: { code: 'source_unreachable', owner: 'Environment' },
    source_reachable: false,
  });
  expect(await ask('far')).toMatchObject({ status: 200, said: 'a1' });
});
