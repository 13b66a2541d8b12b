import { describe, expect, test } from '@jest/globals';
import { sha256Hex } from '@offloader/contract';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { everyTextIn } from './support/every-object.ts';
import { startOperatorProcess } from './support/operator-process.ts';
import { RushClock } from './support/rush-clock.ts';
import { apiKey, dataset, endpoint, mintedKey } from './support/samples.ts';
import { type World, adminToken, turnsOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('keys', () => {
  const api = server as ApiServer;
  let world: World;

  inWorlds(api, 'keys', async (opened) => {
    world = opened;
    await world.addGateway();
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
  });

  const secret = async (name = 'acme-token'): Promise<any> => world.client.request({ method: 'GET', path: world.path('secrets', name) });
  const token = async (): Promise<string> => Buffer.from((await secret()).data.token, 'base64').toString('utf8');
  const served = () => world.gateways[0]!.loaded!.bundle.keys.find((key) => key.id === 'acme')!.hashes;

  test('a token is minted into its Secret, owned by the key, and only its hash reaches the gateways', async () => {
    await world.startOperator();
    await world.apply('ApiKey', 'acme', mintedKey());
    await world.settled('ApiKey', 'acme', 'True');
    const minted = await secret();
    const key = await world.get('ApiKey', 'acme');
    expect(await token()).toMatch(/^ofl_[A-Za-z0-9_-]{43}$/);
    expect(minted.metadata.ownerReferences).toEqual([expect.objectContaining({ kind: 'ApiKey', uid: key.metadata.uid, controller: true })]);
    expect(served()).toEqual([{ sha256: sha256Hex(await token()), notAfter: null }]);
  });

  test('no token, not even an old one, is in any object but its own Secret, in an event, a line of the log or a metric', async () => {
    const lease = { duration: '60s', renewDeadline: '50s', retry: '2s' };
    const operator = startOperatorProcess(world, 'operator', world.kubeConfig(), lease);
    try {
      await world.apply('ApiKey', 'acme', mintedKey());
      await world.settled('ApiKey', 'acme', 'True');
      const tokens = [await token()];
      for (const rotation of ['q3', 'q4']) {
        await world.apply('ApiKey', 'acme', mintedKey({ rotation: { token: rotation, overlap: '1h' } }));
        await until('another token', async () => (await token()) !== tokens.at(-1));
        tokens.push(await token());
        await world.settled('ApiKey', 'acme', 'True');
      }
      // What goes wrong is told at length: a Secret of somebody else, with a token in it as well.
      const canary = 'ofl_canary-of-somebody-else';
      const data = { token: Buffer.from(canary).toString('base64') };
      await world.client.request({ method: 'POST', path: world.path('secrets'), body: { metadata: { name: 'taken' }, data } });
      await world.apply('ApiKey', 'other', mintedKey({ tokenSecret: { name: 'taken' } }));
      await world.settled('ApiKey', 'other', 'False', 'TokenSecretConflict');
      await until('the events', async () => (await world.events()).filter(({ reason }) => reason === 'TokenRotated').length === 2);

      const held = await everyTextIn(world.client, world.namespace);
      const told = [
        { where: 'the log', text: operator.log() },
        { where: 'the metrics', text: await operator.metrics() },
        { where: 'a gateway', text: JSON.stringify(world.gateways[0]!.loaded) },
      ];
      const whereIs = (secret: string): readonly string[] => [
        ...new Set([...held, ...told].filter(({ text }) => text.includes(secret)).map(({ where }) => where)),
      ];
      const [first, second, last] = tokens as [string, string, string];
      expect(whereIs(last)).toEqual(['secrets/acme-token.data.token']);
      expect([whereIs(first), whereIs(second), whereIs(adminToken)]).toEqual([[], [], []]);
      expect(whereIs(canary)).toEqual(['secrets/taken.data.token']);
      // It finds what is there: hashes are where they belong.
      expect(whereIs(sha256Hex(last))).toEqual(
        expect.arrayContaining(['a gateway', expect.stringMatching(/^secrets\/offloader-gateway-keys/)]),
      );
      expect(operator.log()).toContain('token_written');
    } finally {
      await operator.clear();
    }
  });

  test('a new rotation token mints another; the old one works for the overlap; a restart does not mint again', async () => {
    const operator = await world.startOperator();
    await world.apply('ApiKey', 'acme', mintedKey());
    await world.settled('ApiKey', 'acme', 'True');
    const old = await token();
    await world.apply('ApiKey', 'acme', mintedKey({ rotation: { token: 'q4', overlap: '1h' } }));
    await until('the new token to be served', () => served().length === 2);
    const fresh = await token();
    expect(fresh).not.toBe(old);
    expect(served()).toEqual([
      { sha256: sha256Hex(fresh), notAfter: null },
      { sha256: sha256Hex(old), notAfter: expect.any(String) },
    ]);
    const endsInMs = Date.parse(served()[1]!.notAfter!) - Date.now();
    expect(endsInMs).toBeGreaterThan(50 * 60_000);
    expect(endsInMs).toBeLessThanOrEqual(60 * 60_000);
    expect((await world.settled('ApiKey', 'acme', 'True')).handledRotation).toBe('q4');
    await operator.stop();
    const again = await world.startOperator();
    await until('the restart', () => turnsOf(again, 'bundle') > 0 && turnsOf(again, 'status') > 0);
    expect(await token()).toBe(fresh);
  });

  test('a deleted Secret is not minted anew unasked: the token works on and status says that its Secret is gone', async () => {
    await world.startOperator();
    await world.apply('ApiKey', 'acme', mintedKey());
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    const old = await token();
    await world.remove(world.path('secrets', 'acme-token'));
    await world.settled('ApiKey', 'acme', 'True', 'TokenSecretMissing');
    expect(served()).toEqual([{ sha256: sha256Hex(old), notAfter: null }]);
    await world.apply('ApiKey', 'acme', mintedKey({ rotation: { token: 'again', overlap: '1m' } }));
    await until('a new token', () => served().length === 2);
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    expect(served()[0]?.sha256).toBe(sha256Hex(await token()));
  });

  test('a revoked key, an expired key and a deleted key say and do so', async () => {
    const clock = new RushClock();
    const hourMs = 3_600_000;
    await world.startOperator({ leaseDurationMs: 10 * hourMs, leaseRenewDeadlineMs: 9 * hourMs }, world.kubeConfig(), clock);
    await world.apply('ApiKey', 'acme', apiKey({ expiresAt: new Date(clock.nowMs() + hourMs).toISOString() }));
    await world.settled('ApiKey', 'acme', 'True', 'Live');
    clock.speed = 1200;
    expect((await world.settled('ApiKey', 'acme', 'False', 'Expired')).state).toBe('Expired');
    clock.speed = 1;
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    expect((await world.settled('ApiKey', 'acme', 'True', 'Revoked')).state).toBe('Revoked');
    await world.remove(world.ownPath('ApiKey', 'acme'));
    await until('the key to be gone from the gateway', () => world.gateways[0]!.loaded!.bundle.keys.length === 0);
  });

  test('the time of last use is shown', async () => {
    await world.startOperator();
    await world.apply('ApiKey', 'acme', apiKey());
    await world.settled('ApiKey', 'acme', 'True');
    world.gateways[0]!.keys = [{ id: 'acme', last_used_at: '2026-06-01T00:00:00Z' }];
    await until('lastUsed', async () => (await world.get('ApiKey', 'acme')).status.lastUsed === '2026-06-01T00:00:00Z');
  });
});
