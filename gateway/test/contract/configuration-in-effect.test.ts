// The contract's "Configuration and hot sync": when an edit of endpoints, keys and auth counts. A gateway that follows mounted parts.
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { mountParts, partsOf } from '../support/mounted.ts';

let folder: string;
let lake: Lake;
let world: World;
let sequence: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-in-effect-'));
  lake = await createLake();
  await lake.publish('a1', visits(1));
  sequence = 1;
  await mountParts(folder, partsOf([scoped(), daily(), apiKey('acme')]));
  world = await startWorld([], { OFFLOADER_CONFIG: folder });
});
afterEach(async () => {
  await world.end();
  await lake.remove();
  await rm(folder, { recursive: true, force: true });
});

const scoped = () => visitsDataset(lake.url);
const open = () => visitsDataset(lake.url, { tenantColumn: undefined });
const daily = (spec: Record<string, unknown> = {}) => endpoint('daily', spec);
const openDaily = () => daily({ tenant: undefined });
/** Resolves in the tick in which the configuration is applied: whatever is asked then is the very next request. */
const apply = async (resources: readonly unknown[], auth: 'required' | 'none' = 'required'): Promise<void> => {
  sequence += 1;
  await mountParts(folder, partsOf(resources, sequence, auth));
  await until(() => world.observed.some((event) => event.kind === 'config_applied' && event.sequence === sequence));
};
const status = async (key: string | null = 'acme', name = 'daily'): Promise<number> =>
  (await world.get(`/v1/endpoints/${name}`, key === null ? null : `${key}-token`)).status;
/** Days of one tenant are half of all. */
const days = async (key: string | null = 'acme'): Promise<number> => (await json(key)).data?.length;
const json = async (key: string | null = 'acme'): Promise<any> =>
  (await world.get('/v1/endpoints/daily', key === null ? null : `${key}-token`)).json();

describe('Endpoints, keys and auth take effect for the next request; a key revoked is denied on its very next request after the apply.', () => {
  test('endpoints', async () => {
    expect(await json()).toMatchObject({ meta: { version: 1 } });
    await apply([scoped(), daily({ version: 2 }), endpoint('more'), apiKey('acme')]);
    expect([await status('acme', 'more'), (await json()).meta.version]).toEqual([200, 2]);
    await apply([scoped(), endpoint('more'), apiKey('acme')]);
    expect([await status('acme', 'more'), await status()]).toEqual([200, 404]);
  });

  test('keys, also those whose answer lies in the cache', async () => {
    for (let n = 0; n < 2; n += 1) expect(await status()).toBe(200);
    await apply([scoped(), daily(), apiKey('acme', { state: 'Revoked' }), apiKey('beta')]);
    expect([await status(), await status('beta')]).toEqual([401, 200]);
    await apply([scoped(), daily(), apiKey('acme'), apiKey('beta', { endpoints: ['none'] }), endpoint('none')]);
    expect([await status(), await status('beta'), await status('beta', 'none')]).toEqual([200, 404, 200]);
    // One that has gone is as good as revoked.
    await apply([scoped(), daily()]);
    expect([await status(), await status('beta')]).toEqual([401, 401]);
  });

  test('a key that is revoked while it asks all the time, over connections that stay', async () => {
    let isOver = false;
    let applied = false;
    const late: number[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const isAfter = applied;
        const answer = await status();
        if (isAfter) late.push(answer);
      }
    });
    await apply([scoped(), daily(), apiKey('acme', { state: 'Revoked' })]);
    applied = true;
    await until(() => late.length > 20);
    isOver = true;
    await Promise.all(clients);
    expect(new Set(late)).toEqual(new Set([401]));
  });

  test('auth', async () => {
    await apply([open(), openDaily(), apiKey('acme')]);
    await until(async () => (await days()) === 30);
    expect([await status(null), await status()]).toEqual([401, 200]);
    await apply([open(), openDaily(), apiKey('acme')], 'none');
    expect([await status(null), await status('nobody')]).toEqual([200, 200]);
    await apply([open(), openDaily(), apiKey('acme')], 'required');
    expect([await status(null), await status('nobody'), await status()]).toEqual([401, 401, 200]);
  });
});

describe('auth required→none is deferred while any served endpoint is tenant-scoped.', () => {
  const free = () => ({ ...visitsDataset(lake.url, { tenantColumn: undefined }), metadata: { name: 'free' } });
  const freeDaily = () => endpoint('free', { datasetRef: { name: 'free' }, tenant: undefined });
  const away = (): string => join(lake.folder, 'away.json');
  const manifest = (): string => join(lake.folder, 'manifest.json');

  test('until the table that has no tenant is built, also for endpoints that never had one', async () => {
    await lake.publish('a2', visits(2), { change: (said) => (said['dataset_id'] = 'free') });
    await apply([scoped(), daily(), free(), freeDaily(), apiKey('acme'), apiKey('all', { tenant: undefined })]);
    await until(async () => (await status('all', 'free')) === 200);
    await rename(manifest(), away());
    await apply([open(), openDaily(), free(), freeDaily(), apiKey('acme')], 'none');
    const ended = () => world.observed.filter((event) => event.kind === 'refresh_ended' && event.dataset === 'visits').length;
    const before = ended();
    await until(() => ended() > before);
    expect([await status(null), await status(null, 'free'), await status()]).toEqual([401, 401, 200]);
    // What is asked for with a key is still of its tenant alone.
    expect(await days()).toBe(15);
    await lake.publish('a3', visits(3));
    await until(async () => (await status(null)) === 200);
    expect([await days(null), await status(null, 'free')]).toEqual([30, 200]);
  });

  test('or until it has gone', async () => {
    await apply([open(), openDaily(), apiKey('acme')]);
    await until(async () => (await days()) === 30);
    await apply([scoped(), daily(), free(), freeDaily(), apiKey('acme')]);
    await until(async () => (await days()) === 15);
    await rename(manifest(), away());
    await apply([open(), openDaily(), free(), freeDaily(), apiKey('acme')], 'none');
    expect(await status(null, 'free')).toBe(401);
    await apply([free(), freeDaily()], 'none');
    expect([await status(null), await status(null, 'free')]).toEqual([404, 503]);
  });
});
