// The contract's "Sources, URLs, credentials", as far as Databricks tables go: a whole gateway over tables in a real MinIO and in a
// fake GCS. Each test bears the sentence it proves.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { markerManifest, newestMarker } from '../../src/domain/databricks.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, datasetOf, type Lake, visits } from '../support/lake.ts';
import { fakeGcs, minio, minioKeys, startGcs, startMinio, type Store } from '../support/stores.ts';

type Place = { readonly name: 's3' | 'gs'; readonly store: () => Store };
let lake: Lake;
let folder: string;
let s3: Store;
let gs: Store;
let world: World;
let serial = 0;
const tokens = new Map<string, string>();
const places: readonly Place[] = [
  { name: 's3', store: () => s3 },
  { name: 'gs', store: () => gs },
];
const suite = minio === undefined || fakeGcs === undefined ? describe.skip : describe;

/** The tables that each place has. */
const tables = ['newest', 'emptied', 'unborn', 'spoilt', 'troubled', 'astray'] as const;
type Table = (typeof tables)[number];
const keyOf = (table: Table, file: string): string => `tables/${table}/${file}`;

/** A Parquet file in which every row carries `n`. */
const part = async (n: number, rows = 100): Promise<Uint8Array> => {
  // One at a time: a lake has one writer.
  const made = parts.then(async () => lake.publish(`p${n}`, visits(n, rows))).then(async () => readFile(lake.fileOf(`p${n}`)));
  parts = made;
  return made;
};
let parts: Promise<unknown> = Promise.resolve();
const commit = async ({ store }: Place, table: Table, tid: string, marker: unknown): Promise<void> => {
  // Update times are compared by the millisecond.
  const since = Date.now();
  await until(() => Date.now() > since + 1);
  const text = typeof marker === 'string' ? marker : JSON.stringify(marker);
  await store().put(keyOf(table, `_committed_${tid}`), Buffer.from(text));
};
const report = async ({ name }: Place, table: Table): Promise<any> =>
  ((await (await world.admin('/diagnostics', 'admin-token')).json()) as any).datasets.find(
    (one: any) => one.dataset === `${name}-${table}`,
  );
const active = async (place: Place, table: Table): Promise<string | undefined> => (await report(place, table)).active_snapshot?.snapshot_id;
const attempts = ({ name }: Place, table: Table): readonly string[] =>
  world.observed.flatMap((event) =>
    event.kind === 'refresh_ended' && event.dataset === `${name}-${table}` ? [`${event.snapshotId} ${event.status}`] : [],
  );
/** Has a table looked at now, whatever pause the failures before have earned it. */
const force = async (place: Place, table: Table): Promise<void> => {
  const token = String((serial += 1));
  tokens.set(`${place.name}-${table}`, token);
  await world.write(resources());
  await until(async () => (await report(place, table)).refreshed === token);
};
/** Waits for an attempt that began after now. */
const another = async (place: Place, table: Table): Promise<void> => {
  const before = attempts(place, table).length;
  await until(() => attempts(place, table).length >= before + 2);
};
/** What the rows that are served to one of two tenants carry, and how many they are. */
const served = async ({ name }: Place, table: Table): Promise<{ status: number; n: number; rows: number }> => {
  const answer = await world.get(`/v1/endpoints/${name}_${table}`, 'acme-token');
  const { data = [] } = (await answer.json()) as { data?: { visits: number; rows: number }[] };
  const rows = data.reduce((sum, row) => sum + row.rows, 0);
  return { status: answer.status, n: data.reduce((sum, row) => sum + row.visits, 0) / rows, rows };
};
const asked = ({ store }: Place, words: string): readonly string[] =>
  store()
    .asked.map(({ path }) => decodeURIComponent(path))
    .filter((path) => path.includes(words));

/** A dataset and an endpoint per table, with the tokens that ask for a refresh. */
const resources = (): readonly unknown[] => [
  ...places.flatMap(({ name: scheme }) =>
    tables.flatMap((table) => {
      const name = `${scheme}-${table}`;
      const at = scheme === 's3' ? { s3: { endpoint: s3.url, region: 'us-east-1', forcePathStyle: true } } : {};
      const source = { databricks: { url: `${scheme}://lake/tables/${table}/` }, interval: '1s', ...at };
      const annotations = tokens.has(name) ? { 'offloader.dev/refresh-requested-at': tokens.get(name) } : {};
      return [
        { ...visitsDataset('', { source }), metadata: { name, annotations } },
        endpoint(`${scheme}_${table}`, { datasetRef: { name } }),
      ];
    }),
  ),
  apiKey('acme'),
];

const seed = async (place: Place, table: Table): Promise<void> => {
  const put = async (file: string, bytes: Uint8Array): Promise<void> => place.store().put(keyOf(table, file), bytes);
  await put('_started_1', Buffer.from(''));
  if (table === 'unborn') return commit(place, table, 'vacuum1', { added: ['part-1.snappy.parquet'] });
  await put('part-1.snappy.parquet', await part(1));
  await commit(place, table, table === 'newest' ? '9000' : '1', { added: ['part-1.snappy.parquet'], removed: [] });
  if (table !== 'newest') return;
  for (const n of [2, 3]) await put(`part-${n}.snappy.parquet`, await part(2));
  await put('part-4.snappy.parquet', await part(4));
  await commit(place, table, '1000', { added: ['part-2.snappy.parquet', 'part-3.snappy.parquet'], removed: ['part-1.snappy.parquet'] });
};

/** The same at every place, side by side. */
const everywhere = (prove: (place: Place) => Promise<void>) => async (): Promise<void> => void (await Promise.all(places.map(prove)));

suite('a Databricks table', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-databricks-'));
    [lake, s3, gs] = await Promise.all([createLake(), startMinio(folder), startGcs()]);
    process.env['STORAGE_EMULATOR_HOST'] = gs.url;
    // An emulated chain: MinIO's keys are all that this process has.
    process.env['AWS_ACCESS_KEY_ID'] = minioKeys.accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = minioKeys.secretAccessKey;
    for (const place of places) for (const table of tables) await seed(place, table);
    world = await startWorld(resources());
  });
  afterAll(async () => {
    await world.end();
    delete process.env['STORAGE_EMULATOR_HOST'];
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    await Promise.all([s3.end(), gs.end(), lake.remove()]);
    await rm(folder, { recursive: true, force: true });
  });

  describe("databricks: list `<prefix>_committed_*`, skip `_committed_vacuum*`, take the newest by object update time, ties by name; files = its JSON `added` strings under the prefix; snapshot_id `tid_<tid>`; watermark = created_at = marker's update time; format parquet; schema = dataset contract; policy additive_only.", () => {
    test(
      'the newest commit of a table is served, with the time of its marker',
      everywhere(async (place) => {
        const { active_snapshot: snapshot, last_attempted: attempt, source } = await report(place, 'newest');
        expect([source, snapshot.snapshot_id, snapshot.rows, attempt.status]).toEqual(['databricks', 'tid_1000', 200, expect.any(String)]);
        const told = (await place.store().updatedAt(keyOf('newest', '_committed_1000'))).getTime();
        // S3 tells whole seconds to who asks for one object.
        expect(Math.floor(Date.parse(snapshot.watermark) / 1000)).toBe(Math.floor(told / 1000));
        expect(await served(place, 'newest')).toEqual({ status: 200, n: 2, rows: 100 });
      }),
    );

    test(
      'nothing but markers is listed, and an unchanged table costs one request for them',
      everywhere(async (place) => {
        await another(place, 'newest');
        const before = attempts(place, 'newest').length;
        const from = asked(place, 'tables/newest').length;
        await another(place, 'newest');
        const ended = attempts(place, 'newest').length - before;
        const costs = asked(place, 'tables/newest').slice(from);
        expect(costs.filter((path) => !/[?&]prefix=tables\/newest\/_committed_(&|$)/.test(path))).toEqual([]);
        // One attempt may have asked and not ended yet.
        expect(costs.length - ended).toBeLessThanOrEqual(1);
      }),
    );

    test(
      'names in `added` cannot lead out of the prefix',
      everywhere(async (place) => {
        for (const [at, name] of ['../newest/part-4.snappy.parquet', '%2e%2e/newest/part-4.snappy.parquet'].entries()) {
          await commit(place, 'astray', `up${at}`, { added: [name] });
          await until(() => attempts(place, 'astray').includes(`tid_up${at} rejected`));
          expect((await report(place, 'astray')).refresh_error).toMatchObject({ code: 'root_not_allowed', path: 'files[0].path' });
        }
        expect(await active(place, 'astray')).toBe('tid_1');
        expect(asked(place, '/newest/part-4')).toEqual([]);
      }),
    );

    test('of markers that are equally new the one with the greatest name is taken', () => {
      const at = (name: string, updatedAt: string) => ({ url: `s3://lake/t/_committed_${name}`, updatedAt });
      const same = [at('3', '2026-01-01T00:00:00.000Z'), at('5', '2026-01-01T00:00:00Z'), at('4', '2026-01-01T00:00:00.000Z')];
      for (const markers of [same, same.toReversed()]) expect(newestMarker(markers, 's3://lake/t/')).toEqual(same[1]);
      expect(newestMarker([at('9', '2026-01-01T00:00:00Z'), at('1', '2026-01-01T00:00:00.5Z')], 's3://lake/t/')?.url).toContain(
        '_committed_1',
      );
      // In a folder of that name lies another table's.
      expect(newestMarker([{ url: 's3://lake/t/_committed_x/_committed_1', updatedAt: '' }], 's3://lake/t/')).toBeUndefined();
    });

    test('a marker stands for a manifest of the dataset that promises neither counts nor sizes', () => {
      const dataset = datasetOf('s3://lake/manifest.json');
      const marker = { url: 's3://lake/t/_committed_7', updatedAt: '2026-01-01T00:00:00.000Z' };
      expect(markerManifest(marker, '{"added":["a/b.parquet"]}', dataset, 's3://lake/t/')).toMatchObject({
        ok: true,
        value: {
          dataset_id: dataset.name,
          snapshot_id: 'tid_7',
          created_at: marker.updatedAt,
          watermark: marker.updatedAt,
          schema: dataset.schema,
          files: [{ path: 's3://lake/t/a/b.parquet', format: 'parquet' }],
          compatibility_policy: 'additive_only',
        },
      });
      expect(markerManifest(marker, '{"added":["s3://lake/other.parquet"]}', dataset, 's3://lake/t/')).toMatchObject({
        value: { files: [{ path: 's3://lake/t/s3://lake/other.parquet' }] },
      });
    });
  });

  test(
    'A newer vacuum marker never wins.',
    everywhere(async (place) => {
      await place.store().put(keyOf('newest', '_committed_vacuum9999'), Buffer.from('{"added":["part-4.snappy.parquet"]}'));
      await another(place, 'newest');
      expect(await active(place, 'newest')).toBe('tid_1000');
      expect(attempts(place, 'newest').at(-1)).toBe('tid_1000 unchanged');
      expect(asked(place, '_committed_vacuum')).toEqual([]);
    }),
  );

  describe('No data marker, or empty `added` ⇒ unchanged ("nothing committed"), active stays.', () => {
    const staysAs = async (place: Place, tid: string): Promise<void> => {
      const { active_snapshot: snapshot, last_attempted: attempt, refresh_error: error } = await report(place, 'emptied');
      expect([snapshot.snapshot_id, attempt.status, attempt.note, error]).toEqual([tid, 'unchanged', 'nothing committed', null]);
      expect(await served(place, 'emptied')).toMatchObject({ status: 200, n: 1 });
    };

    test(
      'empty `added`',
      everywhere(async (place) => {
        await commit(place, 'emptied', '2', { added: [], removed: ['part-1.snappy.parquet'] });
        await another(place, 'emptied');
        await staysAs(place, 'tid_1');
      }),
    );

    test(
      'no data marker any more',
      everywhere(async (place) => {
        for (const tid of ['1', '2']) await place.store().remove(keyOf('emptied', `_committed_${tid}`));
        await another(place, 'emptied');
        await staysAs(place, 'tid_1');
      }),
    );
  });

  test(
    'With no active snapshot this does not read as healthy.',
    everywhere(async (place) => {
      const { active_snapshot: snapshot, last_attempted: attempt } = await report(place, 'unborn');
      expect([snapshot, attempt.status, attempt.note]).toEqual([null, 'unchanged', 'nothing committed']);
      expect(await served(place, 'unborn')).toMatchObject({ status: 503 });
      const dataset = `${place.name}-unborn`;
      expect(await (await world.admin('/metrics')).text()).toContain(`\noffloader_refresh_ok{dataset="${dataset}"} 0\n`);
      const { incidents } = (await (await world.admin('/diagnostics', 'admin-token')).json()) as {
        incidents: readonly { dataset?: string }[];
      };
      expect(incidents.filter((one) => one.dataset === dataset)).toMatchObject([
        { class: 'dataset_stale', owner: 'UpstreamData', evidence: expect.arrayContaining(['last attempt unchanged: nothing committed']) },
      ]);
    }),
  );

  test(
    'Marker not JSON / without `added` list ⇒ failed with a clear error.',
    everywhere(async (place) => {
      const spoilt = [
        ['{"added":', 'invalid_json', '', /not JSON/],
        ['null', 'invalid_type', 'added', /no list `added`/],
        ['{"removed":[]}', 'invalid_type', 'added', /no list `added`/],
        ['{"added":{"0":"part-1.snappy.parquet"}}', 'invalid_type', 'added', /no list `added`/],
        ['{"added":["part-1.snappy.parquet",1]}', 'invalid_type', 'added', /no list `added`/],
      ] as const;
      for (const [at, [text, code, path, message]] of spoilt.entries()) {
        await commit(place, 'spoilt', `2${at}`, text);
        await force(place, 'spoilt');
        const { last_attempted: attempt, refresh_error: error, source_reachable: reachable } = await report(place, 'spoilt');
        expect([attempt.status, reachable, error.code, error.path]).toEqual(['failed', true, code, path]);
        expect(error.message).toMatch(message);
        expect(await served(place, 'spoilt')).toMatchObject({ status: 200, n: 1 });
      }
      await commit(place, 'spoilt', '3', { added: ['part-1.snappy.parquet'] });
      await force(place, 'spoilt');
      expect(await active(place, 'spoilt')).toBe('tid_3');
    }),
  );

  test(
    'Listing or download error ⇒ failed.',
    everywhere(async (place) => {
      const failing = async (what: RegExp, status: number, code: string): Promise<void> => {
        place.store().answer = ({ path }) => (what.test(decodeURIComponent(path)) ? status : undefined);
        await force(place, 'troubled');
        const { last_attempted: attempt, refresh_error: error } = await report(place, 'troubled');
        expect([attempt.status, error.code]).toEqual(['failed', code]);
        expect(await served(place, 'troubled')).toMatchObject({ status: 200, n: 1 });
      };
      await failing(/prefix=tables\/troubled/, 403, 'source_credentials_rejected');
      await failing(/prefix=tables\/troubled/, 404, place.name === 's3' ? 'missing_file' : 'source_bucket_missing');
      await place.store().put(keyOf('troubled', 'part-2.snappy.parquet'), await part(2));
      await commit(place, 'troubled', '2', { added: ['part-2.snappy.parquet'] });
      await failing(/troubled\/_committed_2/, 404, 'missing_file');
      await failing(/troubled\/part-2/, 403, 'source_credentials_rejected');
      await failing(/troubled\/part-2/, 404, 'missing_file');
      place.store().answer = () => undefined;
      await force(place, 'troubled');
      expect(await served(place, 'troubled')).toMatchObject({ status: 200, n: 2 });
    }),
  );

  test(
    'Parts from older transactions lying in the prefix are never read.',
    everywhere(async (place) => {
      expect(asked(place, 'newest/part-2')).not.toEqual([]);
      // part-1 belongs to an older transaction, part-4 to one that was never committed.
      for (const old of ['newest/part-1', 'newest/part-4']) expect(asked(place, old)).toEqual([]);
    }),
  );
});
