/** The contract's section CLI, its sentence on `kubectl offloader`: a real API server, the real operator, gateways that report. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { cacheVolumes, dataset, endpoint, installCrds, openWorld, replicas, startApiServer } from '../cluster-world.ts';
import type { ApiServer, World } from '../cluster-world.ts';
import { openBundle } from '../opened-bundle.ts';
import { inFolder, offloader } from '../run-offloader.ts';
import { until } from '../served.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const all = `${String(replicas)} of ${String(replicas)} gateways`;

describe('As `kubectl offloader`: `status`, `triage`, `rollback DATASET [--to ID]`, `pin`, `unpin`, `block`, `refresh`, `rebuild DATASET`, `quarantine-volume POD`, `support-bundle`: each edits or reads the resources, waits until every replica reports it, and says what it did.', () => {
  there('on a real API server', () => {
    const api = server as ApiServer;
    let world: World;
    const kubectl = (...args: string[]) =>
      offloader([...args, '--kubeconfig', api.kubeconfig, '--namespace', world.namespace], { entry: 'kubectl.ts' });
    const seen = () => world.get('Dataset', 'visits');
    /** Both snapshots may serve again. */
    const free = async (): Promise<void> => {
      const path = `/apis/offloader.dev/v1alpha1/namespaces/${world.namespace}/datasets/visits`;
      await world.client.request({
        method: 'PATCH',
        path,
        contentType: 'application/merge-patch+json',
        body: { spec: { snapshot: { pin: null, blocked: null } } },
      });
      await until('the newest snapshot', async () => (await seen()).status.activeSnapshot.id === 's2');
      await world.settled('Dataset', 'visits', 'True');
      await world.settled('Endpoint', 'daily', 'True');
    };

    beforeAll(async () => {
      await installCrds(api.kubeconfig);
      world = await openWorld(api.kubeconfig, 'kubectl');
      await world.apply('Dataset', 'visits', dataset());
      await world.apply('Endpoint', 'daily', endpoint());
      await world.startOperator();
      await world.settled('Dataset', 'visits', 'True');
      await world.settled('Endpoint', 'daily', 'True');
    });
    afterAll(async () => {
      await world.close();
      await api.stop();
    });

    describe('what edits', () => {
      afterEach(async () => {
        for (const gateway of world.gateways) gateway.frozen = false;
        await free();
      });

      const isPinned = ({ spec }: any): boolean => spec.snapshot?.pin === 's1';
      const isBlocked = ({ spec }: any): boolean => spec.snapshot?.blocked?.join() === 's2';
      test.each<[string, string[], (dataset: any) => boolean, string, string]>([
        ['rollback', ['rollback', 'visits'], isBlocked, 'blocked snapshot s2', 's1'],
        ['rollback --to', ['rollback', 'visits', '--to', 's1'], isPinned, 'pinned to snapshot s1', 's1'],
        ['pin', ['pin', 'visits', 's1'], isPinned, 'pinned to snapshot s1', 's1'],
        ['block', ['block', 'visits', 's2'], isBlocked, 'blocked snapshot s2', 's1'],
        [
          'refresh',
          ['refresh', 'visits'],
          ({ metadata }) => metadata.annotations['offloader.dev/refresh-requested-at'] !== undefined,
          'refresh requested',
          's2',
        ],
        ['rebuild', ['rebuild', 'visits'], ({ spec }) => spec.cache?.rebuild !== undefined, 'rebuild requested', 's2'],
      ])('%s edits the Dataset, waits for the last replica, and says so', async (_command, args, isEdited, said, serves) => {
        const [first, last] = world.gateways;
        last!.frozen = true;
        const before = last!.sequence;
        let ended = false;
        const running = kubectl(...args).finally(() => (ended = true));
        await until('the edit', async () => isEdited(await seen()));
        await until('the first replica alone', async () => {
          const { status, metadata } = await seen();
          const waitsFor = args[0] === 'refresh' ? status.pending?.refresh : status.gateways.behind;
          return first!.sequence > before && status.observedGeneration === metadata.generation && waitsFor?.join() === last!.name;
        });
        expect([last!.sequence, ended]).toEqual([before, false]);
        last!.frozen = false;
        expect(await running).toEqual({
          code: 0,
          out: expect.stringMatching(new RegExp(`^visits: ${said}.*\nvisits: ${all} serve snapshot ${serves}\n$`)),
          err: '',
        });
        const { metadata, spec, status } = await seen();
        expect([status.handledRefresh, status.handledRebuild]).toEqual([
          metadata.annotations?.['offloader.dev/refresh-requested-at'],
          spec.cache?.rebuild,
        ]);
        expect(status.gateways).toMatchObject({ ready: replicas, behind: [] });
      });

      test('unpin takes the pin off, and newer snapshots come through', async () => {
        expect(await kubectl('pin', 'visits', 's1')).toMatchObject({ code: 0 });
        expect(await kubectl('unpin', 'visits')).toEqual({
          code: 0,
          out: `visits: no longer pinned to snapshot s1\nvisits: ${all} serve snapshot s2\n`,
          err: '',
        });
        expect((await seen()).spec.snapshot).not.toHaveProperty('pin');
      });

      test('what cannot be done is 1 with the reason, and nothing is edited', async () => {
        await kubectl('rollback', 'visits');
        const { generation } = (await seen()).metadata;
        const impossible = [
          ['rollback', 'visits'],
          ['unpin', 'visits'],
          ['pin', 'visits', 's2'],
          ['unpin', 'nope'],
        ];
        const refused = await Promise.all(impossible.map((args) => kubectl(...args)));
        expect(refused.map(({ code, out }) => [code, out])).toEqual(impossible.map(() => [1, '']));
        expect(refused.map(({ err }) => err)).toEqual([
          expect.stringContaining('nothing to go back to'),
          expect.stringContaining('is not pinned'),
          expect.stringContaining('is blocked'),
          expect.stringContaining('nope'),
        ]);
        expect((await seen()).metadata.generation).toBe(generation);
      });

      test('a pin that cannot be had is 1 with the reason', async () => {
        expect(await kubectl('pin', 'visits', 'long-gone')).toMatchObject({ code: 1, err: expect.stringContaining('long-gone') });
      });

      test('a replica that does not report the edit in time is named, and that is 1', async () => {
        const [gateway] = world.gateways;
        gateway!.frozen = true;
        const ran = await kubectl('pin', 'visits', 's1', '--timeout', '8');
        gateway!.frozen = false;
        expect(ran).toMatchObject({
          code: 1,
          err: expect.stringMatching(/not every gateway reports it after 8 s: .*behind: offloader-gateway-0/),
        });
      });

      test('refresh names a replica that has not done it in time, and so does status', async () => {
        const [gateway] = world.gateways;
        gateway!.frozen = true;
        const ran = await kubectl('refresh', 'visits', '--timeout', '10');
        const shown = await kubectl('status');
        gateway!.frozen = false;
        expect(ran).toMatchObject({ code: 1, err: expect.stringMatching(/ gateways, but not refreshed yet: offloader-gateway-0\n$/) });
        expect(shown).toMatchObject({
          code: 0,
          out: expect.stringMatching(/visits .* s2 +refresh asked for; waiting for offloader-gateway-0\n/),
        });
        await until('the refresh', async () => (await seen()).status.pending === undefined);
      });
    });

    describe('what reads', () => {
      test('status lists every object with its replicas, and is 1 when one is not ready', async () => {
        expect(await kubectl('status')).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/Dataset +visits +True +2\/2 +s2/) });
        await world.apply('Endpoint', 'lost', endpoint({ name: 'lost', datasetRef: { name: 'nowhere' } }));
        await world.settled('Endpoint', 'lost', 'False');
        expect(await kubectl('status')).toMatchObject({ code: 1, out: expect.stringMatching(/Endpoint +lost +False .*nowhere/) });
      });

      // Every class: cluster-incidents.test.ts; what the bundle holds: support-bundle-cluster.test.ts.
      test('triage names the incident, and is 1', async () => {
        await world.gateways[0]!.showReady(false);
        const ran = await kubectl('triage');
        await world.gateways[0]!.showReady(true);
        expect(ran).toMatchObject({ code: 1, err: '' });
        // The other is ready, and no kubelet leads to it.
        expect(ran.out).toMatch(/replica_behind: owner Environment\n.*offloader-gateway-1 runs and does not answer/);
        expect(ran.out).toMatch(/gateway_does_not_start: owner Environment[^]*operator_down: owner Environment/);
      });

      test('support-bundle writes the archive, lists what is in it, and replaces none without --force', () =>
        inFolder(async (folder) => {
          const out = join(folder, 'bundle.tar.gz');
          const ran = await kubectl('support-bundle', '--out', out);
          expect(ran).toMatchObject({ code: 0, err: '', out: expect.stringContaining('\nresources/datasets.yaml\n') });
          expect((await openBundle(out)).files.get('resources/datasets.yaml')).toContain('name: visits');
          expect(await kubectl('support-bundle', '--out', out)).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
        }));
    });

    test('quarantine-volume says which volume holds the old data, when the replica serves from a new one', async () => {
      const waits = await kubectl('quarantine-volume', 'offloader-gateway-0', '--timeout', '8');
      expect(waits).toMatchObject({
        code: 1,
        err: expect.stringMatching(/no pod with a bound volume.*take it back with: kubectl annotate/),
      });
      // As it says: the request stands until it is taken back.
      const body = { metadata: { annotations: { 'offloader.dev/quarantine-volume': null } } };
      const path = world.path('pods', 'offloader-gateway-0');
      await world.client.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
      const lost = await kubectl('quarantine-volume', 'nope');
      expect(lost).toMatchObject({ code: 1, out: '', err: expect.stringContaining('offloader-gateway-0') });
      const volumes = await cacheVolumes(world);
      const [old] = await Promise.all(world.gateways.map(({ name }) => volumes.give(name)));
      const [ran] = await Promise.all([kubectl('quarantine-volume', 'offloader-gateway-0'), volumes.succeed(0)]);
      expect(ran).toMatchObject({ code: 0, err: '' });
      expect(ran.out.trim().split('\n').at(-1)).toBe(
        `offloader-gateway-0 serves from a new volume; the old data is in PersistentVolume ${String(old)}.`,
      );
    });
  });
});
