// The contract's section "Names in the cluster", what the operator makes and reads of it: a real API server, one world for all.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { annotations, labels, mounted, objectNames } from '@offloader/contract';
import { permissions, volumePermissions } from '../../src/index.ts';
import { startApiServer } from '../support/api-server.ts';
import type { ApiServer } from '../support/api-server.ts';
import { CacheVolumes } from '../support/cache-volumes.ts';
import { active } from '../support/facts.ts';
import { kubeConfigWith } from '../support/rights.ts';
import { apiKey, dataset, endpoint, hash, mintedKey } from '../support/samples.ts';
import { World, clientOf, conditionOf, installCrds, replicas, until } from '../support/world.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

there('names in the cluster', () => {
  const api = server as ApiServer;
  let world: World;
  const read = async (plural: string, name: string): Promise<any> =>
    world.client.request({ method: 'GET', path: world.path(plural, name) });
  const make = async (plural: string, body: object): Promise<any> =>
    world.client.request({ method: 'POST', path: world.path(plural), body });
  const has = async (path: string): Promise<boolean> =>
    world.client.request({ method: 'GET', path }).then(
      () => true,
      () => false,
    );
  /** The API server counts in seconds: what comes after this is younger. */
  const nextSecond = async (): Promise<void> => {
    const second = Math.floor(Date.now() / 1000);
    await until('the next second', () => Math.floor(Date.now() / 1000) > second);
  };

  beforeAll(async () => {
    const client = clientOf(api.kubeconfig);
    await installCrds(client);
    client.close();
    world = await new World(api.kubeconfig, 'names').open();
    const volumes = new CacheVolumes(world);
    for (let n = 0; n < replicas; n += 1) await volumes.give((await world.addGateway()).name);
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.apply('ApiKey', 'acme', apiKey());
    // No right beyond its own namespace.
    await world.startOperator({}, await kubeConfigWith(world, { namespaced: [...permissions, ...volumePermissions], cluster: [] }));
    await world.settled('Endpoint', 'daily', 'True');
    await world.settled('ApiKey', 'acme', 'True');
  });
  afterAll(async () => {
    await world.close();
    await api.stop();
  });

  test('Lease, ConfigMaps and Secret of a release named otherwise bear its name', async () => {
    const names = objectNames('acme');
    const other = await world.startOperator({ release: 'acme' });
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${world.namespace}/leases`;
    for (const path of [
      `${lease}/acme-operator`,
      world.path('configmaps', 'acme-gateway-config'),
      world.path('secrets', 'acme-gateway-keys'),
    ])
      await until(`${path} to be there`, async () => has(path));
    await other.stop();
    expect([names.operator, names.index, names.keys, names.secrets]).toEqual([
      'acme-operator',
      'acme-gateway-config',
      'acme-gateway-keys',
      'acme-gateway-secrets',
    ]);
    expect(await has(`${lease}/offloader-operator`)).toBe(true);
  });

  test('The index in `R-gateway-config` is JSON that names every part with the sha256 of its bytes.', async () => {
    const index = JSON.parse((await read('configmaps', 'offloader-gateway-config')).data[mounted.index]);
    const query = { labelSelector: `${labels.release}=offloader` };
    const lists: any[] = await Promise.all(
      ['configmaps', 'secrets'].map((plural) => world.client.request({ method: 'GET', path: world.path(plural), query })),
    );
    const objects = lists
      .flatMap(({ items }) => items)
      .filter(({ metadata }) => /-gateway-(config-[0-9]+|keys|credentials)$/.test(metadata.name));
    const files = objects
      .flatMap(({ binaryData, data }) => Object.entries({ ...binaryData, ...data }))
      .map(([file, bytes]) => [file, sha256(Buffer.from(String(bytes), 'base64'))]);
    expect(files.length).toBeGreaterThan(1);
    expect(index.parts.map((part: any) => [part.file, part.sha256]).toSorted()).toEqual(files.toSorted());
    expect(objects.map(({ kind, metadata }) => [kind, metadata.name]).filter(([, name]) => name.endsWith('-keys'))).toHaveLength(1);
  });

  test('The operator watches its own namespace and reaches gateways by pod IP, needing no DNS.', async () => {
    const elsewhere = await new World(api.kubeconfig, 'elsewhere').open();
    await elsewhere.apply('Dataset', 'visits', dataset());
    await world.apply('Dataset', 'seen', dataset());
    const { gateways } = await world.settled('Dataset', 'seen', 'True');
    expect(gateways).toMatchObject({ ready: replicas, total: replicas });
    expect((await elsewhere.get('Dataset', 'visits')).status.conditions).toBeUndefined();
    // Nothing but an address leads to them: their pods have no name that could be resolved.
    for (const { name, userAgents } of world.gateways) {
      expect([(await read('pods', name)).spec.hostname, [...userAgents]]).toEqual([
        undefined,
        [expect.stringMatching(/^offloader-operator\//)],
      ]);
    }
    await elsewhere.close();
  });

  test('Of two objects that claim one endpoint name or one key hash the older wins and the younger is told.', async () => {
    await nextSecond();
    // First in the alphabet, so that age alone decides.
    await world.apply('Endpoint', 'a-younger', endpoint({ version: 2 }));
    await world.apply('ApiKey', 'a-younger', apiKey({ tenant: 'beta' }));
    const told = conditionOf(await world.settled('Endpoint', 'a-younger', 'False', 'DuplicateEndpoint'), 'Stalled');
    expect(told.message).toContain('daily');
    expect(conditionOf(await world.settled('ApiKey', 'a-younger', 'False', 'DuplicateKey'), 'Stalled').message).not.toContain(hash);
    await world.settled('Endpoint', 'daily', 'True');
    await world.settled('ApiKey', 'acme', 'True');
    const { endpoints, keys } = world.gateways[0]!.loaded!.bundle;
    expect(endpoints.map(({ object, version }) => [object, version])).toEqual([['daily', 1]]);
    expect(keys.map(({ id, tenant }) => [id, tenant])).toEqual([['acme', 'acme']]);
    for (const kind of ['Endpoint', 'ApiKey'] as const) await world.remove(world.ownPath(kind, 'a-younger'));
  });

  describe("`state` defaults to Active; an expired key's reason is `Expired`, a suspended dataset's `Suspended`, a quality warning's `QualityWarning`.", () => {
    test('state', async () => {
      expect((await world.get('ApiKey', 'acme')).spec.state).toBe('Active');
      expect((await world.settled('ApiKey', 'acme', 'True')).state).toBe('Active');
    });

    test('the reasons', async () => {
      await world.apply('ApiKey', 'old', apiKey({ hash: 'b'.repeat(64), expiresAt: '2020-01-01T00:00:00Z' }));
      await world.settled('ApiKey', 'old', 'False', 'Expired');
      await world.apply('Dataset', 'visits', dataset({ suspend: true }));
      await world.settled('Dataset', 'visits', 'True', 'Suspended');
      for (const gateway of world.gateways) gateway.rows.set('visits', { active_snapshot: active('s1', 'warning') });
      await world.apply('Dataset', 'visits', dataset());
      await world.settled('Dataset', 'visits', 'True', 'QualityWarning');
      for (const gateway of world.gateways) gateway.rows.clear();
    });
  });

  test("A minted token's Secret is owned by its ApiKey; a Secret of that name that the operator did not make is never touched.", async () => {
    const taken = await make('secrets', { metadata: { name: 'taken' }, data: { token: base64('mine') } });
    await world.apply('ApiKey', 'minted', mintedKey());
    await world.apply('ApiKey', 'refused', mintedKey({ tokenSecret: { name: 'taken' } }));
    await world.settled('ApiKey', 'minted', 'True');
    expect(conditionOf(await world.settled('ApiKey', 'refused', 'False', 'TokenSecretConflict'), 'Stalled').status).toBe('True');
    const { uid } = (await world.get('ApiKey', 'minted')).metadata;
    expect((await read('secrets', 'acme-token')).metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'ApiKey', name: 'minted', uid, controller: true }),
    ]);
    expect(await read('secrets', 'taken')).toEqual(taken);
  });

  test("Secrets: credentials named by `credentialsSecretRef` have the keys `accessKeyId`, `secretAccessKey`, optional `sessionToken`, or `serviceAccountJson`, or `hmacAccessId` and `hmacSecret`; a minted key's Secret has the key `token`.", async () => {
    const kinds: Readonly<Record<string, readonly string[]>> = {
      plain: ['accessKeyId', 'secretAccessKey'],
      session: ['accessKeyId', 'secretAccessKey', 'sessionToken'],
      account: ['serviceAccountJson'],
      hmac: ['hmacAccessId', 'hmacSecret'],
    };
    for (const [name, keys] of Object.entries(kinds)) {
      const data = Object.fromEntries([...keys, 'other'].map((key) => [key, base64(`${name} ${key}`)]));
      await make('secrets', { metadata: { name }, data });
      await world.apply(
        'Dataset',
        `with-${name}`,
        dataset({ source: { manifest: { url: 's3://lake/m.json' }, credentialsSecretRef: { name } } }),
      );
    }
    const held = (name: string): object | undefined => world.gateways[0]!.loaded?.credentials[name];
    await until('all of them at the gateways', () => Object.keys(kinds).every((name) => held(name) !== undefined));
    for (const [name, keys] of Object.entries(kinds))
      expect(held(name)).toEqual(Object.fromEntries(keys.map((key) => [key, `${name} ${key}`])));
    expect(Object.keys((await read('secrets', 'acme-token')).data)).toEqual(['token']);
  });

  test("Annotations and labels: `offloader.dev/config-revision` (the nudge, on pods), `offloader.dev/refresh-requested-at` (on a Dataset), `offloader.dev/quarantine-volume: TOKEN` (on a gateway pod or claim: replace this replica's volume once), `offloader.dev/quarantined-from` (on the PersistentVolume kept).", async () => {
    const pods = await Promise.all(world.gateways.map(async ({ name }) => read('pods', name)));
    for (const { metadata } of pods) expect(metadata.annotations['offloader.dev/config-revision']).toMatch(/./);
    for (const gateway of world.gateways) gateway.rows.set('seen', { refreshed: null });
    await world.apply('Dataset', 'seen', dataset(), { 'offloader.dev/refresh-requested-at': 'now' });
    await until('the gateways to be asked', () =>
      world.gateways.every(({ loaded }) => loaded?.bundle.datasets.find(({ name }) => name === 'seen')?.refreshToken === 'now'),
    );
    for (const gateway of world.gateways) gateway.rows.clear();
    await until('the echo', async () => (await world.get('Dataset', 'seen')).status.handledRefresh === 'now');
    // What they do to a volume: quarantine.test.ts. This operator lacks the right to it, and answers each.
    const volumes = new CacheVolumes(world);
    const pod = world.gateways[0]!.name;
    const asked = async (plural: 'pods' | 'persistentvolumeclaims', name: string, token: string): Promise<void> => {
      await volumes.annotate(plural, name, token);
      await until(`an answer to ${token}`, async () => {
        const { data } = await read('configmaps', 'offloader-gateway-volumes').catch(() => ({}));
        return JSON.parse(data?.[pod] ?? '{}').request?.token === token;
      });
      await volumes.annotate(plural, name, null);
    };
    await asked('pods', pod, 'by-pod');
    await asked('persistentvolumeclaims', `cache-${pod}`, 'by-claim');
    expect([annotations.quarantineVolume, labels.quarantinedFrom]).toEqual([
      'offloader.dev/quarantine-volume',
      'offloader.dev/quarantined-from',
    ]);
  });
});
