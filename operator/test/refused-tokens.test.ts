/** A token that the API server will not take, and an Event: the key alone is told of it, and everything else goes on. */
import { describe, expect, test } from '@jest/globals';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { ApiRelay } from './support/api-relay.ts';
import type { Relayed } from './support/api-relay.ts';
import { apiKey, dataset, endpoint, mintedKey } from './support/samples.ts';
import { type World, conditionOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('a refusal', () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;

  inWorlds(
    api,
    'refused',
    async (opened) => {
      world = opened;
      relay = await new ApiRelay(api).start();
      await world.addGateway();
      await world.startOperator({}, relay.kubeConfig());
      await world.apply('Dataset', 'visits', dataset());
      await world.apply('Endpoint', 'daily', endpoint());
      await world.apply('ApiKey', 'plain', apiKey());
      await world.settled('ApiKey', 'plain', 'True', 'Live');
    },
    async (closed) => {
      await closed.close();
      await relay.stop();
    },
  );

  const served = (id: string) => world.gateways[0]!.loaded!.bundle.keys.find((key) => key.id === id);

  test('of a token Secret stalls its key alone, in the API server’s words; a revocation arrives meanwhile, and the key when it ends', async () => {
    relay.refuses = ({ method, path }) => method === 'POST' && /\/secrets(\?|$)/.test(path);
    await world.apply('ApiKey', 'minted', mintedKey());
    const refused = await world.settled('ApiKey', 'minted', 'False', 'TokenSecretRefused');
    expect(conditionOf(refused, 'Stalled')).toMatchObject({ status: 'True', message: expect.stringContaining('forbidden by the test') });
    await world.apply('ApiKey', 'plain', apiKey({ state: 'Revoked' }));
    await world.settled('ApiKey', 'plain', 'True', 'Revoked');
    expect(served('plain')?.state).toBe('Revoked');
    relay.refuses = () => false;
    await world.settled('ApiKey', 'minted', 'True', 'Live');
    expect(served('minted')?.hashes).toHaveLength(1);
  });

  test('of a rotation leaves the token that there was; it is tried later and later, not at every edit', async () => {
    await world.apply('ApiKey', 'minted', mintedKey());
    await world.settled('ApiKey', 'minted', 'True', 'Live');
    const before = served('minted')!.hashes;
    const isRotation = ({ method, path }: Relayed): boolean => method === 'PUT' && path.includes('/secrets/acme-token');
    relay.refuses = isRotation;
    await world.apply('ApiKey', 'minted', mintedKey({ rotation: { token: 'q4', overlap: '1h' }, limits: { requestsPerSecond: 7 } }));
    await world.settled('ApiKey', 'minted', 'False', 'TokenSecretRefused');
    await until('the rest of the edit', () => served('minted')?.limits.requestsPerSecond === 7);
    expect(served('minted')!.hashes).toEqual(before);
    const tries = () => relay.requests.filter(isRotation).length;
    const triedBefore = tries();
    for (let edit = 0; edit < 10; edit += 1) {
      await world.apply('ApiKey', 'plain', apiKey({ limits: { requestsPerSecond: edit + 1 } }));
      await until('the edit', () => served('plain')?.limits.requestsPerSecond === edit + 1);
    }
    expect(tries() - triedBefore).toBeLessThan(10);
    relay.refuses = () => false;
    await world.settled('ApiKey', 'minted', 'True', 'Live');
    expect(served('minted')?.hashes).toHaveLength(2);
  });

  test('is none where many are minted: what is ready goes out first, and the tokens together', async () => {
    const many = Array.from({ length: 60 }, (_, n) => `m${String(n)}`);
    const mints = ({ method, path }: Relayed): boolean => method === 'POST' && /\/secrets(\?|$)/.test(path);
    let held = true;
    relay.holds = (request) => held && mints(request);
    relay.delayMs = (request) => (mints(request) ? 200 : 0);
    await Promise.all(many.map((name) => world.apply('ApiKey', name, mintedKey({ tokenSecret: { name } }))));
    await world.apply('ApiKey', 'plain', apiKey({ state: 'Revoked' }));
    await until('the revocation', () => served('plain')?.state === 'Revoked');
    const withToken = () => many.filter((name) => (served(name)?.hashes.length ?? 0) > 0).length;
    expect(withToken()).toBe(0);
    held = false;
    await until('every token', () => withToken() === many.length);
    for (const name of many) await world.settled('ApiKey', name, 'True', 'Live');
    const written = world.operators[0]!.seen.filter(({ kind }) => kind === 'bundle_written').length;
    expect(written).toBeLessThan(many.length / 2);
  });

  test('of every Event holds nothing up', async () => {
    const lost = () => world.operators[0]!.seen.filter(({ kind }) => kind === 'event_lost').length;
    relay.refuses = ({ method, path }) => method === 'POST' && path.includes('/events');
    await world.apply('ApiKey', 'minted', mintedKey());
    await world.settled('ApiKey', 'minted', 'True', 'Live');
    await world.remove(world.path('secrets', 'offloader-gateway-keys'));
    await until('the keys to be back', () =>
      world.client.request({ method: 'GET', path: world.path('secrets', 'offloader-gateway-keys') }).then(
        () => true,
        () => false,
      ),
    );
    await until('both to be told', () => lost() >= 2);
    const failed = world.operators[0]!.seen.flatMap((one) =>
      one.kind === 'reconciled' && one.error instanceof Error ? one.error.message : [],
    );
    expect(failed.filter((error) => error.includes('forbidden by the test'))).toEqual([]);
  });
});
