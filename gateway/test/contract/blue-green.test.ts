// The contract's "Configuration and hot sync" where an edit needs other data: datasets that come, go, and change their form.
// Every value of snapshot `a<n>` is n, and the form of an edit is the version of its endpoints, so that a mixed answer shows.
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DatasetReport } from '@offloader/contract';
import { createDoor } from '../support/door.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, datasetOf, type Lake, visits } from '../support/lake.ts';
import { openRoom } from '../support/room.ts';

let lake: Lake;
let world: World;
beforeEach(async () => {
  lake = await createLake();
  await lake.publish('a1', rows(1));
  world = await startWorld(form(1));
});
afterEach(async () => {
  await world.end();
  await lake.remove();
});

type Column = 'tenant_id' | 'owner_id' | 'day' | 'visits' | 'note' | 'label';
const types = { day: 'DATE', visits: 'BIGINT' } as const;
/** Rows of two tenants, of as many owners that are called otherwise, in which all is named after the snapshot. */
const rows = (n: number): string =>
  `SELECT *, 'other-' || tenant_id AS owner_id, 'note ${n}' AS note, 'label ${n}' AS label FROM (${visits(n, 200)})`;
/** The same without a column that some form needs. */
const rowsWithout = (column: Column, n: number): string => `SELECT * EXCLUDE (${column}) FROM (${rows(n)})`;

type Form = { readonly has: readonly Column[]; readonly tenant: 'tenant_id' | 'owner_id' };
const plain: Form = { has: ['tenant_id', 'owner_id', 'day', 'visits'], tenant: 'tenant_id' };
const forms: Record<number, Form> = {
  1: plain,
  2: { ...plain, has: [...plain.has, 'note'] },
  3: { ...plain, has: [...plain.has, 'label'] },
  4: { ...plain, tenant: 'owner_id' },
};
const selecting = (names: readonly Column[]) => ({
  params: [],
  query: { select: names.map((name) => ({ as: name, column: name })), orderBy: [{ column: names[0] }] },
  columns: names,
});
/** The configuration of a form: the first has one endpoint; the others have it in a newer version, and one more. */
const form = (n: number, spec: Record<string, unknown> = {}): readonly unknown[] => {
  const { has, tenant } = forms[n]!;
  const schema = has.map((name) => ({ name, type: name in types ? types[name as keyof typeof types] : 'VARCHAR' }));
  const one = (name: string) => endpoint(name, { ...selecting(has), version: n, tenant: { column: tenant } });
  return [
    visitsDataset(lake.url, { schema, tenantColumn: tenant, ...spec }),
    one('daily'),
    ...(n === 1 ? [] : [one('more')]),
    apiKey('acme'),
    apiKey('other-acme'),
  ];
};

type Answer = {
  readonly status: number;
  readonly version?: number;
  readonly snapshot?: string;
  readonly keys?: string;
  readonly rows?: readonly any[];
};
const ask = async (name: string, key = 'acme'): Promise<Answer> => {
  const response = await world.get(`/v1/endpoints/${name}?limit=100`, `${key}-token`);
  const { data, meta } = (await response.json()) as any;
  if (response.status !== 200) return { status: response.status };
  return { status: 200, version: meta.version, snapshot: meta.snapshot_id, keys: Object.keys(data[0] ?? {}).join(), rows: data };
}; // prettier-ignore
const isForm = async (n: number, snapshot: string): Promise<boolean> => {
  const { version, snapshot: id } = await ask('daily');
  return version === n && id === snapshot;
};
const report = async (): Promise<DatasetReport> =>
  ((await (await world.admin('/diagnostics', 'admin-token')).json()) as { datasets: DatasetReport[] }).datasets[0]!;
const attempts = (status: string): number =>
  world.observed.filter((event) => event.kind === 'refresh_ended' && event.dataset === 'visits' && event.status === status).length;
const cutovers = (): readonly (string | null)[] =>
  world.observed.flatMap((event) => (event.kind === 'snapshot_swapped' && event.cause === 'cutover' ? [event.snapshotId] : []));
/** Writes a form and waits until it is applied; nothing needs to have been built for it. */
const edit = async (n: number, spec?: Record<string, unknown>): Promise<void> => {
  const count = (): number => world.observed.filter(({ kind }) => kind === 'config_applied').length;
  const before = count();
  await world.write(form(n, spec));
  await until(() => count() > before);
};
/** With its source gone nothing can be built. */
const hideSource = async (): Promise<void> => rename(join(lake.folder, 'manifest.json'), join(lake.folder, 'away.json'));
const showSource = async (): Promise<void> => rename(join(lake.folder, 'away.json'), join(lake.folder, 'manifest.json'));
const nextFailure = async (): Promise<void> => {
  const count = (): number => attempts('failed') + attempts('rejected');
  const before = count();
  await until(() => count() > before);
};

/** Asks the endpoints of both forms all the time, and tells every kind of answer once. */
const watch = (key = 'acme') => {
  let isOver = false;
  const daily = new Set<string>();
  const wrong: string[] = [];
  const running = (async () => {
    while (!isOver) {
      const more = await ask('more', key);
      const { status, version, snapshot, keys } = await ask('daily', key);
      daily.add(`${status} v${version} ${snapshot} ${keys}`);
      if (more.status === 200 && version === 1) wrong.push('an endpoint of the new form while the old one served');
      if (more.status !== 200 && more.status !== 404) wrong.push(`more: ${more.status}`);
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await running;
      return { daily: [...daily].toSorted(), wrong };
    },
  };
};

test('New dataset: its endpoints 503 until loaded; existing endpoints never blink.', async () => {
  const other = await createLake('other');
  const watching = watch();
  const added = [{ ...visitsDataset(other.url), metadata: { name: 'other' } }, endpoint('later', { datasetRef: { name: 'other' } })];
  await world.write([...form(1), ...added]);
  await until(async () => (await ask('later')).status !== 404);
  expect((await ask('later')).status).toBe(503);
  await until(() => world.observed.some((event) => event.kind === 'refresh_ended' && event.dataset === 'other'));
  expect((await ask('later')).status).toBe(503);
  // What is new does not take a replica out of service.
  expect((await world.admin('/ready')).status).toBe(200);
  await other.publish('a1', visits(1));
  const seen = new Set<number>();
  await until(async () => {
    const { status } = await ask('later');
    seen.add(status);
    return status === 200;
  });
  expect([...seen].toSorted()).toEqual(seen.size === 1 ? [200] : [200, 503]);
  expect(await watching.stop()).toEqual({ daily: ['200 v1 a1 tenant_id,owner_id,day,visits'], wrong: [] });
  await other.remove();
});

test('Removed dataset: endpoints 404, data dropped.', async () => {
  const held = async (): Promise<readonly string[]> => {
    // A folder that is being removed while it is read.
    const found = await readdir(world.cacheDir, { recursive: true }).catch(() => ['visits/?']);
    return found.filter((path) => path.includes('visits/'));
  };
  expect((await held()).length).toBeGreaterThan(0);
  await world.write([apiKey('acme')]);
  await until(async () => (await ask('daily')).status !== 200);
  expect((await ask('daily')).status).toBe(404);
  await until(async () => (await held()).length === 0);
  expect(await (await world.admin('/metrics')).text()).not.toContain('dataset="visits"');
  expect(await report()).toBeUndefined();
  // Nor does it come back as it was: it is loaded anew.
  await hideSource();
  await world.write(form(1));
  await until(async () => (await ask('daily')).status !== 404);
  expect((await ask('daily')).status).toBe(503);
});

describe("A dataset's schema or tenant change is blue-green: the old snapshot and the old endpoints serve until the new table is built, then both flip together; new endpoints of that dataset appear only after the flip.", () => {
  test('a schema', async () => {
    const watching = watch();
    await hideSource();
    await edit(2);
    await nextFailure();
    expect(await ask('daily')).toMatchObject({ status: 200, version: 1, snapshot: 'a1', keys: 'tenant_id,owner_id,day,visits' });
    expect((await ask('more')).status).toBe(404);
    await lake.publish('a2', rows(2));
    await until(async () => (await ask('more')).status === 200);
    expect(await isForm(2, 'a2')).toBe(true);
    expect(await watching.stop()).toEqual({
      daily: ['200 v1 a1 tenant_id,owner_id,day,visits', '200 v2 a2 tenant_id,owner_id,day,visits,note'],
      wrong: [],
    });
  });

  test('a tenant, of the very same snapshot', async () => {
    const watching = [watch(), watch('other-acme')];
    await hideSource();
    await edit(4);
    await nextFailure();
    expect((await ask('daily')).rows).toHaveLength(100);
    expect((await ask('daily', 'other-acme')).rows).toEqual([]);
    expect((await ask('more')).status).toBe(404);
    await showSource();
    await until(async () => (await ask('more')).status === 200);
    expect((await ask('daily')).rows).toEqual([]);
    expect((await ask('daily', 'other-acme')).rows).toHaveLength(100);
    const all = 'tenant_id,owner_id,day,visits';
    expect(await watching[0]!.stop()).toEqual({ daily: ['200 v1 a1 ' + all, '200 v4 a1 '], wrong: [] });
    expect(await watching[1]!.stop()).toEqual({ daily: ['200 v1 a1 ', '200 v4 a1 ' + all], wrong: [] });
  });
});

describe('A failed build ⇒ the old version keeps serving, retried; a newer revision supersedes a pending one; reverting cancels.', () => {
  test('a build that fails is tried again, and again, until it can be', async () => {
    await lake.publish('a2', rowsWithout('note', 2));
    await until(async () => isForm(1, 'a2'));
    await edit(2);
    for (let n = 0; n < 3; n += 1) {
      await nextFailure();
      expect(await isForm(1, 'a2')).toBe(true);
    }
    expect((await report()).refresh_error).toMatchObject({ code: 'incompatible_schema' });
    await lake.publish('a3', rows(3));
    await until(async () => isForm(2, 'a3'));
    expect(cutovers()).toEqual(['a3']);
  });

  test('a newer revision, while the one before waits for its data', async () => {
    await lake.publish('a2', rowsWithout('note', 2));
    await until(async () => isForm(1, 'a2'));
    await edit(2);
    await nextFailure();
    const watching = watch();
    await edit(3);
    await until(async () => isForm(3, 'a2'));
    const { daily, wrong } = await watching.stop();
    expect(daily.filter((answer) => answer.includes(' v2 '))).toEqual([]);
    expect([wrong, cutovers()]).toEqual([[], ['a2']]);
  });

  test('reverting, after which the old form takes the next snapshot as if nothing had been', async () => {
    await hideSource();
    await edit(2);
    await nextFailure();
    await edit(1);
    await lake.publish('a2', rows(2));
    await until(async () => isForm(1, 'a2'));
    expect((await ask('more')).status).toBe(404);
    expect(cutovers()).toEqual([]);
  });

  test('until it is built the old version can be rolled back, and reverting leaves it what it was kept with', async () => {
    await lake.publish('a2', rowsWithout('note', 2));
    await until(async () => isForm(1, 'a2'));
    await edit(2);
    await nextFailure();
    expect((await report()).kept).toEqual(['a1']);
    await edit(2, { snapshot: { blocked: ['a2'] } });
    expect(await isForm(1, 'a1')).toBe(true);
    await edit(1);
    await until(async () => isForm(1, 'a2'));
    expect(cutovers()).toEqual([]);
  });

  test('reverting ends a build that runs, and leaves nothing of it', async () => {
    const door = createDoor();
    const room = await openRoom({ openStore: door.openStore });
    await room.lake.publish('a1', visits(1));
    const before = datasetOf(room.lake.url);
    await room.start(before);
    const building = door.close();
    room.snapshots.configure([datasetOf(room.lake.url, { schema: before.schema.filter(({ name }) => name !== 'day') })], {});
    await building.reached;
    room.snapshots.configure([before], {});
    await until(() => room.report().last_attempted?.status === 'unchanged');
    building.open();
    expect(room.observed.filter(({ kind }) => kind === 'snapshot_swapped')).toHaveLength(1);
    expect(room.report().layout).toBe(before.layout);
    expect(await room.answer()).toEqual({ id: 'a1', values: [1] });
    await until(async () => (await readdir(join(room.cacheDir, 'snapshots', 'visits'))).length === 1);
    await room.end();
  });
});

describe('A mismatch fails closed, never across tenants.', () => {
  test('a restart in the middle of a cutover, with only the old table there, answers nobody until the new one is', async () => {
    await hideSource();
    await edit(4);
    await nextFailure();
    const again = nextFailure();
    await world.restart();
    await again;
    for (const key of ['acme', 'other-acme']) for (const name of ['daily', 'more']) expect([name, key, (await ask(name, key)).status]).toEqual([name, key, 503]); // prettier-ignore
    await showSource();
    await until(async () => (await ask('daily')).status === 200);
    expect((await ask('daily')).rows).toEqual([]);
    expect((await ask('daily', 'other-acme')).rows).toHaveLength(100);
  });
});

test('A schema cutover is not a rollback target.', async () => {
  const keep = (blocked: readonly string[] = []) => ({ snapshot: { keep: 3, blocked } });
  await edit(1, keep());
  await lake.publish('a2', rowsWithout('note', 2));
  await until(async () => isForm(1, 'a2'));
  expect((await report()).kept).toEqual(['a1']);
  await edit(2, keep());
  await lake.publish('a3', rows(3));
  await until(async () => isForm(2, 'a3'));
  expect((await report()).kept).toEqual([]);
  await edit(2, keep(['a3']));
  await until(async () => (await report()).rollback_refused !== null);
  expect((await report()).rollback_refused).toContain('a3 is blocked, and no other snapshot is kept');
  expect(await isForm(2, 'a3')).toBe(true);
});
