// Both serving modes over files, S3 and GCS: the same rows, and once a snapshot is here the store is asked for nothing but manifests.
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { fakeGcs, minio, minioKeys, startGcs, startMinio, type Store, uploadLake } from './support/stores.ts';

type Place = { readonly url: string; readonly source: Record<string, unknown>; readonly store: Store | null };
const places: readonly (readonly [string, boolean, (folder: string) => Promise<Place | null>])[] = [
  ['files', true, async () => null],
  [
    'S3',
    minio !== undefined,
    async (folder) => {
      const store = await startMinio(folder);
      const s3 = { endpoint: store.url, region: 'us-east-1', forcePathStyle: true };
      return { store, url: 's3://lake/visits/manifest.json', source: { credentialsSecretRef: { name: 'reader' }, s3 } };
    },
  ],
  [
    'GCS',
    fakeGcs !== undefined,
    async () => {
      const store = await startGcs();
      process.env['STORAGE_EMULATOR_HOST'] = store.url;
      return { store, url: 'gs://lake/visits/manifest.json', source: { anonymous: true } };
    },
  ],
];

for (const [name, isHere, open] of places)
  (isHere ? describe : describe.skip)(`over ${name}`, () => {
    let lake: Lake;
    let place: Place;
    let folder: string;
    let world: World;
    const modes = ['LocalTable', 'RemoteScan'] as const;
    const resources = (served: readonly (typeof modes)[number][]) => [
      visitsDataset(place.url, { source: { manifest: { url: place.url }, interval: '1s', ...place.source } }),
      ...served.map((servingMode) => endpoint(servingMode.toLowerCase(), { servingMode, cache: { policy: 'None' } })),
      apiKey('acme'),
    ];
    const publish = async (n: number): Promise<void> => {
      await lake.publish(`s${n}`, visits(n));
      if (place.store !== null) await uploadLake(lake, place.store);
    };
    const ask = async (path: string) => {
      const answer = (await (await world.get(`/v1/endpoints/${path}`, 'acme-token')).json()) as {
        data: unknown;
        meta?: { snapshot_id: string };
      };
      return { data: answer.data, snapshot: answer.meta?.snapshot_id };
    };
    /** What the snapshot databases on the cache volume hold as tables. */
    const tables = async (): Promise<readonly string[]> => {
      const found: string[] = [];
      const held = (await readdir(join(world.cacheDir, 'snapshots', 'visits'))).map((id) => join('snapshots', 'visits', id, 'data.duckdb'));
      for (const [at, path] of held.entries()) {
        const copy = join(folder, `${at}.duckdb`);
        // What is being removed, or built.
        await copyFile(join(world.cacheDir, path), copy).catch(async () => rm(copy, { force: true }));
        const instance = await DuckDBInstance.create(copy, { access_mode: 'READ_ONLY' }).catch(() => null);
        if (instance === null) continue;
        const connection = await instance.connect();
        found.push(...(await connection.runAndReadAll('SELECT table_name FROM duckdb_tables()')).getRows().flat().map(String));
        connection.closeSync();
        instance.closeSync();
      }
      return found;
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'offloader-stores-'));
      lake = await createLake();
      place = (await open(folder)) ?? { url: lake.url, source: {}, store: null };
      await mkdir(join(folder, 'secrets', 'reader'), { recursive: true });
      for (const [key, value] of Object.entries(minioKeys)) await writeFile(join(folder, 'secrets', 'reader', key), value);
      await publish(1);
      world = await startWorld(resources(modes), { OFFLOADER_SECRETS_DIR: join(folder, 'secrets') });
    });
    afterAll(async () => {
      await world.end();
      delete process.env['STORAGE_EMULATOR_HOST'];
      await place.store?.end();
      await lake.remove();
      await rm(folder, { recursive: true, force: true });
    });

    test('local_table and remote_scan give the same rows, before and after a swap', async () => {
      for (const n of [1, 2]) {
        if (n > 1) await publish(n);
        await until(async () => (await ask('localtable')).snapshot === `s${n}`);
        for (const query of ['', '?from=2026-01-10&to=2026-01-12', '?columns=day&limit=3', '?from=2027-01-01']) {
          const [local, remote] = [await ask(`localtable${query}`), await ask(`remotescan${query}`)];
          expect(remote).toEqual(local);
          expect(remote.snapshot).toBe(`s${n}`);
        }
      }
    });

    test('remote scans ask the store for no data and no footers, from the first one after a swap on', async () => {
      await publish(3);
      await until(async () => (await ask('localtable')).snapshot === 's3');
      const { store } = place;
      const asked = store?.asked.length ?? 0;
      for (let n = 0; n < 20; n += 1) expect((await ask(`remotescan?limit=${n + 1}`)).snapshot).toBe('s3');
      const data = (store?.asked ?? []).slice(asked).filter(({ path }) => path.includes('part-0'));
      expect(data).toEqual([]);
      // The files themselves were asked for: the proxy does see such requests.
      if (store !== null) expect(store.asked.some(({ path }) => path.includes('part-0'))).toBe(true);
    });

    test('A dataset whose endpoints are all remote_scan is not materialised.', async () => {
      expect(await tables()).toContain('data');
      await world.write(resources(['RemoteScan']));
      await until(async () => (await world.get('/v1/endpoints/localtable', 'acme-token')).status === 404);
      await publish(4);
      await until(async () => (await ask('remotescan')).snapshot === 's4');
      await until(async () => !(await tables()).includes('data'));
      expect((await ask('remotescan')).data).toHaveLength(15);
    });
  });
