// A cursor holds on to its snapshot; a block or a pin of the Dataset counts for it as for any other request.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';

let lake: Lake;
let world: World;
const resources = (snapshot: Record<string, unknown>) => [
  visitsDataset(lake.url, { snapshot: { keep: 2, ...snapshot } }),
  endpoint('local'),
  endpoint('remote', { servingMode: 'RemoteScan' }),
  apiKey('acme'),
];
type Page = { readonly data: { visits: number }[]; readonly meta: { snapshot_id: string; next_cursor: string } };
const ask = async (name: string, query = ''): Promise<Response> => world.get(`/v1/endpoints/${name}?limit=1${query}`, 'acme-token');
const pageOf = async (name: string, query = ''): Promise<Page> => (await ask(name, query)).json() as Promise<Page>;

const modes = ['local', 'remote'] as const;
/** The next page's cursor by endpoint and snapshot. */
const cursors = new Map<string, string>();

/** What the cursors of each snapshot are answered with. */
const statuses = async (name: string): Promise<Record<string, number>> => {
  const asked = ['b1', 'b2', 'b3'].map(async (id) => [id, (await ask(name, `&cursor=${cursors.get(`${name} ${id}`)!}`)).status] as const);
  return Object.fromEntries(await Promise.all(asked));
};
const edit = async (snapshot: Record<string, unknown>, served: string): Promise<void> => {
  const before = world.observed.length;
  await world.write(resources(snapshot));
  await until(() => world.observed.slice(before).some(({ kind }) => kind === 'config_applied'));
  for (const name of modes) await until(async () => (await pageOf(name)).meta.snapshot_id === served);
};

beforeAll(async () => {
  lake = await createLake();
  for (const n of [1, 2, 3]) {
    await lake.publish(`b${n}`, visits(n));
    if (n === 1) world = await startWorld(resources({}));
    for (const name of modes) {
      await until(async () => (await pageOf(name)).meta.snapshot_id === `b${n}`);
      cursors.set(`${name} b${n}`, (await pageOf(name)).meta.next_cursor);
    }
  }
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

test.each(modes)('%s: a cursor goes on while its snapshot is kept', async (name) => {
  expect(await statuses(name)).toEqual({ b1: 200, b2: 200, b3: 200 });
});

test('the cursor of a snapshot that is blocked is gone', async () => {
  await edit({ blocked: ['b2'] }, 'b3');
  for (const name of modes) expect(await statuses(name)).toEqual({ b1: 200, b2: 410, b3: 200 });
});

test('the cursor of the active snapshot is gone once that is blocked', async () => {
  await edit({ blocked: ['b3'] }, 'b2');
  for (const name of modes) expect(await statuses(name)).toEqual({ b1: 200, b2: 200, b3: 410 });
});

test('under a pin the cursors of every other snapshot are gone, until the pin goes', async () => {
  await edit({ pin: 'b2' }, 'b2');
  for (const name of modes) expect(await statuses(name)).toEqual({ b1: 410, b2: 200, b3: 410 });
  await edit({}, 'b3');
  for (const name of modes) expect(await statuses(name)).toEqual({ b1: 200, b2: 200, b3: 200 });
});
