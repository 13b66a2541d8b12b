import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { extract } from 'tar';
import { cacheVolumes, dataset, endpoint, installCrds, openWorld, replicas, startApiServer } from './cluster-world.ts';
import type { ApiServer, World } from './cluster-world.ts';
import { inFolder, offloader } from './run-offloader.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('kubectl offloader', () => {
  const api = server as ApiServer;
  let world: World;
  let turn = 0;
  const kubectl = (...args: string[]) =>
    offloader([...args, '--kubeconfig', api.kubeconfig, '--namespace', world.namespace], { entry: 'kubectl.ts' });

  beforeAll(() => installCrds(api.kubeconfig));
  afterAll(() => api.stop());
  beforeEach(async () => {
    turn += 1;
    world = await openWorld(api.kubeconfig, `kubectl-${String(turn)}`);
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    await world.settled('Endpoint', 'daily', 'True');
  });
  afterEach(() => world.close());

  test('a rollback blocks the active snapshot and says so when every gateway serves the one before', async () => {
    const ran = await kubectl('rollback', 'visits');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toContain('blocked snapshot s2');
    expect(ran.out).toContain(`${String(replicas)} of ${String(replicas)} gateways serve snapshot s1`);
    expect((await world.get('Dataset', 'visits')).spec.snapshot.blocked).toEqual(['s2']);
    // Nothing is left to go back to, and nothing is edited.
    const again = await kubectl('rollback', 'visits');
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('nothing to go back to') });
    expect((await world.get('Dataset', 'visits')).spec.snapshot.blocked).toEqual(['s2']);
  });

  test('a pin holds until it is taken off', async () => {
    expect(await kubectl('rollback', 'visits', '--to', 's1')).toMatchObject({ code: 0, out: expect.stringContaining('serve snapshot s1') });
    expect(await kubectl('unpin', 'visits')).toMatchObject({ code: 0, out: expect.stringContaining('serve snapshot s2') });
    expect((await world.get('Dataset', 'visits')).spec.snapshot).not.toHaveProperty('pin');
  });

  test('a pin that cannot be had ends with 1 and the reason', async () => {
    expect(await kubectl('pin', 'visits', 'long-gone')).toMatchObject({ code: 1, err: expect.stringContaining('long-gone') });
  });

  test.each(['refresh', 'rebuild'])('%s waits until every gateway has acted on its token', async (command) => {
    expect(await kubectl(command, 'visits')).toMatchObject({ code: 0, err: '' });
  });

  test('an edit that a gateway does not report in time ends with 1 and names the gateway', async () => {
    world.gateways[0]!.frozen = true;
    const ran = await kubectl('pin', 'visits', 's1', '--timeout', '2');
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('not every gateway') });
  });

  test('quarantine-volume says which volume holds the old data, when the replica serves from a new one', async () => {
    const volumes = await cacheVolumes(world);
    const [old] = await Promise.all(world.gateways.map(({ name }) => volumes.give(name)));
    const [ran] = await Promise.all([kubectl('quarantine-volume', 'offloader-gateway-0'), volumes.succeed(0)]);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out.trim().split('\n').at(-1)).toBe(
      `offloader-gateway-0 serves from a new volume; the old data is in PersistentVolume ${String(old)}.`,
    );
  });

  test('quarantine-volume ends with 1 and the reason when it has to wait, and when the pod is no gateway', async () => {
    const waits = await kubectl('quarantine-volume', 'offloader-gateway-0', '--timeout', '2');
    expect(waits).toMatchObject({ code: 1, err: expect.stringMatching(/no pod with a bound volume.*take it back with: kubectl annotate/) });
    const lost = await kubectl('quarantine-volume', 'nope');
    expect(lost).toMatchObject({ code: 1, out: '', err: expect.stringContaining('offloader-gateway-0') });
  });

  test('status lists every object, and ends with 1 when one is not ready', async () => {
    expect(await kubectl('status')).toMatchObject({ code: 0, out: expect.stringMatching(/Dataset +visits +True +\d\/\d +s2/) });
    await world.apply('Endpoint', 'lost', endpoint({ name: 'lost', datasetRef: { name: 'nowhere' } }));
    await world.settled('Endpoint', 'lost', 'False');
    expect(await kubectl('status')).toMatchObject({ code: 1, out: expect.stringMatching(/Endpoint +lost +False/) });
  });

  test('a support bundle holds the resources and lists what could not be had, such as reports without a kubelet', () =>
    inFolder(async (folder) => {
      const out = join(folder, 'bundle.tar.gz');
      const ran = await kubectl('support-bundle', '--out', out);
      expect(ran).toMatchObject({ code: 0, err: '' });
      await extract({ file: out, cwd: folder });
      expect(await readFile(join(folder, 'resources/datasets.yaml'), 'utf8')).toContain('name: visits');
      const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
      expect(manifest.files.map(({ path }: { path: string }) => path)).toContain('pods/gateway.yaml');
      expect(JSON.stringify(manifest.not_fetched)).toContain('offloader-gateway-0: /diagnostics');
      expect(await kubectl('support-bundle', '--out', out)).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
    }));

  test('triage names a pod that does not answer and an operator that has no pod', async () => {
    await world.gateways[0]!.showReady(false);
    const ran = await kubectl('triage');
    expect(ran).toMatchObject({ code: 1, err: '' });
    expect(ran.out).toMatch(/gateway_does_not_start: owner Environment[^]*operator_down: owner Environment/);
  });

  test('a dataset that is not there is named', async () => {
    expect(await kubectl('unpin', 'nope')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('nope') });
  });
});
