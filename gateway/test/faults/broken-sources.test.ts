// A store whose connections break at every stage of a manifest's and a file's way, and producers who publish while they are read.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { minio, minioKeys, startMinio, type Store } from '../support/stores.ts';
import { type Break, type BreakingProxy, startBreakingProxy } from './support/breaking-proxy.ts';
import { type Aftermath, createRig, lossesOf, type Rig } from './support/rig.ts';

const suite = minio === undefined ? describe.skip : describe;

/** What is broken, and where; a connection that ends as it opens carries neither. */
const stages: readonly (readonly ['connection', 'as it opens'] | readonly ['manifest' | 'file', Break])[] = [
  ['connection', 'as it opens'],
  ...(['before the head', 0, 0.5, 0.99] as const).map((at) => ['manifest', at] as const),
  ...(['before the head', 0, 0.25, 0.5, 0.75, 0.99] as const).map((at) => ['file', at] as const),
];
const nameOf = (at: number): string => `cut-${String(at).padStart(2, '0')}`;
const cut = stages.map((_, at) => nameOf(at));
const names = [...cut, 'calm', 'busy'];

suite('a store in the network', () => {
  let server: Store;
  let proxies: ReadonlyMap<string, BreakingProxy>;
  let rig: Rig;

  /** Copies what a dataset's folder holds into the bucket, the manifest last. */
  const upload = async (name: string, n: number): Promise<void> => {
    const from = join(rig.fleet.folderOf(name), 'snapshots', `a${n}`);
    for (const file of await readdir(from)) await server.put(`${name}/snapshots/a${n}/${file}`, await readFile(join(from, file)));
    await server.put(`${name}/manifest.json`, await readFile(join(rig.fleet.folderOf(name), 'manifest.json')));
  };
  const publish = async (n: number, some: readonly string[]): Promise<void> => {
    await rig.fleet.publish(n, some);
    for (const name of some) await upload(name, n);
  };
  /** What each serves when `busy` is at a<n>: all others got a2. */
  const busyAt = (n: number) => (name: string) => (name === 'busy' ? n : 2);

  beforeAll(async () => {
    rig = await createRig(names, 20_000);
    server = await startMinio(rig.folder);
    const started = await Promise.all(names.map(async (name) => [name, await startBreakingProxy(server.url)] as const));
    proxies = new Map(started);
    await rig.fleet.configure((name) => ({
      source: {
        manifest: { url: `s3://lake/${name}/manifest.json` },
        interval: '1s',
        credentialsSecretRef: { name: 'reader' },
        s3: { endpoint: proxies.get(name)!.url, region: 'us-east-1', forcePathStyle: true },
      },
    }));
    await mkdir(join(rig.folder, 'secrets', 'reader'), { recursive: true });
    for (const [key, value] of Object.entries(minioKeys)) await writeFile(join(rig.folder, 'secrets', 'reader', key), value);
    await publish(1, names);
    await rig.start({ OFFLOADER_SECRETS_DIR: join(rig.folder, 'secrets') });
  }, 1_200_000);
  afterAll(async () => {
    for (const proxy of proxies.values()) await proxy.end();
    // Before the folder goes that it writes into.
    await server.end();
    await rig.end();
  });

  describe('whose connections all break at some point', () => {
    let early: readonly string[];
    let after: Aftermath;

    beforeAll(async () => {
      for (const [n, [what, at]] of stages.entries()) {
        const proxy = proxies.get(cut[n]!)!;
        if (what === 'connection') proxy.shut(true);
        else proxy.breakAt = (path) => (path.includes('manifest.json') === (what === 'manifest') ? at : null);
      }
      await publish(2, names);
      await until(() => rig.attempts('calm').includes('a2 ok'));
      await until(() => cut.every((name) => rig.attempts(name).some((attempt) => attempt.endsWith('failed'))));
      early = cut.filter((name) => rig.attempts(name).includes('a2 ok') || proxies.get(name)!.broken() === 0);
      for (const name of cut) {
        proxies.get(name)!.shut(false);
        proxies.get(name)!.breakAt = () => null;
      }
      after = await rig.aftermath(() => 2);
    }, 1_200_000);

    test.each(stages.map(([what, at], n) => [what, at, nameOf(n)] as const))(
      'survives a %s that ends, of all its bytes, %s (%s): what serves stays as it is, and the snapshot comes once it holds',
      (_what, _at, victim) => {
        expect(early).not.toContain(victim);
        expect(lossesOf(after, { victims: cut, victim })).toEqual([]);
      },
    );
  });

  describe('whose producer publishes while it is read', () => {
    let after: Aftermath;

    beforeAll(async () => {
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
      // The manifest of a4 stands where that of a3 was read, and then that of a5.
      await publish(4, ['busy']);
      await publish(5, ['busy']);
      goesOn.resolve(undefined);
      after = await rig.aftermath(busyAt(5));
    }, 1_200_000);

    test('survives a manifest that is overwritten in place while its files are being read: one snapshot or the other, whole', () => {
      expect(lossesOf(after)).toEqual([]);
    });
    test('survives two publishes within one poll: the last one counts', () => {
      expect(rig.attempts('busy')).not.toContain('a4 ok');
      expect(lossesOf(after)).toEqual([]);
    });
  });

  test('survives a manifest that is written in two halves, seconds apart: it is read when it is whole', async () => {
    await rig.fleet.publish(6, ['busy']);
    const text = await readFile(join(rig.fleet.folderOf('busy'), 'manifest.json'));
    const from = rig.attempts('busy').length;
    await server.put('busy/manifest.json', text.subarray(0, text.length / 2));
    await until(() => rig.attempts('busy').slice(from).includes('null rejected'));
    await upload('busy', 6);
    expect(lossesOf(await rig.aftermath(busyAt(6)))).toEqual([]);
  }, 1_200_000);
});
