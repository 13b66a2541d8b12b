// The contract's "Refresh lifecycle", as far as those who ask see it: one whole gateway over a web server that can refuse and wait.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Report } from '@offloader/contract';
import { ask, startAsking } from '../faults/support/asking.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { startWebLake, type WebLake } from '../support/web-lake.ts';

const names = ['visits', 'other', 'slow', 'failing'] as const;
type Name = (typeof names)[number];
let web: WebLake;
let world: World;
/** The number of the last snapshot of each. */
const at: Record<Name, number> = { visits: 1, other: 1, slow: 1, failing: 1 };

const resources = (forced: Partial<Record<Name, string>> = {}) => [
  ...names.flatMap((name) => [
    {
      ...visitsDataset(web.urlOf(name)),
      metadata: { name, annotations: forced[name] === undefined ? {} : { 'offloader.dev/refresh-requested-at': forced[name] } },
    },
    endpoint(name, { datasetRef: { name } }),
  ]),
  apiKey('acme'),
];
const publish = async (name: Name, change?: (manifest: any) => unknown): Promise<number> => {
  at[name] += 1;
  await web.publish(name, at[name], change);
  return at[name];
};
const port = (): number => world.gateway.apiPort;
const report = async (name: Name) =>
  ((await (await world.admin('/diagnostics', 'admin-token')).json()) as Report).datasets.find((one) => one.dataset === name)!;
const serves = (name: Name, n: number) => async (): Promise<boolean> => (await report(name)).active_snapshot?.snapshot_id === `a${n}`;
/** The ends of a dataset's attempts since the `from`th event. */
const ends = (name: Name, from = 0): readonly string[] =>
  world.observed.slice(from).flatMap((event) => (event.kind === 'refresh_ended' && event.dataset === name ? [event.status] : []));
/** Holds every request that `isHeld` until the answer is called. */
const hold = (isHeld: (path: string) => boolean): { waiting: () => number; letGo: () => void } => {
  const gate = Promise.withResolvers<undefined>();
  let waiting = 0;
  web.answer = async ({ path }) => {
    if (!isHeld(path)) return undefined;
    waiting += 1;
    await gate.promise;
    return undefined;
  };
  return { waiting: () => waiting, letGo: () => gate.resolve(undefined) };
};

beforeAll(async () => {
  web = await startWebLake(100_000);
  for (const name of names) await web.publish(name, 1);
  world = await startWorld(resources());
});
afterAll(async () => {
  await world.end();
  await web.end();
});
afterEach(() => {
  web.answer = () => undefined;
});

test('Overwriting the manifest in place with a new snapshot_id is a valid way to publish; when polling is on it is picked up with no restart.', async () => {
  const n = await publish('visits');
  await until(serves('visits', n));
  expect(await ask(port(), 'visits')).toEqual({ n });
  expect(world.observed.filter(({ kind }) => kind === 'booted')).toHaveLength(1);
});

test('An unchanged manifest costs one conditional request.', async () => {
  const isAsked = ({ path }: { path: string }): boolean => path.includes('/lake/visits/');
  // What was asked before belongs to polls that have ended by now.
  const from = world.observed.length;
  await until(() => ends('visits', from).length === 1);
  const [since, asked] = [world.observed.length, web.asked.filter(isAsked).length];
  await until(() => ends('visits', since).length === 3);
  expect(ends('visits', since)).toEqual(['unchanged', 'unchanged', 'unchanged']);
  const requests = web.asked.filter(isAsked).slice(asked);
  expect(requests.map(({ path, headers }) => [path, typeof headers['if-none-match']])).toEqual(
    Array.from({ length: 3 }, () => ['GET /lake/visits/manifest.json', 'string']),
  );
});

describe('In both the active snapshot keeps serving, same meta.snapshot_id, every request 200.', () => {
  const spoilt = (manifest: any): void => {
    const [file] = manifest.files;
    file.path = 'spoilt.parquet';
    void web.put('visits/spoilt.parquet', Buffer.alloc(file.size_bytes, 7));
  };
  test.each<[string, string, () => Promise<unknown>]>([
    ['rejected', 'validation', async () => publish('visits', (manifest) => (manifest.data_quality_status = 'failed'))],
    ['rejected', 'compatibility', async () => publish('visits', (manifest) => (manifest.schema[2].type = 'VARCHAR'))],
    ['failed', 'the source', async () => (web.answer = ({ path }) => (path.includes('/visits/') ? 503 : undefined))],
    ['failed', 'a load', async () => publish('visits', spoilt)],
  ])('%s: %s', async (status, _what, spoil) => {
    const served = async (): Promise<string | undefined> => (await report('visits')).active_snapshot?.snapshot_id;
    const id = await served();
    const asking = startAsking(port, ['visits'], 4);
    const from = world.observed.length;
    await spoil();
    await until(() => ends('visits', from).includes(status));
    const { wrong, failed, right } = await asking.stop();
    expect([wrong, [...failed], right > 0]).toEqual([[], [], true]);
    expect(await served()).toBe(id);
    expect(await ask(port(), 'visits')).toEqual({ n: Number(id!.slice(1)) });
    web.answer = () => undefined;
    await until(serves('visits', await publish('visits')));
  });
});

test('Reads never wait for a running load (serve 32 requests with 8 workers while a forced refresh runs: all 200).', async () => {
  const gate = hold((path) => path.includes('/visits/') && path.includes('part-0'));
  await world.write(resources({ visits: 'now' }));
  await until(() => gate.waiting() === 1);
  const n = Number((await report('visits')).active_snapshot!.snapshot_id.slice(1));
  const from = world.observed.length;
  /** 32 questions that no cache answers, by 8 workers. */
  const read = async (first: number): Promise<readonly unknown[]> => {
    const limits = Array.from({ length: 32 }, (_, turn) => first + turn);
    const worker = async (): Promise<readonly unknown[]> => {
      const answers: unknown[] = [];
      for (let limit = limits.pop(); limit !== undefined; limit = limits.pop()) answers.push(await ask(port(), 'visits', limit));
      return answers;
    };
    return (await Promise.all(Array.from({ length: 8 }, worker))).flat();
  };
  expect(await read(1)).toEqual(Array.from({ length: 32 }, () => ({ n })));
  // All of it while the refresh ran.
  expect(ends('visits', from)).toEqual([]);
  gate.letGo();
  // And while its loader runs.
  do expect(await read(33)).toEqual(Array.from({ length: 32 }, () => ({ n })));
  while (ends('visits', from).length === 0);
  expect(ends('visits', from)[0]).toBe('ok');
});

test("On success the dataset's cached responses are dropped; other datasets' cache stays warm.", async () => {
  const cacheOf = async (name: Name): Promise<{ cache: string; id: string }> => {
    const { meta } = (await (await world.get(`/v1/endpoints/${name}`, 'acme-token')).json()) as any;
    return { cache: meta.cache, id: meta.snapshot_id };
  };
  for (const name of ['visits', 'other'] as const) {
    await cacheOf(name);
    expect((await cacheOf(name)).cache).toBe('hit');
  }
  const n = await publish('visits');
  await until(serves('visits', n));
  expect(await cacheOf('visits')).toEqual({ cache: 'miss', id: `a${n}` });
  expect((await cacheOf('other')).cache).toBe('hit');
});

describe('One failing or slow source must not delay or fail other datasets. loads of different datasets should not queue behind one writer.', () => {
  test('a source that fails and two that never answer, while another publishes', async () => {
    const gate = hold((path) => path.includes('/slow/') || path.includes('/other/manifest'));
    const { answer } = web;
    web.answer = (asked) => (asked.path.includes('/failing/') ? 500 : answer(asked));
    const from = world.observed.length;
    await publish('slow');
    await until(() => gate.waiting() >= 2);
    await until(() => ends('failing', from).includes('failed'));
    for (let turn = 0; turn < 2; turn += 1) {
      const n = await publish('visits');
      await until(serves('visits', n));
    }
    expect([ends('slow', from), ends('other', from)]).toEqual([[], []]);
    for (const name of names) expect(await ask(port(), name)).toHaveProperty('n');
    gate.letGo();
    await until(serves('slow', at.slow));
  });
});
