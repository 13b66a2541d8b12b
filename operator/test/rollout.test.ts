import { describe, expect, test } from '@jest/globals';
import { annotations, type CompiledDataset, ownerOf, type ProblemCode } from '@offloader/contract';
import { ApiRelay } from './support/api-relay.ts';
import type { Relayed } from './support/api-relay.ts';
import { startApiServer } from './support/api-server.ts';
import type { ApiServer } from './support/api-server.ts';
import { apiKey, dataset, endpoint } from './support/samples.ts';
import { type World, conditionOf, replicas, turnsOf, until } from './support/world.ts';
import { inWorlds } from './support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('rolling out', () => {
  const api = server as ApiServer;
  let world: World;

  inWorlds(api, 'rollout', async (opened) => {
    world = opened;
    for (let n = 0; n < replicas; n += 1) await world.addGateway();
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
  });

  test('a rollback by pin or block is Ready when every replica serves what was asked for', async () => {
    for (const gateway of world.gateways) gateway.snapshots = ['s2', 's1'];
    await world.startOperator();
    expect((await world.settled('Dataset', 'visits', 'True')).activeSnapshot.id).toBe('s2');
    await world.apply('Dataset', 'visits', dataset({ snapshot: { pin: 's1' } }));
    expect((await world.settled('Dataset', 'visits', 'True')).activeSnapshot.id).toBe('s1');
    await world.apply('Dataset', 'visits', dataset({ snapshot: { blocked: ['s2'] } }));
    const blocked = await world.settled('Dataset', 'visits', 'True');
    expect(blocked).toMatchObject({ activeSnapshot: { id: 's1' }, quarantined: [{ id: 's2', reason: 'blocked' }] });
  });

  test('what an operator that may not nudge has written arrives by the kubelet’s own sync, and is Ready then', async () => {
    const operator = await world.startOperator();
    await world.settled('Endpoint', 'daily', 'True');
    await operator.stop();
    const relay = await new ApiRelay(api).start();
    try {
      const isNudge = ({ method, path }: Relayed): boolean => method === 'PATCH' && path.includes('/pods/');
      relay.refuses = isNudge;
      await world.startOperator({}, relay.kubeConfig());
      await world.apply('Endpoint', 'daily', endpoint({ version: 2 }));
      await until('refused nudges', () => relay.requests.filter(isNudge).length >= replicas);
      const versions = () => world.gateways.map(({ loaded }) => loaded!.bundle.endpoints[0]?.version);
      const status = await world.settled('Endpoint', 'daily', 'False', 'RollingOut');
      expect([status.gateways.ready, versions()]).toEqual([0, world.gateways.map(() => 1)]);
      for (const gateway of world.gateways) await gateway.sync();
      await world.settled('Endpoint', 'daily', 'True');
      expect(versions()).toEqual(world.gateways.map(() => 2));
      await Promise.all(world.operators.map((one) => one.stop()));
    } finally {
      await relay.stop();
    }
  });

  test('what is written for a replica whose report takes long is nudged all the same, at once', async () => {
    const operator = await world.startOperator();
    const slow = world.gateways[0]!;
    await world.settled('Endpoint', 'daily', 'True');
    /** What the operator does first: nudge it, or give its report up. */
    const firstOf = async (version: number): Promise<string | undefined> => {
      const from = operator.seen.length;
      const about = () =>
        operator.seen.slice(from).filter((one) => (one.kind === 'nudged' || one.kind === 'pod_unreachable') && one.pod === slow.name);
      const report = Promise.withResolvers<undefined>();
      slow.held = report.promise;
      await world.apply('Endpoint', 'daily', endpoint({ version }));
      await until('it to be nudged', () => about().some(({ kind }) => kind === 'nudged'));
      slow.held = undefined;
      report.resolve(undefined);
      await world.settled('Endpoint', 'daily', 'True');
      return about()[0]?.kind;
    };
    const firsts: (string | undefined)[] = [];
    // A machine that stands still longer than a report may take spoils one round, not every one.
    for (let version = 2; version < 7 && !firsts.includes('nudged'); version += 1) firsts.push(await firstOf(version));
    expect(firsts).toContain('nudged');
  });

  test('a pin that cannot be had changes nothing that serves, and status says so', async () => {
    await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    await world.apply('Dataset', 'visits', dataset({ snapshot: { pin: 'long-gone' } }));
    const status = await world.settled('Dataset', 'visits', 'False', 'RollbackRefused');
    expect(status.activeSnapshot.id).toBe('s1');
    expect(conditionOf(status, 'Stalled')?.message).toContain('long-gone');
  });

  test('a staged snapshot is released when every replica has it, and stays released after a restart', async () => {
    const operator = await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    const [first, ...others] = world.gateways;
    first!.rows.set('visits', { staged: 's2' });
    const release = () => world.gateways[0]!.loaded!.bundle.datasets[0]!.snapshot.release;
    if (others.length > 0) {
      const polls = turnsOf(operator, 'rollout');
      await until('some polls', () => turnsOf(operator, 'rollout') > polls + 5);
      expect(release()).toBeNull();
    }
    for (const gateway of others) gateway.rows.set('visits', { staged: 's2' });
    await until('the release', () => world.gateways.every((gateway) => gateway.loaded?.bundle.datasets[0]?.snapshot.release === 's2'));
    for (const gateway of world.gateways) {
      gateway.snapshots = ['s2', 's1'];
      gateway.rows.clear();
    }
    await until('the switch to be shown', async () => (await world.get('Dataset', 'visits')).status.activeSnapshot.id === 's2');
    await world.settled('Dataset', 'visits', 'True');
    await world.quiet(() => turnsOf(operator, 'rollout'));
    await operator.stop();
    const before = world.gateways[0]!.sequence;
    const second = await world.startOperator();
    await until('the restart', () => second.seen.some((one) => one.kind === 'reconciled' && one.controller === 'bundle'));
    expect([release(), world.gateways[0]!.sequence]).toEqual(['s2', before]);
  });

  /** Edits the Dataset while the last replica does not act yet; the echo comes when it has. */
  const echoed = async (edit: () => Promise<unknown>, isServed: (of: CompiledDataset | undefined) => boolean, echo: string) => {
    const operator = await world.startOperator();
    await world.settled('Dataset', 'visits', 'True');
    const last = world.gateways.at(-1)!;
    last.rows.set('visits', { rebuilt: null, refreshed: null });
    await edit();
    await until('the edit to be served', () => world.gateways.every(({ loaded }) => isServed(loaded?.bundle.datasets[0])));
    const waitsFor = async () => JSON.stringify(Object.values((await world.get('Dataset', 'visits')).status.pending ?? {}));
    await until('it to be waited for', async () => (await waitsFor()) === JSON.stringify([[last.name]]));
    const reports = turnsOf(operator, 'rollout');
    await until('more reports to be read', () => turnsOf(operator, 'rollout') > reports + 5);
    expect((await world.get('Dataset', 'visits')).status).not.toHaveProperty(echo);
    expect(await waitsFor()).toBe(JSON.stringify([[last.name]]));
    last.rows.clear();
    await until('the echo', async () => (await world.get('Dataset', 'visits')).status[echo] === 't1');
    expect((await world.get('Dataset', 'visits')).status).not.toHaveProperty('pending');
  };

  test('Forced refresh: annotation `offloader.dev/refresh-requested-at: TOKEN`, echoed in status when handled.', async () => {
    expect(annotations.refreshRequestedAt).toBe('offloader.dev/refresh-requested-at');
    const edit = async () => world.apply('Dataset', 'visits', dataset(), { [annotations.refreshRequestedAt]: 't1' });
    await echoed(edit, (served) => served?.refreshToken === 't1', 'handledRefresh');
  });

  test('Cache rebuild: `cache.rebuild: TOKEN` on the Dataset, echoed in status when every replica has done it.', async () => {
    const edit = async () => world.apply('Dataset', 'visits', dataset({ cache: { rebuild: 't1' } }));
    await echoed(edit, (served) => served?.rebuildToken === 't1', 'handledRebuild');
  });

  test("`failed` is rejected unless the Dataset's guards allow it; `warning` loads and shows in diagnostics and status.", async () => {
    for (const gateway of world.gateways) gateway.snapshots = ['s1'];
    await world.startOperator();
    expect(conditionOf(await world.settled('Dataset', 'visits', 'True'), 'Ready')).toMatchObject({ reason: 'Live' });
    const [gateway] = world.gateways;
    const serving = (quality: 'passed' | 'warning') => ({
      snapshot_id: 's1',
      watermark: null,
      age_seconds: null,
      rows: 1,
      loaded_at: 'x',
      quality,
    });
    gateway!.rows.set('visits', { active_snapshot: serving('warning') });
    expect(conditionOf(await world.settled('Dataset', 'visits', 'True', 'QualityWarning'), 'Ready').message).toContain('quality warning');
    const error = {
      code: 'quality_failed',
      path: 'data_quality_status',
      message: 'the producer marked it',
      owner: 'UpstreamData',
    } as const;
    gateway!.rows.set('visits', {
      active_snapshot: serving('passed'),
      manifest_valid: false,
      refresh_error: error,
      refresh_errors: [error],
    });
    await until(
      'the rejection to be told',
      async () => (await world.get('Dataset', 'visits')).status.refreshError?.code === 'quality_failed',
    );
    const status = await world.settled('Dataset', 'visits', 'True', 'Live');
    expect(conditionOf(status, 'ManifestValid')).toMatchObject({ status: 'False', reason: 'UpstreamDataQualityFailed' });
    expect(status.activeSnapshot.id).toBe('s1');
  });

  test("Credentials that are absent, rejected (401/403), a bucket that does not exist and a host that cannot be reached are told apart in refresh_error and in the Dataset's condition reason.", async () => {
    await world.startOperator();
    for (const what of ['CredentialsMissing', 'CredentialsRejected', 'BucketMissing', 'Unreachable']) {
      const code = `source${what.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}` as ProblemCode;
      const error = { code, path: '', message: 'what the gateway says of it', owner: ownerOf(code) };
      const row = { active_snapshot: null, source_reachable: false, manifest_valid: null, refresh_error: error, refresh_errors: [error] };
      for (const gateway of world.gateways) gateway.rows.set('visits', row);
      await world.settled('Dataset', 'visits', 'False', `Source${what}`);
      // The replicas are read one after the other, and each part of the status may come from another one.
      await until(`all of the status to tell of ${code}`, async () => {
        const { status } = await world.get('Dataset', 'visits');
        return conditionOf(status, 'SourceReachable').reason === `EnvironmentSource${what}` && status.refreshError?.code === code;
      });
      const { status } = await world.get('Dataset', 'visits');
      expect(conditionOf(status, 'SourceReachable').status).toBe('False');
      expect(status.refreshError).toEqual({ code, path: '', message: error.message });
      await world.settled('Endpoint', 'daily', 'False', 'DatasetNotReady');
    }
  });

  test('the credentials that a dataset names are copied for the gateways and nowhere else', async () => {
    const data = {
      accessKeyId: Buffer.from('AKIA-TEST').toString('base64'),
      secretAccessKey: Buffer.from('very-secret-value').toString('base64'),
    };
    await world.client.request({ method: 'POST', path: world.path('secrets'), body: { metadata: { name: 'lake-reader' }, data } });
    const operator = await world.startOperator();
    await world.apply(
      'Dataset',
      'visits',
      dataset({ source: { manifest: { url: 's3://lake/m.json' }, credentialsSecretRef: { name: 'lake-reader' } } }),
    );
    const status = await world.settled('Dataset', 'visits', 'True');
    const { loaded } = world.gateways[0]!;
    expect(loaded?.credentials).toEqual({ 'lake-reader': { accessKeyId: 'AKIA-TEST', secretAccessKey: 'very-secret-value' } });
    expect(JSON.stringify([status, operator.seen, loaded?.bundle, await world.events()])).not.toContain('very-secret-value');
  });

  test('a second operator waits, takes over at once from one that stops, and writes nothing that is there already', async () => {
    const first = await world.startOperator();
    await world.apply('ApiKey', 'acme', apiKey());
    await world.settled('ApiKey', 'acme', 'True');
    const second = await world.startOperator();
    await until('the second to have tried', async () => second.seen.some((one) => one.kind === 'started'));
    expect([first.leads(), second.leads()]).toEqual([true, false]);
    await world.quiet(() => turnsOf(first, 'rollout'));
    const before = await world.versions();
    await first.stop();
    // Long before the lease would have run out.
    await until('the second to lead', () => second.leads(), 30_000);
    await until('it to have looked', () => turnsOf(second, 'bundle') > 0);
    expect(await world.versions()).toEqual(before);
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await world.settled('ApiKey', 'acme', 'True', 'Revoked');
    expect(first.lost.value).toBe(false);
  });
});
