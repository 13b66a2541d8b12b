/** Everything that an operator does, step by step, in a namespace of its own; it ends at a step that a refusal makes impossible. */
import { mounted, objectNames, sha256Hex } from '@offloader/contract';
import { CacheVolumes } from './cache-volumes.ts';
import { readIfThere } from './kube-api.ts';
import { kubeConfigWith } from './rights.ts';
import type { Rights } from './rights.ts';
import { apiKey, dataset, endpoint, mintedKey } from './samples.ts';
import { World, conditionOf, release, until } from './world.ts';
import type { Operator } from './world.ts';

export type Life = { readonly done: readonly string[]; readonly missing: string | null; readonly refusals: readonly string[] };

type Scene = { readonly world: World; readonly volumes: CacheVolumes; readonly operator: Operator };
type Step = {
  readonly name: string;
  readonly act?: (scene: Scene) => Promise<unknown>;
  readonly holds: (scene: Scene) => Promise<boolean>;
};

const names = objectNames(release);
const found = async ({ world }: Scene, plural: string, name: string): Promise<any> => readIfThere(world.client, world.path(plural, name));
const isReady = async ({ world }: Scene, kind: 'Dataset' | 'Endpoint' | 'ApiKey', name: string): Promise<boolean> => {
  const { metadata, status } = await world.get(kind, name);
  return status?.observedGeneration === metadata.generation && conditionOf(status, 'Ready')?.status === 'True';
};
const allReady = async (scene: Scene): Promise<boolean> =>
  (await isReady(scene, 'Dataset', 'visits')) && (await isReady(scene, 'Endpoint', 'daily')) && (await isReady(scene, 'ApiKey', 'minted'));
const edit = (kind: 'Dataset' | 'Endpoint' | 'ApiKey', name: string, spec: object): Pick<Step, 'act' | 'holds'> => ({
  act: ({ world }) => world.apply(kind, name, spec),
  holds: (scene) => isReady(scene, kind, name),
});
const credentials = { accessKeyId: Buffer.from('id').toString('base64'), secretAccessKey: Buffer.from('secret').toString('base64') };

const life: readonly Step[] = [
  { name: 'the three kinds are Ready', holds: allReady },
  {
    name: 'the lease is renewed',
    holds: async ({ world }) => {
      const path = `/apis/coordination.k8s.io/v1/namespaces/${world.namespace}/leases/${names.operator}`;
      const { spec } = (await world.client.request({ method: 'GET', path })) as any;
      return spec.renewTime > spec.acquireTime;
    },
  },
  {
    name: 'events tell of it',
    holds: async ({ world }) => (await world.events()).some(({ reason }) => reason === 'SnapshotActivated'),
  },
  { name: 'an edit of a Dataset is Ready', ...edit('Dataset', 'visits', dataset({ description: 'edited' })) },
  { name: 'an edit of an Endpoint is Ready', ...edit('Endpoint', 'daily', endpoint({ version: 2 })) },
  { name: 'an edit of an ApiKey is Ready', ...edit('ApiKey', 'minted', mintedKey({ limits: { requestsPerSecond: 7 } })) },
  {
    name: 'credentials reach the gateways',
    act: ({ world }) =>
      world.apply(
        'Dataset',
        'visits',
        dataset({ source: { manifest: { url: 's3://lake/m.json' }, credentialsSecretRef: { name: 'lake' } } }),
      ),
    holds: ({ world }) => Promise.resolve(world.gateways[0]!.loaded?.credentials['lake']?.secretAccessKey === 'secret'),
  },
  {
    name: 'a token is rotated',
    act: ({ world }) => world.apply('ApiKey', 'minted', mintedKey({ rotation: { token: 'q4', overlap: '1h' } })),
    holds: async (scene) => {
      const token = Buffer.from((await found(scene, 'secrets', 'acme-token')).data.token, 'base64').toString('utf8');
      const served = scene.world.gateways[0]!.loaded?.bundle.keys.find(({ id }) => id === 'minted')?.hashes ?? [];
      return served.length === 2 && served[0]?.sha256 === sha256Hex(token);
    },
  },
  {
    name: 'a token moves to the Secret that is named now',
    act: ({ world }) =>
      world.apply('ApiKey', 'minted', mintedKey({ tokenSecret: { name: 'moved' }, rotation: { token: 'q4', overlap: '1h' } })),
    holds: async (scene) =>
      (await found(scene, 'secrets', 'moved')) !== undefined && (await found(scene, 'secrets', 'acme-token')) === undefined,
  },
  {
    name: 'a part that was changed is restored',
    act: ({ world }) =>
      world.client.request({
        method: 'PATCH',
        path: world.path('configmaps', names.index),
        contentType: 'application/merge-patch+json',
        body: { data: { [mounted.index]: '{}' } },
      }),
    holds: async (scene) => (await found(scene, 'configmaps', names.index)).data[mounted.index] !== '{}',
  },
  {
    name: 'keys that were deleted are restored',
    act: ({ world }) => world.remove(world.path('secrets', names.keys)),
    holds: async (scene) => (await found(scene, 'secrets', names.keys)) !== undefined,
  },
  {
    name: 'a surplus part goes',
    act: ({ world }) =>
      world.client.request({
        method: 'POST',
        path: world.path('configmaps'),
        body: { metadata: { name: names.part(7), labels: { 'offloader.dev/release': release } } },
      }),
    holds: async (scene) => (await found(scene, 'configmaps', names.part(7))) === undefined,
  },
  {
    name: 'a new replica counts',
    act: ({ world }) => world.addGateway(),
    holds: async ({ world }) => (await world.get('Dataset', 'visits')).status.gateways.ready === 2,
  },
  {
    name: 'a cache volume is replaced',
    act: ({ world, volumes }) => volumes.annotate('persistentvolumeclaims', `cache-${world.gateways[0]!.name}`, 'q1'),
    holds: async ({ world, volumes }) => {
      const { name } = world.gateways[0]!;
      return (await volumes.claimOf(name)).metadata.deletionTimestamp !== undefined && (await volumes.pod(name)) === undefined;
    },
  },
];
export const steps: readonly string[] = life.map(({ name }) => name);

/** What the API server refused, as far as the operator tells of it. */
const refusalsOf = ({ seen }: Operator): readonly string[] =>
  seen.flatMap((one) => {
    if (one.kind === 'volume_quarantine') return one.phase === 'refused' ? [one.message] : [];
    const message = 'error' in one && one.error instanceof Error ? one.error.message : '';
    return message.includes('forbidden') ? [message] : [];
  });

/** Since then it has tried again, or has gone on with everything else. */
const hasGoneOn = (operator: Operator, seen: number, refused: number): boolean =>
  refusalsOf(operator).length > refused + 1 ||
  operator.seen.slice(seen).filter((one) => one.kind === 'reconciled' && one.controller === 'rollout').length > 3;

/** True when the step is done; one that is expected to be missing is given up when the operator was refused and has gone on. */
const take = async (step: Step, scene: Scene, expectedMissing: boolean): Promise<boolean> => {
  const { operator } = scene;
  await step.act?.(scene);
  if (expectedMissing) {
    await until(`a refusal, so that missing is that ${step.name}`, () => refusalsOf(operator).length > 0);
    const [seen, refused] = [operator.seen.length, refusalsOf(operator).length];
    await until('the operator to go on', () => hasGoneOn(operator, seen, refused));
    return step.holds(scene);
  }
  await until(step.name, () => step.holds(scene));
  return true;
};

/** Lives of operators with various rights, each in a namespace of its own. */
export const livingOf = (kubeconfig: string): ((rights: Rights, missing: string | null) => Promise<Life>) => {
  let count = 0;
  return async (rights, missing) => {
    count += 1;
    const world = await new World(kubeconfig, `rights-${String(count)}`).open();
    try {
      const volumes = new CacheVolumes(world);
      await volumes.give((await world.addGateway()).name);
      await world.client.request({ method: 'POST', path: world.path('secrets'), body: { metadata: { name: 'lake' }, data: credentials } });
      await world.apply('Dataset', 'visits', dataset());
      await world.apply('Endpoint', 'daily', endpoint());
      await world.apply('ApiKey', 'minted', mintedKey());
      await world.apply('ApiKey', 'acme', apiKey());
      const operator = await world.startOperator({}, await kubeConfigWith(world, rights));
      const done: string[] = [];
      for (const step of life) {
        if (!(await take(step, { world, volumes, operator }, step.name === missing)))
          return { done, missing: step.name, refusals: refusalsOf(operator) };
        done.push(step.name);
      }
      return { done, missing: null, refusals: refusalsOf(operator) };
    } finally {
      await world.close();
    }
  };
};
