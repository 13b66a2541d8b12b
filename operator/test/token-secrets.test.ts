/** What becomes of a token when people lay hands on its Secret, or name another one. */
import { describe, expect, test } from '@jest/globals';
import { sha256Hex } from '@offloader/contract';
import { ApiRelay } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { readIfThere } from './support/kube-api.ts';
import { apiKey, dataset, endpoint, mintedKey } from './support/samples.ts';
import { type World, conditionOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const encoded = (text: string): string => Buffer.from(text).toString('base64');

there('a token Secret', () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;

  inWorlds(
    api,
    'token-secrets',
    async (opened) => {
      world = opened;
      relay = await new ApiRelay(api).start();
      await world.addGateway();
      await world.apply('Dataset', 'visits', dataset());
      await world.apply('Endpoint', 'daily', endpoint());
      await world.apply('ApiKey', 'acme', mintedKey());
      await world.startOperator({}, relay.kubeConfig());
      await world.settled('ApiKey', 'acme', 'True', 'Live');
    },
    async (closed) => {
      await closed.close();
      await relay.stop();
    },
  );

  const read = (name = 'acme-token'): Promise<any> => readIfThere(world.client, world.path('secrets', name));
  const tokenIn = async (name?: string): Promise<string> => Buffer.from((await read(name)).data.token, 'base64').toString('utf8');
  const served = () => world.gateways[0]!.loaded!.bundle.keys.find(({ id }) => id === 'acme')!.hashes;
  const patch = (body: object, name = 'acme-token') =>
    world.client.request({ method: 'PATCH', path: world.path('secrets', name), contentType: 'application/merge-patch+json', body });

  test.each<[string, object]>([
    ['emptied', { data: { token: null } }],
    ['given another token', { data: { token: encoded('mine') } }],
    [
      'given another token, without its annotations',
      { data: { token: encoded('mine') }, metadata: { annotations: { 'offloader.dev/token-hash': null } } },
    ],
  ])('that is %s stalls its key; the token minted works on through a restart, and a new rotation mends it', async (_how, edit) => {
    const minted = { sha256: sha256Hex(await tokenIn()), notAfter: null };
    await patch(edit);
    const damaged = await world.settled('ApiKey', 'acme', 'False', 'TokenSecretDamaged');
    expect(conditionOf(damaged, 'Stalled')?.message).toContain('A new spec.rotation.token mints another.');
    expect(served()).toEqual([minted]);

    await world.operators[0]!.stop();
    const again = await world.startOperator({}, relay.kubeConfig());
    // An edit goes out with what is restored, and the hash with it.
    await world.apply('ApiKey', 'acme', mintedKey({ limits: { requestsPerSecond: 7 } }));
    await world.settled('ApiKey', 'acme', 'False', 'TokenSecretDamaged');
    await until('the edit to be served', () => world.gateways[0]!.loaded!.bundle.keys[0]?.limits.requestsPerSecond === 7);
    expect(served()).toEqual([minted]);
    expect(again.seen.some(({ kind }) => kind === 'token_written')).toBe(false);

    await world.apply('ApiKey', 'acme', mintedKey({ rotation: { token: 'mended', overlap: '1h' } }));
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    expect(served()).toEqual([
      { sha256: sha256Hex(await tokenIn()), notAfter: null },
      { ...minted, notAfter: expect.any(String) },
    ]);
  });

  test('that is damaged holds back neither a revocation nor what other keys ask', async () => {
    await patch({ data: { token: encoded('mine') } });
    await world.settled('ApiKey', 'acme', 'False', 'TokenSecretDamaged');
    await world.apply('ApiKey', 'plain', apiKey());
    await world.settled('ApiKey', 'plain', 'True', 'Live');
    await world.apply('ApiKey', 'acme', mintedKey({ state: 'Revoked' }));
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
  });

  test('of another name takes the token over, and the one before goes; consumers notice nothing', async () => {
    const [token, before] = [await tokenIn(), served()];
    const revision = () => world.gateways[0]!.loaded!.bundle.keys;
    const keys = revision();
    await world.apply('ApiKey', 'acme', mintedKey({ tokenSecret: { name: 'renamed' } }));
    await until('the one before to go', async () => (await read()) === undefined);
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    expect(await tokenIn('renamed')).toBe(token);
    expect((await read('renamed')).metadata.ownerReferences).toEqual([expect.objectContaining({ kind: 'ApiKey', name: 'acme' })]);
    expect([served(), revision()]).toEqual([before, keys]);
    await until('the event', async () => (await world.events()).some(({ reason }) => reason === 'TokenMoved'));
  });

  test('of another name with a new rotation holds the new token; the old one works for the overlap', async () => {
    const old = await tokenIn();
    await world.apply('ApiKey', 'acme', mintedKey({ tokenSecret: { name: 'renamed' }, rotation: { token: 'q4', overlap: '1h' } }));
    await until('the one before to go', async () => (await read()) === undefined);
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    expect(served()).toEqual([
      { sha256: sha256Hex(await tokenIn('renamed')), notAfter: null },
      { sha256: sha256Hex(old), notAfter: expect.any(String) },
    ]);
  });

  test('is never removed when it is not ours: neither the one named before, nor one of the new name', async () => {
    // Disowned: whoever takes the owner away takes the Secret.
    const { data } = await read();
    await patch({ metadata: { ownerReferences: null } });
    await world.client.request({ method: 'POST', path: world.path('secrets'), body: { metadata: { name: 'taken' }, data } });
    await world.apply('ApiKey', 'acme', mintedKey({ tokenSecret: { name: 'taken' }, rotation: { token: 'q4' } }));
    await world.settled('ApiKey', 'acme', 'False', 'TokenSecretConflict');
    await world.apply('ApiKey', 'acme', mintedKey({ tokenSecret: { name: 'free' }, rotation: { token: 'q4' } }));
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    expect([(await read())?.data, (await read('taken'))?.data]).toEqual([data, data]);
  });

  test('that may not be removed is left over: the key is Ready, says so, and it goes when it may', async () => {
    relay.refuses = ({ method, path }) => method === 'DELETE' && path.includes('/secrets/acme-token');
    await world.apply('ApiKey', 'acme', mintedKey({ tokenSecret: { name: 'renamed' } }));
    const told = async (): Promise<string> => conditionOf((await world.get('ApiKey', 'acme')).status, 'Ready').message;
    await until('status to tell of it', async () => (await told()).includes('is left over: '));
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    relay.refuses = () => false;
    await until('it to go', async () => (await read()) === undefined);
    await until('status to forget it', async () => !(await told()).includes('left over'));
  });
});
