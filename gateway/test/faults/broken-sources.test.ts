// A store whose connections break at every stage of a manifest's and a file's way, and producers who publish while they are read.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { minio, minioKeys, startMinio, type Store } from '../support/stores.ts';
import { startAsking } from './support/asking.ts';
import { type Break, type BreakingProxy, startBreakingProxy } from './support/breaking-proxy.ts';
import { createFleet, type Fleet } from './support/fleet.ts';
import { tellSurvived } from './support/survived.ts';
import { attemptsIn, left, orphansOn } from './support/volume.ts';

const suite = minio === undefined ? describe.skip : describe;

/** What is broken, and where. */
const stages: readonly (readonly ['manifest' | 'file', Break])[] = [
  ...(['before the head', 0, 0.5, 0.99] as const).map((at) => ['manifest', at] as const),
  ...(['before the head', 0, 0.25, 0.5, 0.75, 0.99] as const).map((at) => ['file', at] as const),
];
const cut = stages.map((_, n) => `cut-${n}`);
const names = [...cut, 'calm', 'busy'];

suite('a store in the network', () => {
  let folder: string;
  let server: Store;
  let proxies: ReadonlyMap<string, BreakingProxy>;
  let fleet: Fleet;
  let gateway: GatewayProcess;

  /** Copies what a dataset's folder holds into the bucket, the manifest last. */
  const upload = async (name: string, n: number): Promise<void> => {
    const from = join(fleet.folderOf(name), 'snapshots', `a${n}`);
    for (const file of await readdir(from)) await server.put(`${name}/snapshots/a${n}/${file}`, await readFile(join(from, file)));
    await server.put(`${name}/manifest.json`, await readFile(join(fleet.folderOf(name), 'manifest.json')));
  };
  const publish = async (n: number, some: readonly string[]): Promise<void> => {
    await fleet.publish(n, some);
    for (const name of some) await upload(name, n);
  };
  const loaded = (some: readonly string[], n: number) => (): boolean =>
    some.every((name) => attemptsIn(gateway.lines, name).includes(`a${n} ok`));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-broken-'));
    server = await startMinio(folder);
    fleet = await createFleet(names, 20_000);
    const started = await Promise.all(names.map(async (name) => [name, await startBreakingProxy(server.url)] as const));
    proxies = new Map(started);
    await fleet.configure((name) => ({
      source: {
        manifest: { url: `s3://lake/${name}/manifest.json` },
        interval: '1s',
        credentialsSecretRef: { name: 'reader' },
        s3: { endpoint: proxies.get(name)!.url, region: 'us-east-1', forcePathStyle: true },
      },
    }));
    await mkdir(join(folder, 'secrets', 'reader'), { recursive: true });
    for (const [key, value] of Object.entries(minioKeys)) await writeFile(join(folder, 'secrets', 'reader', key), value);
    await publish(1, names);
    gateway = await startProcess([], {
      OFFLOADER_CONFIG: fleet.configDir,
      OFFLOADER_CACHE_DIR: fleet.cacheDir,
      OFFLOADER_SECRETS_DIR: join(folder, 'secrets'),
    });
  }, 120_000);
  afterAll(async () => {
    await gateway.end();
    for (const proxy of proxies.values()) await proxy.end();
    await server.end();
    await fleet.end();
    await rm(folder, { recursive: true, force: true });
  });

  test('that breaks every connection at some point leaves what serves as it is, and costs nothing once it holds', async () => {
    const asking = startAsking(() => gateway.apiPort, names);
    for (const [n, [what, at]] of stages.entries())
      proxies.get(cut[n]!)!.breakAt = (path) => (path.includes('manifest.json') === (what === 'manifest') ? at : null);
    await publish(2, [...cut, 'calm']);
    await until(loaded(['calm'], 2));
    await until(() => cut.every((name) => attemptsIn(gateway.lines, name).some((attempt) => attempt.endsWith('failed'))));
    expect(cut.filter((name) => attemptsIn(gateway.lines, name).includes('a2 ok'))).toEqual([]);
    for (const name of cut) proxies.get(name)!.breakAt = () => null;
    await until(loaded(cut, 2));
    const { wrong, failed } = await asking.stop();
    expect(wrong).toEqual([]);
    expect([...failed]).toEqual([]);
    expect(await left(async () => orphansOn(fleet.cacheDir))).toEqual([]);
    tellSurvived(cut.length, stages.length, 'connections broken at every stage');
  }, 240_000);

  test('whose manifest is overwritten while its files are being read gives one snapshot or the other, whole', async () => {
    const asking = startAsking(() => gateway.apiPort, ['busy']);
    const proxy = proxies.get('busy')!;
    const reached = Promise.withResolvers<undefined>();
    const goesOn = Promise.withResolvers<undefined>();
    proxy.breakAt = async (path) => {
      if (!path.includes('a3/part-0')) return null;
      reached.resolve(undefined);
      await goesOn.promise;
      return null;
    };
    await publish(3, ['busy']);
    await reached.promise;
    // The manifest of a4 stands where that of a3 was read, twice over: two publishes within one poll.
    await publish(4, ['busy']);
    await publish(5, ['busy']);
    goesOn.resolve(undefined);
    await until(loaded(['busy'], 5));
    const { wrong, failed } = await asking.stop();
    expect([wrong, [...failed]]).toEqual([[], []]);
    expect(attemptsIn(gateway.lines, 'busy')).not.toContain('a4 ok');
    tellSurvived(2, 2, 'a manifest overwritten while its files are read, two publishes within one poll');
  });

  test('whose manifest is written in two halves, seconds apart, is read when it is whole', async () => {
    const asking = startAsking(() => gateway.apiPort, ['busy']);
    await fleet.publish(6, ['busy']);
    const text = await readFile(join(fleet.folderOf('busy'), 'manifest.json'));
    const from = attemptsIn(gateway.lines, 'busy').length;
    await server.put('busy/manifest.json', text.subarray(0, text.length / 2));
    await until(() => attemptsIn(gateway.lines, 'busy').slice(from).includes('null rejected'));
    await upload('busy', 6);
    await until(loaded(['busy'], 6));
    const { wrong, failed } = await asking.stop();
    expect([wrong, [...failed]]).toEqual([[], []]);
    tellSurvived(1, 1, 'a manifest that was read half written');
  });
});
