// The contract's sentence on standalone mode, of "Details that clients see": one gateway over files and a real MinIO.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { minio, minioKeys, startMinio, type Store } from '../support/stores.ts';

const suite = minio === undefined ? describe.skip : describe;
let folder: string;
let lake: Lake;
let store: Store;
let world: World;
/** What the SDK's chain finds in the environment. */
const chain = { AWS_ACCESS_KEY_ID: minioKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: minioKeys.secretAccessKey };

const inStore = (name: string, source: Record<string, unknown> = {}): readonly unknown[] => [
  {
    ...visitsDataset('', {
      source: { manifest: { url: `s3://lake/${name}/manifest.json` }, interval: '1s', s3: { endpoint: store.url, region: 'us-east-1', forcePathStyle: true }, ...source },
    }),
    metadata: { name },
  },
  endpoint(name, { datasetRef: { name } }),
]; // prettier-ignore
const resources = (spec: Record<string, unknown> = {}, annotations: Record<string, string> = {}): readonly unknown[] => {
  const dataset = visitsDataset(lake.url, spec);
  return [
    { ...dataset, metadata: { ...dataset.metadata, annotations } },
    endpoint('daily', { cache: { policy: 'None' } }),
    ...inStore('from-folder', { credentialsSecretRef: { name: 'reader' } }),
    ...inStore('from-chain'),
    apiKey('acme'),
  ];
};
const upload = async (name: string): Promise<void> => {
  const manifest = { ...(await lake.readManifest()), dataset_id: name };
  await store.put(`${name}/snapshots/a1/part-0.parquet`, await readFile(lake.fileOf('a1')));
  await store.put(`${name}/manifest.json`, Buffer.from(JSON.stringify(manifest)));
};
const diagnostics = async (): Promise<any> => (await world.admin('/diagnostics', 'admin-token')).json();
const reportOf = async (name: string): Promise<any> => (await diagnostics()).datasets.find((one: any) => one.dataset === name);
const loads = (): number => world.observed.filter((event) => event.kind === 'refresh_ended' && event.dataset === 'visits' && event.status === 'ok').length; // prettier-ignore

suite('standalone mode', () => {
  describe("Standalone honours annotations and tokens of the manifests as the operator does (refresh, rebuild), takes `interval: 1s` and up, shows config_sync enabled, and takes credentials from the SDK's chain or from `credentialsSecretRef` as a folder of that name under OFFLOADER_SECRETS_DIR.", () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'offloader-standalone-'));
      store = await startMinio(folder);
      lake = await createLake();
      await lake.publish('a1', visits(1));
      for (const name of ['from-folder', 'from-chain']) await upload(name);
      await mkdir(join(folder, 'secrets', 'reader'), { recursive: true });
      for (const [key, value] of Object.entries(minioKeys)) await writeFile(join(folder, 'secrets', 'reader', key), value);
      Object.assign(process.env, chain);
      world = await startWorld(resources(), { OFFLOADER_SECRETS_DIR: join(folder, 'secrets') });
    });
    afterAll(async () => {
      await world.end();
      for (const name of Object.keys(chain)) Reflect.deleteProperty(process.env, name);
      await store.end();
      await lake.remove();
      await rm(folder, { recursive: true, force: true });
    });

    test('a refresh that an annotation asks for is done once', async () => {
      const before = loads();
      await world.write(resources({}, { 'offloader.dev/refresh-requested-at': 'now' }));
      await until(async () => (await reportOf('visits')).refreshed === 'now');
      expect(loads()).toBe(before + 1);
      await world.restart();
      await until(async () => (await reportOf('visits')).last_attempted !== null);
      expect([(await reportOf('visits')).refreshed, loads()]).toEqual(['now', before + 1]);
    });

    test('a rebuild that a token asks for is done once, and sets the old copy aside', async () => {
      const before = loads();
      await world.write(resources({ cache: { rebuild: 'again' } }, { 'offloader.dev/refresh-requested-at': 'now' }));
      await until(async () => (await reportOf('visits')).rebuilt === 'again');
      await until(async () => (await world.get('/v1/endpoints/daily', 'acme-token')).status === 200);
      expect(loads()).toBe(before + 1);
      const aside = async (): Promise<readonly string[]> => readdir(join(world.cacheDir, 'quarantine')).catch(() => []);
      await until(async () => (await aside()).some((one) => one.startsWith('visits.')));
    });

    test('interval', async () => {
      // Ours is 1s: a new snapshot comes without being asked for.
      await lake.publish('a2', visits(2));
      await until(async () => (await reportOf('visits')).active_snapshot.snapshot_id === 'a2');
      await world.write(resources({ source: { manifest: { url: lake.url }, interval: '999ms' } }));
      await until(async () => (await diagnostics()).config_sync.result === 'error');
      expect((await diagnostics()).config_sync.error).toContain('Dataset/visits spec.source.interval invalid_value');
      await world.write(resources());
      await until(async () => (await diagnostics()).config_sync.result !== 'error');
    });

    test('config_sync', async () => {
      expect((await diagnostics()).config_sync).toMatchObject({ enabled: true, result: expect.stringMatching(/^(applied|unchanged)$/) });
    });

    test.each([
      ["the SDK's chain", 'from-chain'],
      ['a folder of that name', 'from-folder'],
    ])('credentials from %s', async (_what, name) => {
      await until(async () => (await world.get(`/v1/endpoints/${name}`, 'acme-token')).status === 200);
      const asked = store.asked.filter(({ path }) => path.includes(`/${name}/`));
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.filter(({ authorization = '' }) => !authorization.includes(`Credential=${minioKeys.accessKeyId}/`))).toEqual([]);
    });
  });
});
