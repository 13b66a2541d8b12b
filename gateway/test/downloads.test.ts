// Downloads over bad connections, from S3, GCS and https: what comes is the file, whole and of one version, or nothing.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Patience, patience } from '../src/object-store/place.ts';
import { storesOf } from '../src/object-store/open.ts';
import type { ObjectStore } from '../src/snapshots/object-store.ts';
import { type Faulty, startFaulty } from './support/faulty.ts';
import { datasetOf } from './support/lake.ts';
import { fakeGcs, minio, minioKeys, startGcs, startMinio, type Store } from './support/stores.ts';
import { startWeb, type Web } from './support/web.ts';

const { signal } = new AbortController();
/** Three MiB: several pieces on any connection, and more than one piece counts as progress. */
const bytes = randomBytes(3 * 1024 * 1024);
/** As patient as usual with a machine that is busy with other things, in less time. */
const patient = { ...patience, attempts: 4, pauseMs: 5 };
type Server = Pick<Store, 'url' | 'asked' | 'answer' | 'put' | 'end'>;
type Way = {
  readonly url: (of: string) => string;
  readonly open: (through: string, how?: Patience) => ObjectStore;
  readonly start: (folder: string) => Promise<Server>;
};

const s3: Way = {
  start: startMinio,
  url: () => 's3://lake',
  open: (endpoint, how = patient) =>
    storesOf(how)(
      datasetOf('s3://lake/m.json', {
        source: {
          manifest: { url: 's3://lake/m.json' },
          credentialsSecretRef: { name: 'r' },
          s3: { endpoint, region: 'us-east-1', forcePathStyle: true },
        },
      }).source,
      minioKeys,
    ),
};
const gcs: Way = {
  start: startGcs,
  url: () => 'gs://lake',
  open: (through, how = patient) => {
    process.env['STORAGE_EMULATOR_HOST'] = through;
    return storesOf(how)(
      datasetOf('gs://lake/m.json', { source: { manifest: { url: 'gs://lake/m.json' }, anonymous: true } }).source,
      null,
    );
  },
};
const https: Way = {
  start: startWeb,
  url: (through) => `${through}/lake`,
  open: (through, how = patient) => storesOf(how)(datasetOf(`${through}/lake/m.json`).source, null),
};

describe.each([
  ['S3', minio !== undefined, s3],
  ['GCS', fakeGcs !== undefined, gcs],
  ['https', true, https],
] as const)('a download from %s', (_name, isHere, way) => {
  (isHere ? describe : describe.skip)('over a bad connection', () => {
    let folder: string;
    let server: Server;
    let faulty: Faulty;
    let store: ObjectStore;
    let files = 0;
    const file = (): string => join(folder, `${files}.bin`);
    const download = async (expected: number | null = bytes.length) =>
      store.download(`${way.url(faulty.url)}/data.bin`, file(), expected, signal);
    /** From which byte on each request asked for the file. */
    const starts = (): readonly number[] =>
      server.asked
        .filter(({ path }) => path.includes('data.bin'))
        .map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? 'bytes=0-')?.[1]));

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'offloader-downloads-'));
      server = await way.start(folder);
    });
    afterAll(async () => {
      delete process.env['STORAGE_EMULATOR_HOST'];
      await server.end();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(async () => {
      files += 1;
      await server.put('data.bin', bytes);
      faulty = await startFaulty(server.url);
      store = way.open(faulty.url);
      server.asked.length = 0;
    });
    afterEach(async () => {
      server.answer = () => undefined;
      await faulty.end();
    });

    test('that breaks three times goes on where it broke', async () => {
      faulty.fault = (nth) => (nth < 3 ? { cutAfter: 700_000 } : {});
      expect(await download()).toMatchObject({ ok: true, value: { bytes: bytes.length } });
      expect((await readFile(file())).equals(bytes)).toBe(true);
      const asked = starts();
      expect(asked).toHaveLength(4);
      // Each try goes on behind the one before: how far depends on what a reset connection still delivers.
      expect(asked[0]).toBe(0);
      for (const [at, start] of asked.entries()) if (at > 0) expect(start).toBeGreaterThan(asked[at - 1] ?? Number.NaN);
    });

    test('that stands still is left, and goes on over another', async () => {
      faulty.fault = (nth) => (nth < 1 ? { silentAfter: 900_000 } : {});
      store = way.open(faulty.url, { ...patient, silenceMs: 1000 });
      expect(await download()).toMatchObject({ ok: true });
      expect((await readFile(file())).equals(bytes)).toBe(true);
      expect(starts()[1]).toBeGreaterThan(800_000);
    });

    test('is given up after a bounded number of requests that bring nothing', async () => {
      faulty.fault = () => ({ cutAfter: 300_000 });
      expect(await download()).toMatchObject({ ok: false, error: { code: 'source_unreachable' } });
      expect(starts().length).toBeLessThan(12);
    });

    test('notices that the object was overwritten while the connection was broken, and never mixes the two', async () => {
      const overwritten = Promise.withResolvers<undefined>();
      let isNew = false;
      faulty.fault = (nth) => (isNew ? {} : { silentAfter: nth === 0 ? 700_000 : 0, cutWhen: overwritten.promise });
      const running = download();
      await until(() => faulty.stalled > 0);
      await server.put('data.bin', randomBytes(bytes.length));
      isNew = true;
      overwritten.resolve(undefined);
      expect(await running).toMatchObject({ ok: false, error: { code: 'file_changed' } });
    });

    test('of another size than promised ends before its bytes have come', async () => {
      faulty.fault = () => ({});
      expect(await download(bytes.length - 1)).toMatchObject({ ok: false, error: { code: 'size_mismatch' } });
      expect(await store.download(`${way.url(faulty.url)}/data.bin`, `${file()}.more`, bytes.length + 1, signal)).toMatchObject({
        error: { code: 'size_mismatch' },
      });
      expect(starts()).toEqual([0, 0]);
    });

    test('without a promise is held to the size that the place tells', async () => {
      faulty.fault = (nth) => (nth === 0 ? { cutAfter: 700_000 } : {});
      expect(await download(null)).toMatchObject({ ok: true, value: { bytes: bytes.length } });
      expect((await readFile(file())).equals(bytes)).toBe(true);
    });

    test.each([401, 403, 404])('a refusal, %i, is not asked again', async (status) => {
      server.answer = ({ path }) => (path.includes('data.bin') ? status : undefined);
      expect(await download()).toMatchObject({
        ok: false,
        error: { code: status === 404 ? 'missing_file' : 'source_credentials_rejected' },
      });
      expect(starts()).toEqual([0]);
    });

    test('a store that is overloaded is asked again', async () => {
      let refusals = 0;
      server.answer = ({ path }) => (path.includes('data.bin') && (refusals += 1) <= 2 ? 503 : undefined);
      expect(await download()).toMatchObject({ ok: true });
    });

    test('is confirmed while it is what was downloaded', async () => {
      const done = await download();
      if (!done.ok) throw new Error(JSON.stringify(done.error));
      const url = `${way.url(faulty.url)}/data.bin`;
      expect(await store.confirm(url, done.value, signal)).toEqual({ ok: true, value: null });
      await server.put('data.bin', randomBytes(bytes.length));
      expect(await store.confirm(url, done.value, signal)).toMatchObject({ ok: false, error: { code: 'file_changed' } });
    });

    test('a place that nobody listens at, or that says nothing, is unreachable', async () => {
      store = way.open(faulty.url, { ...patient, answerMs: 3000 });
      faulty.fault = () => ({ refused: true });
      expect(await store.read(`${way.url(faulty.url)}/data.bin`, null, signal)).toMatchObject({ error: { code: 'source_unreachable' } });
      faulty.fault = () => ({ silentAfter: 0 });
      expect(await store.read(`${way.url(faulty.url)}/data.bin`, null, signal)).toMatchObject({ error: { code: 'source_unreachable' } });
    });
  });
});

describe('a web server that knows neither versions nor parts', () => {
  let folder: string;
  let web: Web;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-web-'));
    web = await startWeb(folder);
    await web.put('data.bin', bytes);
  });
  afterAll(async () => {
    await web.end();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ['no parts', { etags: true, parts: false }],
    ['no versions', { etags: false, parts: true }],
  ])('that gives %s has a broken download begun anew', async (what, knows) => {
    web.knows = knows;
    const faulty = await startFaulty(web.url);
    faulty.fault = (nth) => (nth === 0 ? { cutAfter: 700_000 } : {});
    const file = join(folder, what);
    const done = await https.open(faulty.url).download(`${faulty.url}/lake/data.bin`, file, bytes.length, signal);
    expect(done).toMatchObject({ ok: true, value: { bytes: bytes.length } });
    expect((await readFile(file)).equals(bytes)).toBe(true);
    await faulty.end();
    expect(await readdir(folder)).toContain(what);
  });
});

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};
