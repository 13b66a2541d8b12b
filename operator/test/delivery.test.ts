import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { decodeBundle, labels, maxConfigParts, maxPartBytes, mounted, objectNames } from '@offloader/contract';
import { ApiRelay } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, conditionOf, release, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const names = objectNames(release);

/** Text that does not compress, and so takes room. */
const noise = (seed: string, bytes: number): string => {
  let text = '';
  for (let n = 0; text.length < bytes; n += 1)
    text += createHash('sha256')
      .update(`${seed} ${String(n)}`)
      .digest('base64url');
  return text.slice(0, bytes);
};
/** An endpoint of some 260 KiB when compressed: two do not fit into one part. */
const bulky = (name: string) =>
  endpoint({
    name,
    params: [
      { name: 'from', type: 'date' },
      ...Array.from({ length: 28 }, (_none, n) => ({
        name: `p${String(n)}`,
        type: 'enum',
        enum: Array.from({ length: 200 }, (_one, at) => noise(`${name} ${String(n)} ${String(at)}`, 60)),
      })),
    ],
  });

const sentence =
  'The mounted configuration is several ConfigMaps and a Secret, each part under 512 KiB; an index with the revision and the sha256 of every part is written last, and the gateway applies a revision only when all its parts match: never a mixed set.';
there(sentence, () => {
  const api = server as ApiServer;
  let world: World;
  let relay: ApiRelay;

  inWorlds(
    api,
    'delivery',
    async (opened) => {
      world = opened;
      relay = await new ApiRelay(api).start();
      await world.apply('Dataset', 'visits', dataset());
    },
    async () => {
      await world.close();
      await relay.stop();
    },
  );

  /** What a reader makes of the objects as they are in the cluster now. */
  const readNow = async () => {
    const query = { labelSelector: `${labels.release}=${release}` };
    const [configMaps, secrets] = (await Promise.all(
      ['configmaps', 'secrets'].map((plural) => world.client.request({ method: 'GET', path: world.path(plural), query })),
    )) as any[];
    const files = new Map<string, Uint8Array>(
      [...configMaps.items.map((one: any) => one.binaryData), ...secrets.items.map((one: any) => one.data)].flatMap((held) =>
        Object.entries(held ?? {}).map(([file, text]): [string, Uint8Array] => [file, Buffer.from(String(text), 'base64')]),
      ),
    );
    const index = configMaps.items.find((one: any) => one.metadata.name === names.index).data[mounted.index];
    return { decoded: decodeBundle(JSON.parse(index), (file) => files.get(file)), files };
  };

  test('interrupted after any number of writes, readers have the old set whole or the new one, never a mixture', async () => {
    const edition = async (n: number): Promise<void> => {
      await world.apply('Endpoint', 'one', { ...bulky('one'), version: n });
      await world.apply('Endpoint', 'two', { ...bulky('two'), version: n });
      await world.apply('ApiKey', 'acme', apiKey({ endpoints: ['one'], tenant: `tenant-${String(n)}` }));
    };
    /** The editions of all parts in a set; one number when they belong together. */
    const editionsOf = (bundle: any): readonly number[] => [
      ...new Set([...bundle.endpoints.map((one: any) => one.version), ...bundle.keys.map((one: any) => Number(one.tenant.split('-')[1]))]),
    ];
    const written = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
      method === 'PATCH' && /\/(configmaps|secrets)\//.test(path);
    await world.addGateway();
    await edition(1);
    const first = await world.startOperator({}, relay.kubeConfig());
    await world.settled('Endpoint', 'two', 'True');
    await world.settled('ApiKey', 'acme', 'True');
    await first.stop();
    const states: string[] = [];
    for (let allowed = 0; allowed < 4; allowed += 1) {
      await edition(allowed + 2);
      let left = allowed;
      let refused = 0;
      relay.refuses = (request) => {
        if (!written(request)) return false;
        left -= 1;
        if (left < 0) refused += 1;
        return left < 0;
      };
      const operator = await world.startOperator({}, relay.kubeConfig());
      await until(`an interruption after ${String(allowed)} writes`, () => refused > 0 || world.gateways[0]!.sequence > allowed + 2);
      const { decoded } = await readNow();
      if (decoded.ok) expect(editionsOf(decoded.value.bundle)).toHaveLength(1);
      else expect(decoded.error).toMatch(/does not match its digest/);
      states.push(decoded.ok ? 'whole' : 'refused');
      expect(editionsOf(world.gateways[0]!.loaded!.bundle)).toEqual([allowed + 1]);
      relay.refuses = () => false;
      await world.settled('Endpoint', 'two', 'True');
      await world.settled('ApiKey', 'acme', 'True');
      expect(editionsOf(world.gateways[0]!.loaded!.bundle)).toEqual([allowed + 2]);
      await operator.stop();
    }
    // The keys, two parts and the index: before the first write the old set, after each of the others one that readers refuse.
    expect(states).toEqual(['whole', 'refused', 'refused', 'refused']);
  });

  test('a configuration that is too large for one part is split, and what exceeds all parts waits and says so', async () => {
    const count = maxConfigParts + 2;
    const named = (n: number): string => `e${String(n).padStart(2, '0')}`;
    const apply = async (n: number) => world.apply('Endpoint', named(n), bulky(named(n)));
    for (let n = 0; n < maxConfigParts; n += 1) await apply(n);
    // Without a gateway: what is told is the operator's own judgement.
    await world.startOperator();
    await world.settled('Endpoint', named(0), 'False', 'NoGateways');
    for (let n = maxConfigParts; n < count; n += 1) await apply(n);
    const refused = await world.settled('Endpoint', named(count - 1), 'False', 'ConfigurationFull');
    expect(conditionOf(refused, 'Stalled').message).toMatch(/no room for it.*remove objects that are no longer used/);
    const { decoded, files } = await readNow();
    expect(decoded.ok && decoded.value.bundle.endpoints.length).toBe(maxConfigParts);
    expect([...files.keys()].filter((file) => file.startsWith('part-'))).toHaveLength(maxConfigParts);
    expect(Math.max(...[...files.values()].map((bytes) => bytes.length))).toBeLessThanOrEqual(maxPartBytes);
    // The others converge all the same.
    await world.apply('ApiKey', 'acme', apiKey({ endpoints: [named(1)] }));
    await world.settled('ApiKey', 'acme', 'False', 'NoGateways');
    await world.remove(world.ownPath('Endpoint', named(0)));
    await world.settled('Endpoint', named(maxConfigParts), 'False', 'NoGateways');
    await world.settled('Endpoint', named(count - 1), 'False', 'ConfigurationFull');
  });
});
