/** The full set of rights suffices; without any one verb of it something that people see is missing. Real RBAC throughout. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { clusterPermissions, permissions, volumePermissions } from '../src/index.ts';
import type { Permission } from '../src/index.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { livingOf, steps } from './support/operator-life.ts';
import type { Rights } from './support/rights.ts';
import { clientOf, installCrds } from './support/world.ts';

const server = await startApiServer();
if (!('unavailable' in server)) {
  const client = clientOf(server.kubeconfig);
  await installCrds(client);
  client.close();
}
const there = 'unavailable' in server ? describe.skip : describe;

const everything: Rights = { namespaced: [...permissions, ...volumePermissions], cluster: clusterPermissions };
const listed = [...everything.namespaced, ...everything.cluster];
const without = (list: readonly Permission[], resource: string, verb: string): readonly Permission[] =>
  list.flatMap((rule) =>
    rule.resources.map((one) => ({ ...rule, resources: [one], verbs: rule.verbs.filter((other) => one !== resource || other !== verb) })),
  );

const ready = 'the three kinds are Ready';
const replaced = 'a cache volume is replaced';
/** What is missing without a verb. */
const needed: readonly (readonly [resource: string, verb: string, missing: string])[] = [
  ...['datasets', 'endpoints', 'apikeys', 'configmaps', 'secrets', 'pods'].map((resource) => [resource, 'list', ready] as const),
  ...['datasets/status', 'endpoints/status', 'apikeys/status'].map((resource) => [resource, 'patch', ready] as const),
  ...(['create', 'patch'] as const).flatMap((verb) => [['configmaps', verb, ready] as const, ['secrets', verb, ready] as const]),
  ['pods', 'patch', ready],
  ['statefulsets', 'get', ready],
  ['leases', 'get', ready],
  ['leases', 'create', ready],
  ['leases', 'update', 'the lease is renewed'],
  ['events', 'create', 'events tell of it'],
  ['datasets', 'watch', 'an edit of a Dataset is Ready'],
  ['endpoints', 'watch', 'an edit of an Endpoint is Ready'],
  ['apikeys', 'watch', 'an edit of an ApiKey is Ready'],
  ['secrets', 'get', 'credentials reach the gateways'],
  ['secrets', 'update', 'a token is rotated'],
  ['secrets', 'delete', 'a token moves to the Secret that is named now'],
  ['configmaps', 'watch', 'a part that was changed is restored'],
  ['secrets', 'watch', 'keys that were deleted are restored'],
  ['configmaps', 'delete', 'a surplus part goes'],
  ['pods', 'watch', 'a new replica counts'],
  ...(['list', 'watch', 'delete'] as const).map((verb) => ['persistentvolumeclaims', verb, replaced] as const),
  ['pods/eviction', 'create', replaced],
  ['persistentvolumes', 'get', replaced],
  ['persistentvolumes', 'patch', replaced],
];

there('the rights of the operator', () => {
  const api = server as ApiServer;
  const life = livingOf(api.kubeconfig);

  afterAll(() => api.stop());

  test('name no wildcard, and each verb once', () => {
    expect(
      listed.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]).filter((word) => word.includes('*')),
    ).toEqual([]);
    const pairs = listed.flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)));
    expect(pairs.toSorted()).toEqual(needed.map(([resource, verb]) => `${verb} ${resource}`).toSorted());
  });

  test('suffice for everything it does', async () => {
    expect(await life(everything, null)).toEqual({ done: steps, missing: null, refusals: [] });
  });

  // Side by side, since most of a life is waiting.
  test.concurrent.each(needed)('without %s %s: missing is that %s', async (resource, verb, missing) => {
    const { namespaced, cluster } = everything;
    const led = await life({ namespaced: without(namespaced, resource, verb), cluster: without(cluster, resource, verb) }, missing);
    expect(led.missing).toBe(missing);
    expect(led.refusals.join('\n')).toMatch(/forbidden|may not patch/);
  });
});
