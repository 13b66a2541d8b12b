// The contract's section "Status (the same for all three kinds)", its columns apart: conditions, the wait for Ready, what a Dataset tells, events.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { annotations } from '@offloader/contract';
import type { DatasetReport, Kind, RefreshError } from '@offloader/contract';
import { startOwnApiServer } from '../support/api-server.ts';
import type { OwnApiServer } from '../support/api-server.ts';
import { watchEditions } from '../support/editions.ts';
import { active } from '../support/facts.ts';
import { apiKey, dataset, endpoint } from '../support/samples.ts';
import { type World, conditionOf, expectKstatus, replicas, turnsOf, until } from '../support/world.ts';
import { inWorlds } from '../support/worlds.ts';

const server = await startOwnApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const run = promisify(execFile);

there('the status', () => {
  const api = server as OwnApiServer;
  let world: World;

  inWorlds(api, 'status', async (opened) => {
    world = opened;
    for (let n = 0; n < replicas; n += 1) (await world.addGateway()).snapshots = ['s2', 's1'];
  });

  const objects = [
    ['Dataset', 'visits'],
    ['Endpoint', 'daily'],
    ['ApiKey', 'acme'],
  ] as const satisfies readonly (readonly [Kind, string])[];
  const applyAll = async (): Promise<void> => {
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.apply('ApiKey', 'acme', apiKey());
  };
  const settleAll = async (): Promise<void> => {
    for (const [kind, name] of objects) await world.settled(kind, name, 'True');
  };

  /** What kstatus, which Flux, Argo CD and Helm go by, makes of an object. */
  const kstatus = ({ metadata, status }: any): 'InProgress' | 'Failed' | 'Current' => {
    if (status?.observedGeneration !== metadata.generation) return 'InProgress';
    if (conditionOf(status, 'Reconciling')?.status === 'True') return 'InProgress';
    if (conditionOf(status, 'Stalled')?.status === 'True') return 'Failed';
    return conditionOf(status, 'Ready')?.status === 'True' ? 'Current' : 'InProgress';
  };

  test('Conditions by the kstatus rules: Ready always there; Reconciling and Stalled only while True; `observedGeneration` defaulted to -1, so a new object never looks finished.', async () => {
    const editions = watchEditions(world);
    try {
      await applyAll();
      await editions.caughtUp();
      for (const object of editions.all()) expect([object.status, kstatus(object)]).toEqual([{ observedGeneration: -1 }, 'InProgress']);

      for (const gateway of world.gateways) gateway.rows.set('visits', { active_snapshot: null });
      await world.startOperator();
      await world.settled('Dataset', 'visits', 'False', 'Loading');
      for (const gateway of world.gateways) gateway.rows.clear();
      await settleAll();
      const last = world.gateways.at(-1)!;
      last.frozen = true;
      await world.apply('Dataset', 'visits', dataset({ suspend: true }));
      await world.apply('Endpoint', 'daily', endpoint({ datasetRef: { name: 'nowhere' } }));
      await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
      await world.settled('Dataset', 'visits', 'False', 'RollingOut');
      await world.settled('Endpoint', 'daily', 'False', 'UnknownDataset');
      await world.settled('ApiKey', 'acme', 'False', 'RollingOut');
      last.frozen = false;
      await world.settled('Dataset', 'visits', 'True', 'Suspended');
      await world.settled('ApiKey', 'acme', 'True', 'Revoked');
      await world.apply('Dataset', 'visits', dataset({ snapshot: { pin: 'gone' } }));
      await world.apply('Endpoint', 'daily', endpoint({ version: 2 }));
      await world.apply('ApiKey', 'acme', apiKey({ expiresAt: '2020-01-01T00:00:00Z' }));
      await world.settled('Dataset', 'visits', 'False', 'RollbackRefused');
      await world.settled('Endpoint', 'daily', 'True');
      await world.settled('ApiKey', 'acme', 'False', 'Expired');
      await editions.caughtUp();

      // Not only at the end: nobody ever saw anything else.
      const judged = editions.all().filter(({ status }) => status.observedGeneration !== -1);
      for (const object of judged) expectKstatus(object);
      for (const { status } of editions.all()) if (status.observedGeneration === -1) expect(status.conditions).toBeUndefined();
      const course = (kind: Kind, name: string) =>
        editions.of(kind, name).map(kstatus).filter((one, n, list) => one !== list[n - 1]);
      expect(course('Endpoint', 'daily')).toEqual(['InProgress', 'Current', 'InProgress', 'Failed', 'InProgress', 'Current']);
      for (const [kind, name] of [objects[0], objects[2]]) {
        expect(course(kind, name).slice(0, 4)).toEqual(['InProgress', 'Current', 'InProgress', 'Current']);
        expect(course(kind, name).at(-1)).toBe('Failed');
      }
    } finally {
      editions.end();
    }
  }); // prettier-ignore

  test('`kubectl wait --for=condition=Ready` is enough to know that every replica serves this generation.', async () => {
    const wait = async (timeout: string, ...targets: readonly string[]): Promise<boolean> => {
      const args = [
        '--kubeconfig',
        api.kubeconfig,
        '--namespace',
        world.namespace,
        'wait',
        '--for=condition=Ready',
        `--timeout=${timeout}`,
      ];
      return run(join(api.binaries, 'kubectl'), [...args, ...targets]).then(
        () => true,
        (error: unknown) => {
          expect((error as { stderr?: string }).stderr).toContain('timed out waiting for the condition');
          return false;
        },
      );
    };
    const targets = ['dataset.offloader.dev/visits', 'endpoint.offloader.dev/daily', 'apikey.offloader.dev/acme'];
    await applyAll();
    const waiting = wait('240s', ...targets);
    const operator = await world.startOperator();
    expect(await waiting).toBe(true);

    // All replicas but one have the edits: no wait ends, until that one has them too.
    const last = world.gateways.at(-1)!;
    last.frozen = true;
    await world.apply('Dataset', 'visits', dataset({ snapshot: { keep: 3 } }));
    await world.apply('Endpoint', 'daily', endpoint({ version: 2 }));
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    const served = () =>
      world.gateways.map(({ loaded }) => {
        const { datasets, endpoints, keys } = loaded!.bundle;
        return [datasets[0]?.snapshot.keep, endpoints[0]?.version, keys[0]?.state];
      });
    expect(await Promise.all(targets.map(async (target) => wait('1s', target)))).toEqual([false, false, false]);
    const ends = Promise.all(targets.map(async (target) => wait('240s', target)));
    if (replicas > 1) await until('the others to have all of it', () => JSON.stringify(served()[0]) === JSON.stringify([3, 2, 'Revoked']));
    last.frozen = false;
    expect(await ends).toEqual([true, true, true]);
    expect(served()).toEqual(world.gateways.map(() => [3, 2, 'Revoked']));

    // Ready is of the generation before while nobody has looked at the edit: that is not enough either.
    await settleAll();
    await operator.stop();
    await world.apply('Endpoint', 'daily', endpoint({ version: 3 }));
    expect(conditionOf((await world.get('Endpoint', 'daily')).status, 'Ready').status).toBe('True');
    expect(await wait('1s', targets[1]!)).toBe(false);
    await world.startOperator();
    expect(await wait('240s', targets[1]!)).toBe(true);
    expect(served().map(([, version]) => version)).toEqual(world.gateways.map(() => 3));
  });

  describe('Dataset: activeSnapshot{id,watermark,age,rows}, kept, quarantined, lastAttempt{id,status,at}, refreshError{code,path,message}, stale, sourceReachable, handled tokens; conditions SourceReachable, ManifestValid, Fresh, CacheHealthy with reasons that name the likely owner: UpstreamData, Environment or Offloader.', () => {
    const report = (row: Partial<DatasetReport>): void => {
      for (const gateway of world.gateways) gateway.rows.set('visits', row);
    };
    const error = (code: RefreshError['code'], owner: RefreshError['owner']): Partial<DatasetReport> => {
      const one = { code, path: 'files[0].path', message: 'why', owner };
      return { refresh_error: one, refresh_errors: [one] };
    };
    const conditions = async () => {
      const { status } = await world.get('Dataset', 'visits');
      const [, ...own] = status.conditions.filter(({ type }: any) => !['Reconciling', 'Stalled'].includes(type));
      return Object.fromEntries(own.map(({ type, status: is, reason }: any) => [type, `${String(is)} ${String(reason)}`]));
    };
    const well = { SourceReachable: 'True Reachable', ManifestValid: 'True Valid', Fresh: 'True Fresh', CacheHealthy: 'True Healthy' };

    test('what serves, what was tried, what was asked for', async () => {
      const asked = { [annotations.refreshRequestedAt]: 'r1' };
      await world.apply('Dataset', 'visits', dataset({ snapshot: { blocked: ['s3'] }, cache: { rebuild: 't1' } }), asked);
      await world.startOperator();
      await until('the tokens', async () => {
        const { status } = await world.get('Dataset', 'visits');
        return status.handledRefresh === 'r1' && status.handledRebuild === 't1';
      });
      const { conditions: _, gateways: __, ...told } = await world.settled('Dataset', 'visits', 'True');
      expect(told).toEqual({
        observedGeneration: 1,
        activeSnapshot: { id: 's2', watermark: '2026-05-30T00:00:00Z', age: expect.stringMatching(/^(<1h|\d+[hd])$/), rows: 7 },
        kept: ['s1'],
        quarantined: [{ id: 's3', at: '2026-05-30T01:00:00Z', reason: 'blocked' }],
        lastAttempt: { id: 's2', status: 'ok', at: '2026-05-30T01:00:00Z' },
        stale: false,
        sourceReachable: true,
        handledRefresh: 'r1',
        handledRebuild: 't1',
      });
      expect(await conditions()).toEqual(well);
      report({
        active_snapshot: active('s2'),
        ...error('missing_file', 'UpstreamData'),
        ...{ manifest_valid: false, source_reachable: false, stale: true },
        last_attempted: { snapshot_id: 's4', status: 'rejected', at: '2026-05-30T02:00:00Z', note: null },
      });
      // The replicas are read one after the other, and each part of the status may come from another one.
      await until('the refusal', async () => {
        const { status } = await world.get('Dataset', 'visits');
        return status.refreshError !== undefined && status.lastAttempt.id === 's4';
      });
      expect((await world.get('Dataset', 'visits')).status).toMatchObject({
        activeSnapshot: { id: 's2' },
        lastAttempt: { id: 's4', status: 'rejected', at: '2026-05-30T02:00:00Z' },
        refreshError: { code: 'missing_file', path: 'files[0].path', message: 'why' },
        stale: true,
        sourceReachable: false,
      });
    });

    test('the likely owner', async () => {
      await world.apply('Dataset', 'visits', dataset());
      await world.startOperator();
      await world.settled('Dataset', 'visits', 'True');
      const cases: readonly (readonly [Partial<DatasetReport>, Partial<typeof well>])[] = [
        [{ source_reachable: false, ...error('source_credentials_rejected', 'Environment') }, { SourceReachable: 'False EnvironmentSourceCredentialsRejected' }],
        [{ source_reachable: false, ...error('source_bucket_missing', 'Environment') }, { SourceReachable: 'False EnvironmentSourceBucketMissing' }],
        [{ manifest_valid: false, ...error('incompatible_schema', 'UpstreamData') }, { ManifestValid: 'False UpstreamDataIncompatibleSchema' }],
        [{ stale: true }, { Fresh: 'False UpstreamDataStale' }],
        [{ stale: true, ...error('load_failed', 'Offloader') }, { Fresh: 'False OffloaderStale' }],
        [{ stale: true, source_reachable: false, ...error('source_unreachable', 'Environment') }, { Fresh: 'False EnvironmentStale', SourceReachable: 'False EnvironmentSourceUnreachable' }],
        [{ cache_healthy: false }, { CacheHealthy: 'False OffloaderCacheDamaged' }],
        [{}, {}],
      ]; // prettier-ignore
      for (const [row, differs] of cases) {
        report(row);
        const expected = JSON.stringify({ ...well, ...differs });
        await until(expected, async () => JSON.stringify(await conditions()) === expected);
      }
      world.gateways[0]!.volume = { status: 'failed', reason: 'vanished', since: '2026-06-01T00:00:00Z' };
      await until('the volume', async () => (await conditions())['CacheHealthy'] === 'False EnvironmentCacheVolumeVanished');
    });
  });

  test('Events carry machine reasons and are not repeated.', async () => {
    await applyAll();
    const first = await world.startOperator();
    await settleAll();
    const bad = endpoint({ datasetRef: { name: 'nowhere' } });
    await world.apply('Endpoint', 'daily', bad);
    await world.settled('Endpoint', 'daily', 'False', 'UnknownDataset');
    for (const gateway of world.gateways) gateway.rows.set('visits', { stale: true });
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    const told = async (): Promise<readonly string[]> =>
      (await world.events()).map(({ involvedObject: { kind, name }, reason, message }) => [kind, name, reason, message].join(' '));
    const wanted = ['SnapshotActivated', 'Endpoint daily UnknownDataset ', 'Dataset visits FreshFalse UpstreamDataStale: ', 'ApiKey acme Revoked '];
    await until('the events', async () => {
      const events = await told();
      return wanted.every((part) => events.some((event) => event.includes(part)));
    });
    await world.quiet(() => turnsOf(first, 'rollout'));
    await first.stop();
    const events = await world.events();
    for (const { reason, message, type, involvedObject } of events) {
      expect(reason).toMatch(/^[A-Z][A-Za-z]{2,62}$/);
      expect([['Normal', 'Warning'].includes(type), message.length > 0, involvedObject.uid !== undefined]).toEqual([true, true, true]);
    }
    expect(events.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['SnapshotActivated', 'UnknownDataset', 'FreshFalse', 'Revoked']));
    const before = await told();
    expect(new Set(before).size).toBe(before.length);
    expect(events.filter(({ count }) => (count ?? 1) > 1)).toEqual([]);

    // The same again, a note of somebody, and another operator: nothing is news.
    await world.apply('Endpoint', 'daily', bad, { note: 'seen' });
    const second = await world.startOperator();
    const turns = (controller: string): number => turnsOf(second, controller);
    await until('its turns', () => turns('bundle') > 0 && turns('status') >= objects.length && turns('rollout') > 3);
    expect(await told()).toEqual(before);
  }); // prettier-ignore
});
