/** The Secrets that datasets name: how often they are read, and how soon a change of one arrives. */
import { describe, expect, test } from '@jest/globals';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { ApiRelay } from './support/api-relay.ts';
import { dataset, endpoint } from './support/samples.ts';
import { type World, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const names = Array.from({ length: 20 }, (_, n) => `lake-${String(n)}`);

there('credentials', () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;

  inWorlds(
    api,
    'credentials',
    async (opened) => {
      world = opened;
      relay = await new ApiRelay(api).start();
      await world.addGateway();
      for (const name of names) {
        await put(name, 'first');
        await world.apply('Dataset', name, naming(name));
      }
      await world.apply('Endpoint', 'daily', endpoint({ datasetRef: { name: names[0] } }));
      await world.startOperator({}, relay.kubeConfig());
      await world.settled('Endpoint', 'daily', 'True');
    },
    async (closed) => {
      await closed.close();
      await relay.stop();
    },
  );

  const naming = (name: string, more: object = {}) =>
    dataset({ source: { manifest: { url: 's3://lake/m.json' }, credentialsSecretRef: { name }, ...more } });
  const put = (name: string, secret: string) =>
    world.client.request({
      method: 'PATCH',
      path: world.path('secrets', name),
      query: { fieldManager: 'test', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { accessKeyId: 'id', secretAccessKey: secret } },
    });
  const reads = (name?: string): number =>
    relay.requests.filter(
      ({ method, path }) => method === 'GET' && /\/secrets\/lake-/.test(path) && (name === undefined || path.endsWith(`/${name}`)),
    ).length;
  const served = (name: string) => world.gateways[0]!.loaded!.credentials[name]?.secretAccessKey;

  test('are not read again for every edit, but at once when a Dataset that names them is edited', async () => {
    const edits = 10;
    const [before, sinceMs] = [reads(), performance.now()];
    expect(before).toBeGreaterThanOrEqual(names.length);
    for (let edit = 0; edit < edits; edit += 1) {
      await world.apply('Endpoint', 'daily', endpoint({ datasetRef: { name: names[0] }, version: edit + 2 }));
      await until('the edit', () => world.gateways[0]!.loaded!.bundle.endpoints[0]?.version === edit + 2);
    }
    // Each is read once in 20 s by itself, on a machine that takes so long for the edits.
    const dueMeanwhile = names.length * Math.floor((performance.now() - sinceMs) / 20_000);
    expect(reads() - before).toBeLessThan((edits * names.length) / 2 + dueMeanwhile);
    await put('lake-3', 'second');
    await world.apply('Dataset', 'lake-3', naming('lake-3', { interval: '61s' }));
    await until('the dataset', () => world.gateways[0]!.loaded!.bundle.datasets.some(({ source }) => source.intervalMs === 61_000));
    expect(served('lake-3')).toBe('second');
  });

  test('that change arrive though nobody edits anything, and sooner where a source refuses them', async () => {
    await put('lake-7', 'rotated');
    world.gateways[0]!.rows.set('lake-5', {
      refresh_error: { code: 'source_credentials_rejected', path: 'spec.source', message: 'the store answered 403', owner: 'Environment' },
    });
    const [doubted, other] = [reads('lake-5'), reads('lake-6')];
    await until('it to be read three times', () => reads('lake-5') >= doubted + 3);
    expect(reads('lake-6') - other).toBeLessThan(3);
    await put('lake-5', 'mended');
    await until('the mended one', () => served('lake-5') === 'mended');
    await until('the other one', () => served('lake-7') === 'rotated');
  });
});
