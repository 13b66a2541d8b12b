/** The rights that docs/kubernetes.md lists for each command of `kubectl offloader`: with them it does what it does with all. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { clusterCommands } from '../src/cluster-commands.ts';
import { cacheVolumes, dataset, endpoint, installCrds, openNode, openWorld, startApiServer } from './cluster-world.ts';
import type { ApiServer, Node, World } from './cluster-world.ts';
import { openBundle } from './opened-bundle.ts';
import { inProcess } from './run-in-process.ts';
import { inFolder, type Ran } from './run-offloader.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
type Right = { readonly resource: string; readonly verb: string };

const page = await readFile(new URL('../../docs/kubernetes.md', import.meta.url), 'utf8');
const section = /\n## What kubectl offloader may need\n([^]*?)\n## /.exec(page)?.[1] ?? '';
/** Command by command, as the table has them. */
const listed: ReadonlyMap<string, readonly Right[]> = new Map(
  [...section.matchAll(/^\| (`.+`) \| (.+) \|$/gm)].flatMap(([, commands = '', rights = '']) =>
    [...commands.matchAll(/`([\w-]+)`/g)].map(([, command = '']) => [
      command,
      rights.split('; ').flatMap((one) => {
        const [resource = '', verbs = ''] = one.split(': ');
        return verbs.split(', ').map((verb) => ({ resource, verb }));
      }),
    ]),
  ),
);

there('the rights of kubectl offloader', () => {
  const api = server as ApiServer;
  let world: World;
  let node: Node;
  let users = 0;
  const post = (path: string, body: object) => world.client.request({ method: 'POST', path, body });

  beforeAll(async () => {
    await installCrds(api.kubeconfig);
    world = await openWorld(api.kubeconfig, 'rights-of-people');
    node = await openNode(world);
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await post(world.path('secrets'), { metadata: { name: 'offloader-gateway-secrets' }, stringData: { adminToken: 'token' } });
    await world.startOperator();
    await world.settled('Endpoint', 'daily', 'True');
  });
  afterAll(async () => {
    await node.stop();
    await world.close();
    await api.stop();
  });

  /** A kubeconfig of somebody who has these rights and no others. */
  const userWith = async (rights: readonly Right[], file: string): Promise<string> => {
    users += 1;
    const name = `user-${String(users)}`;
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${world.namespace}`;
    const rules = rights.map(({ resource, verb }) => ({
      apiGroups: [['datasets', 'endpoints', 'apikeys'].includes(resource) ? 'offloader.dev' : ''],
      resources: [resource],
      verbs: [verb],
    }));
    await post(world.path('serviceaccounts'), { metadata: { name } });
    await post(`${rbac}/roles`, { metadata: { name }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
    await post(`${rbac}/rolebindings`, {
      metadata: { name },
      roleRef,
      subjects: [{ kind: 'ServiceAccount', name, namespace: world.namespace }],
    });
    const { status } = await post(`${world.path('serviceaccounts', name)}/token`, { spec: {} });
    const config = parse(await readFile(api.kubeconfig, 'utf8')) as { readonly users: readonly { readonly name: string }[] };
    const asUser = { ...config, users: config.users.map((user) => ({ name: user.name, user: { token: status.token as string } })) };
    await writeFile(file, stringify(asUser));
    return file;
  };
  const run = (kubeconfig: string, args: readonly string[]): Promise<Ran> =>
    inProcess([...args, '--kubeconfig', kubeconfig, '--namespace', world.namespace], clusterCommands);
  /** What somebody with these rights is told; without rights, as whoever may do everything. */
  const told = async (args: readonly string[], rights?: readonly Right[]): Promise<Ran> =>
    inFolder(async (folder) => run(rights === undefined ? api.kubeconfig : await userWith(rights, join(folder, 'config')), args));
  const bundleOf = async (rights?: readonly Right[]) =>
    inFolder(async (folder) => {
      const config = rights === undefined ? api.kubeconfig : await userWith(rights, join(folder, 'config'));
      expect((await run(config, ['support-bundle', '--out', join(folder, 'b.tar.gz')])).code).toBe(0);
      const { files, manifest } = await openBundle(join(folder, 'b.tar.gz'));
      // Ports of the way through the API server are others each time.
      const missing = JSON.stringify(manifest.not_fetched).replaceAll(/127\.0\.0\.1:\d+/g, 'forwarded');
      return { paths: [...files.keys()].toSorted(), missing };
    });
  const rightsOf = (command: string): readonly Right[] => listed.get(command) ?? [];

  test('are listed for every command', () => {
    expect([...listed.keys()].toSorted()).toEqual(
      ['block', 'pin', 'quarantine-volume', 'rebuild', 'refresh', 'rollback', 'status', 'support-bundle', 'triage', 'unpin'].toSorted(),
    );
  });

  test.each([[['status']], [['triage']]])('suffice for %s', async (args) => {
    expect(await told(args, rightsOf(args[0]!))).toEqual(await told(args));
  });

  test('are all needed: without any one of them a command that reads or edits fails, and says so', async () => {
    const [, other] = world.gateways;
    const commands = [['status'], ['pin', 'visits', 's1'], ['quarantine-volume', other!.name, '--timeout', '1']];
    const less = commands.flatMap((args) => rightsOf(args[0]!).map((without) => ({ args, without })));
    const ran = less.map(async ({ args, without }) =>
      told(
        args,
        rightsOf(args[0]!).filter((right) => right !== without),
      ),
    );
    for (const { code, err } of await Promise.all(ran)) {
      expect(code).toBe(1);
      // What the operator has recorded cannot be seen.
      expect(err).toMatch(/forbidden|has not taken it up/);
    }
    expect(less).toHaveLength(8);
    // Who could not see it has asked all the same.
    const body = { metadata: { annotations: { 'offloader.dev/quarantine-volume': null } } };
    const path = world.path('pods', other!.name);
    await world.client.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
    // One that could not see what came of its request leaves it standing.
    await world.client.request({
      method: 'PATCH',
      path: world.path('pods', other!.name),
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations: { 'offloader.dev/quarantine-volume': null } } },
    });
  });

  test('suffice for edits of a Dataset', async () => {
    for (const args of [
      ['pin', 'visits', 's1'],
      ['unpin', 'visits'],
      ['refresh', 'visits'],
    ])
      expect([args, await told(args, rightsOf(args[0]!))]).toEqual([args, expect.objectContaining({ code: 0, err: '' })]);
  });

  test('suffice for quarantine-volume', async () => {
    const volumes = await cacheVolumes(world);
    for (const { name } of world.gateways) await volumes.give(name);
    const [ran] = await Promise.all([
      told(['quarantine-volume', world.gateways[0]!.name], rightsOf('quarantine-volume')),
      volumes.succeed(0),
    ]);
    expect(ran).toMatchObject({ code: 0, err: '' });
  });

  test('suffice for support-bundle, and without one of them it says what it could not have', async () => {
    for (const { name } of world.gateways) {
      await node.take(name);
      node.logs.set(name, 'a line\n');
    }
    const whole = await bundleOf();
    expect(whole.paths).toEqual(expect.arrayContaining(['events.yaml', `logs/${world.gateways[1]!.name}.log`]));
    expect(await bundleOf(rightsOf('support-bundle'))).toEqual(whole);
    for (const resource of ['events', 'pods/log']) {
      const less = await bundleOf(rightsOf('support-bundle').filter((right) => right.resource !== resource));
      expect(less.paths.length).toBeLessThan(whole.paths.length);
      expect(less.missing).toContain('forbidden');
    }
  });
});
