// The contract's "Sources, URLs, credentials", as far as it speaks of files: one whole gateway over a real MinIO, a fake GCS, a web server and
// local files. Each test bears the sentence it proves.
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Faulty, startFaulty } from '../support/faulty.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { fakeGcs, minio, minioKeys, startGcs, startMinio, type Store } from '../support/stores.ts';
import { startWeb, type Web } from '../support/web.ts';

const suite = minio === undefined || fakeGcs === undefined ? describe.skip : describe;

let folder: string;
let lake: Lake;
let s3: Store;
let gs: Store;
let web: Web;
let faulty: Faulty;
let world: World;
const dropped = Promise.withResolvers<undefined>();

/** Where each dataset's manifest lies: a folder of its name. */
const places: Readonly<Record<string, () => string>> = {
  mixed: () => 's3://lake',
  'on-s3': () => 's3://lake',
  'on-gs': () => 'gs://lake',
  'on-web': () => `${web.url}/lake`,
  'on-disk': () => `file://${folder}`,
  'wide-a': () => 's3://lake',
  'wide-b': () => 's3://lake',
  lying: () => 's3://lake',
  large: () => 's3://lake',
  'many-on-s3': () => 's3://lake',
  'many-on-gs': () => 'gs://lake',
};
const names = Object.keys(places);
const urlOf = (name: string): string => `${places[name]!()}/${name}/`;

const put = async (url: string, bytes: Uint8Array): Promise<void> => {
  if (url.startsWith('s3://lake/')) return s3.put(url.slice('s3://lake/'.length), bytes);
  if (url.startsWith('gs://lake/')) return gs.put(url.slice('gs://lake/'.length), bytes);
  if (url.startsWith('https://')) return web.put(url.slice(`${web.url}/lake/`.length), bytes);
  await mkdir(new URL('.', url).pathname, { recursive: true });
  return writeFile(decodeURIComponent(new URL(url).pathname), bytes);
};

const resources = (): readonly unknown[] => [
  ...names.flatMap((name) => {
    const url = urlOf(name);
    const endpointOf = name === 'large' ? faulty.url : s3.url;
    const source = {
      ...(name.startsWith('many') ? { databricks: { url } } : { manifest: { url: `${url}manifest.json` } }),
      interval: '1s',
      s3: { endpoint: endpointOf, region: 'us-east-1', forcePathStyle: true },
      allowedRoots: name === 'mixed' ? ['s3://lake/shared/', 'gs://lake/shared/', `${web.url}/lake/shared/`] : [],
    };
    return [{ ...visitsDataset('', { source }), metadata: { name } }, endpoint(name.replaceAll('-', '_'), { datasetRef: { name } })];
  }),
  apiKey('acme'),
];

type File = { readonly path: string; readonly rows: string; readonly bytesMore?: number };
/** Publishes a snapshot of these files, the manifest last. */
const publish = async (name: string, id: string, files: readonly File[]): Promise<void> => {
  const listed: Record<string, unknown>[] = [];
  let whole: Record<string, unknown> = {};
  for (const [at, { path, rows, bytesMore = 0 }] of files.entries()) {
    await lake.publish(`${name}-${id}-${at}`, rows);
    whole = await lake.readManifest();
    const bytes = await readFile(lake.fileOf(`${name}-${id}-${at}`));
    const isUrl = /^[a-z0-9]+:\/\//.test(path);
    await put(isUrl ? path : `${urlOf(name)}${path.replace(/^\.\//, '')}`, bytes);
    listed.push({ path, format: 'parquet', row_count: whole['row_count'], size_bytes: bytes.length + bytesMore });
  }
  const rows = listed.reduce((sum, file) => sum + Number(file['row_count']), 0);
  const manifest = { ...whole, dataset_id: name, snapshot_id: id, files: listed, row_count: rows };
  await put(`${urlOf(name)}manifest.json`, Buffer.from(JSON.stringify(manifest)));
};
const report = async (name: string): Promise<any> =>
  ((await (await world.admin('/diagnostics', 'admin-token')).json()) as any).datasets.find((one: any) => one.dataset === name);
const serves = (name: string, id: string) => async (): Promise<boolean> => (await report(name)).active_snapshot?.snapshot_id === id;
/** What the rows that are served carry, and how many they are: acme has half of all. */
const served = async (name: string): Promise<{ n: number; rows: number }> => {
  const answer = await world.get(`/v1/endpoints/${name.replaceAll('-', '_')}`, 'acme-token');
  const { data } = (await answer.json()) as { data: { visits: number; rows: number }[] };
  const rows = data.reduce((sum, row) => sum + row.rows, 0);
  return { n: data.reduce((sum, row) => sum + row.visits, 0) / rows, rows };
};
const asked = (store: Pick<Store, 'asked'>, word: string) => store.asked.filter(({ path }) => decodeURIComponent(path).includes(word));

suite('files of a source', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-files-'));
    [lake, s3, gs, web] = [await createLake(), await startMinio(folder), await startGcs(), await startWeb(folder)];
    faulty = await startFaulty(s3.url);
    // From the first connection on: those that wait for a manifest are kept.
    faulty.fault = () => ({ silentAfter: 3 * 1024 * 1024, cutWhen: dropped.promise });
    process.env['STORAGE_EMULATOR_HOST'] = gs.url;
    process.env['AWS_ACCESS_KEY_ID'] = minioKeys.accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = minioKeys.secretAccessKey;
    world = await startWorld(resources());
  });
  afterAll(async () => {
    await world.end();
    delete process.env['STORAGE_EMULATOR_HOST'];
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    for (const one of [faulty, web, s3, gs]) await one.end();
    await lake.remove();
    await rm(folder, { recursive: true, force: true });
  });

  describe("files[].path may be s3://, gs://, https:// or relative; relative resolves from the manifest's own place, local or remote.", () => {
    test('one snapshot of files in four places', async () => {
      const paths = ['part-1.parquet', 's3://lake/shared/part-2.parquet', 'gs://lake/shared/part-3.parquet', `${web.url}/lake/shared/part-4.parquet`];
      await publish('mixed', 'm1', paths.map((path, at) => ({ path, rows: visits(at + 1, 100) })));
      await until(serves('mixed', 'm1'));
      expect(await served('mixed')).toEqual({ n: 2.5, rows: 200 });
    }); // prettier-ignore

    test('relative paths, with letters of all kinds, where the manifest lies in S3, in GCS, on a web server and on the disk', async () => {
      const relative = ['./data/part 1.parquet', 'data/zwölf+=&.parquet', 'day=2026-01-01/part-0.parquet'];
      const some = ['on-s3', 'on-gs', 'on-web', 'on-disk'];
      for (const name of some) await publish(name, 'r1', relative.map((path, at) => ({ path, rows: visits(at + 1, 100) })));
      for (const name of some) await until(serves(name, 'r1'));
      for (const name of some) expect([name, await served(name)]).toEqual([name, { n: 2, rows: 150 }]);
    }); // prettier-ignore

    test('on a disk and in a bucket `?`, `#` and `%` are letters too', async () => {
      const odd = ['data/what?.parquet', 'data/#1.parquet'];
      for (const name of ['on-s3', 'on-gs']) await publish(name, 'r2', [...odd, 'data/100%41.parquet'].map((path) => ({ path, rows: visits(7, 100) })));
      for (const name of ['on-s3', 'on-gs']) await until(serves(name, 'r2'));
      await mkdir(join(folder, 'on-disk', 'data'), { recursive: true });
      await lake.publish('odd', visits(7, 100));
      const bytes = await readFile(lake.fileOf('odd'));
      for (const path of odd) await writeFile(join(folder, 'on-disk', path), bytes);
      const files = odd.map((path) => ({ path, format: 'parquet', row_count: 100, size_bytes: bytes.length }));
      const manifest = { ...(await lake.readManifest()), dataset_id: 'on-disk', snapshot_id: 'r2', files, row_count: 200 };
      await writeFile(join(folder, 'on-disk', 'manifest.json'), JSON.stringify(manifest));
      await until(serves('on-disk', 'r2'));
    }); // prettier-ignore
  });

  describe('Listings follow pagination; downloads stream to disk with a size check, a per-dataset concurrency bound and resume after a dropped connection.', () => {
    test('the newest of more than a thousand commit markers is found, in S3 and in GCS', async () => {
      await lake.publish('many', visits(9, 100));
      const part = await readFile(lake.fileOf('many'));
      const isFound = async (name: string): Promise<void> => {
        const at = urlOf(name);
        await put(`${at}part.parquet`, part);
        for (let from = 1000; from < 2010; from += 101)
          await Promise.all(Array.from({ length: 101 }, async (_, n) => put(`${at}_committed_${from + n}`, Buffer.from('{"added":[]}'))));
        await put(`${at}_committed_9999`, Buffer.from('{"added":["part.parquet"]}'));
        await until(serves(name, 'tid_9999'));
      };
      await Promise.all(['many-on-s3', 'many-on-gs'].map(isFound));
      expect(asked(s3, 'continuation-token=').length).toBeGreaterThan(0);
      expect(asked(gs, 'pageToken=').length).toBeGreaterThan(0);
    });

    test('a file is written while it comes, and the rest of it is asked for when the connection drops', async () => {
      const random = visits(1, 900_000).replace('1::BIGINT', '(random() * 1e15)::BIGINT');
      await publish('large', 'l1', [{ path: 'part-0.parquet', rows: random }]);
      await until(() => faulty.stalled > 0);
      const [file] = globSync(join(world.cacheDir, 'snapshots', 'large', '*', 'files', '0.parquet'));
      await until(async () => (await stat(file!)).size > 2 * 1024 * 1024);
      expect((await report('large')).active_snapshot).toBeNull();
      faulty.fault = () => ({});
      dropped.resolve(undefined);
      await until(serves('large', 'l1'));
      const from = asked(s3, 'large/part-0').map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? 'bytes=0-')?.[1]));
      expect([from.length, from[0], from[1]! > 2 * 1024 * 1024]).toEqual([2, 0, true]);
      expect((await report('large')).active_snapshot.rows).toBe(900_000);
    });

    test('a file of another size than its size_bytes is rejected, and what serves stays', async () => {
      await publish('lying', 'y1', [{ path: 'a.parquet', rows: visits(1, 100) }]);
      await until(serves('lying', 'y1'));
      for (const [at, bytesMore] of [1, -1].entries()) {
        await publish('lying', `y${at + 2}`, [{ path: `b${at}.parquet`, rows: visits(2, 100), bytesMore }]);
        await until(async () => (await report('lying')).last_attempted.snapshot_id === `y${at + 2}`);
        expect(await report('lying')).toMatchObject({
          active_snapshot: { snapshot_id: 'y1' },
          last_attempted: { status: 'rejected' },
          refresh_error: { code: 'size_mismatch', path: 'files[0].size_bytes', owner: 'UpstreamData' },
        });
      }
    });

    test('four files of a dataset at once, whatever another dataset does', async () => {
      const both = ['wide-a', 'wide-b'] as const;
      const held = { 'wide-a': [] as (() => void)[], 'wide-b': [] as (() => void)[] };
      const most = { 'wide-a': 0, 'wide-b': 0 };
      let arePublished = false;
      s3.answer = async ({ path, headers }) => {
        // Both begin when all is there: nobody is held for longer than a gateway waits.
        if (path.includes('/wide-') && path.includes('manifest.json') && !arePublished) return 404;
        const name = both.find((one) => path.includes(`/${one}/part-`));
        if (name === undefined || !path.startsWith('GET') || headers.range !== undefined) return undefined;
        await new Promise<void>((resolve) => {
          held[name].push(resolve);
          most[name] = Math.max(most[name], held[name].length);
        });
        return undefined;
      };
      const files = Array.from({ length: 10 }, (_, at) => ({ path: `part-${at}.parquet`, rows: visits(at, 10) }));
      for (const name of both) await publish(name, 'w1', files);
      arePublished = true;
      await until(() => both.every((name) => held[name].length === 4));
      await until(async () => {
        for (const name of both) held[name].shift()?.();
        return (await serves('wide-a', 'w1')()) && (await serves('wide-b', 'w1')());
      });
      expect(most).toEqual({ 'wide-a': 4, 'wide-b': 4 });
      s3.answer = () => undefined;
    });
  });
});
