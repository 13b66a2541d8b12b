// The contract's section "HTTP edge", its sentences on forms: each form, by Accept and by suffix, short and long, whole or broken. Memory: large-answers.test.ts.
import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { tableFromIPC } from 'apache-arrow';
import type { QueryFailure } from '../../src/domain/engine.ts';
import { endpointOf } from '../support/compiled.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake } from '../support/lake.ts';
import { type Played, startPlayed } from '../support/played.ts';

let lake: Lake;
let world: World;
const columns = ['i', 'big', 'ratio', 'ok', 'day', 'at', 'note', 'extra'];
const types = ['INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'DATE', 'TIMESTAMP', 'VARCHAR', 'JSON'];
const schema = [{ name: 'tenant_id', type: 'VARCHAR' }, ...columns.map((name, at) => ({ name, type: types[at] }))];
const rowCount = 50_000;
const rows = `SELECT 'acme' AS tenant_id, i::INTEGER AS i, 9223372036854775807 - i AS big,
  CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE ELSE i / 3 END AS ratio, i % 2 = 0 AS ok, DATE '2026-01-01' + (i % 30)::INTEGER AS day,
  TIMESTAMP '2026-01-01 00:00:00.000001' + to_seconds(i) AS at,
  CASE i WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a "quoted", text' || chr(10) || 'é' ELSE 'note ' || i END AS note,
  CASE i WHEN 0 THEN NULL ELSE '{"n":' || i || ',"list":[1,null]}' END::JSON AS extra
  FROM range(${rowCount}) r(i)`;
const all = {
  tenant: { column: 'tenant_id' },
  params: [{ name: 'until', type: 'integer' }],
  query: {
    select: columns.map((name) => ({ as: name, column: name })),
    filters: [{ column: 'i', op: 'lt', param: 'until' }],
    orderBy: [{ column: 'i' }],
  },
  columns,
  pagination: { defaultLimit: 4, maxLimit: 1_000_000 },
};
/** What Parquet answers lie in while they are sent. */
const answerFiles = async ({ cacheDir }: World): Promise<readonly string[]> =>
  (await readdir(join(cacheDir, 'tmp'))).filter((name) => name.startsWith('answer-'));
const get = async (path: string, init: RequestInit = {}) => world.get(`/v1/endpoints/${path}`, 'acme-token', init);

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', rows);
  const total = { params: [], query: { select: [{ as: 'sum', column: 'big', agg: 'sum' }] }, columns: ['sum'] };
  world = await startWorld([
    visitsDataset(lake.url, { schema }),
    endpoint('all', all),
    endpoint('uncached', { ...all, cache: { policy: 'None' } }),
    endpoint('total', total),
    apiKey('acme'),
  ]);
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

test('`GET /v1/endpoints/{name}`; a format by suffix is `/v1/endpoints/{name}.csv` (.json .ndjson .arrow .parquet); media types text/csv, application/x-ndjson, application/vnd.apache.arrow.stream, application/vnd.apache.parquet.', async () => {
  const mediaTypes = {
    json: 'application/json; charset=utf-8',
    csv: 'text/csv; charset=utf-8; header=present',
    ndjson: 'application/x-ndjson; charset=utf-8',
    arrow: 'application/vnd.apache.arrow.stream',
    parquet: 'application/vnd.apache.parquet',
  };
  for (const [format, type] of Object.entries(mediaTypes)) {
    const [bySuffix, byAccept] = [await get(`all.${format}`), await get('all', { headers: { accept: type.split(';')[0]! } })];
    expect([bySuffix, byAccept].map(({ status, headers }) => [status, headers.get('content-type')])).toEqual([[200, type], [200, type]]);
    expect(bySuffix.headers.get('etag')).toBe(byAccept.headers.get('etag'));
    await Promise.all([bySuffix.arrayBuffer(), byAccept.arrayBuffer()]);
  }
  expect((await get('all')).headers.get('content-type')).toBe(mediaTypes.json);
}); // prettier-ignore

test('Every form says in its headers which snapshot it is of and up to when, and so does its 304.', async () => {
  const { meta } = (await (await get('all')).json()) as { meta: { snapshot_id: string; freshness: { watermark: string } } };
  const told = ({ status, headers }: Response): unknown[] => [status, headers.get('x-offloader-snapshot-id'), headers.get('x-offloader-watermark')]; // prettier-ignore
  for (const format of ['json', 'csv', 'ndjson', 'arrow', 'parquet']) {
    const response = await get(`all.${format}`);
    await response.arrayBuffer();
    expect(told(response)).toEqual([200, meta.snapshot_id, meta.freshness.watermark]);
    const again = await get(`all.${format}`, { headers: { 'if-none-match': response.headers.get('etag')! } });
    expect(told(again)).toEqual([304, meta.snapshot_id, meta.freshness.watermark]);
  }
  expect(told(await get('all.csv?zz=1'))).toEqual([422, null, null]);
});

test('An unknown suffix is an unknown endpoint.', async () => {
  const [unknown, none] = [await get('all.xlsx'), await get('none')];
  const errorOf = async (response: Response): Promise<unknown> => ((await response.json()) as { error: unknown }).error;
  expect([unknown.status, await errorOf(unknown)]).toEqual([404, await errorOf(none)]);
  for (const name of ['all.', 'all.CSV', 'all.csv.csv', '.csv']) expect([name, (await get(name)).status]).toEqual([name, 404]);
});

test('An Accept we cannot meet ⇒ 406.', async () => {
  for (const accept of ['text/html', 'image/*', 'application/json;q=0', 'text', '*/*;q=0', 'text/html, application/xml;q=0.9']) {
    const response = await get('all', { headers: { accept } });
    expect([accept, response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([accept, 406, 'not_acceptable']);
    expect((await get('all.csv', { headers: { accept } })).status).toBe(200);
  }
  for (const accept of ['*/*', 'text/html, */*;q=0.1', 'text/*', 'application/*', ''])
    expect([accept, (await get('all', { headers: { accept } })).status]).toEqual([accept, 200]);
}); // prettier-ignore

describe('Formats by Accept or by suffix (.csv, .ndjson, .arrow, .parquet): JSON, CSV, NDJSON and Arrow streamed in bounded memory, Parquet as a file; a failure in mid-stream breaks the connection, never a 200 that looks whole.', () => {
  describe('a form', () => {
    test('CSV keeps NULL and empty text apart', async () => {
      const response = await get('all.csv');
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8; header=present']);
      expect((await response.text()).split('\r\n')).toEqual([
        'i,big,ratio,ok,day,at,note,extra',
        '0,9223372036854775807,,true,2026-01-01,2026-01-01T00:00:00.000001,,',
        '1,9223372036854775806,,false,2026-01-02,2026-01-01T00:00:01.000001,"","{""n"":1,""list"":[1,null]}"',
        '2,9223372036854775805,0.6666666666666666,true,2026-01-03,2026-01-01T00:00:02.000001,"a ""quoted"", text\né","{""n"":2,""list"":[1,null]}"',
        '3,9223372036854775804,1,false,2026-01-04,2026-01-01T00:00:03.000001,note 3,"{""n"":3,""list"":[1,null]}"',
        '',
      ]);
    });

    test('NDJSON has the rows of JSON, one a line', async () => {
      const [lines, json] = [await (await get('all.ndjson?limit=20')).text(), (await (await get('all.json?limit=20')).json()) as { data: unknown[] }];
      expect(lines.endsWith('}\n')).toBe(true);
      expect(lines.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual(json.data);
      expect(lines).toContain('"big":9223372036854775807');
    }); // prettier-ignore

    test('Arrow has typed columns at all their digits', async () => {
      const response = await get('all', { headers: { accept: 'application/vnd.apache.arrow.stream' } });
      expect(response.headers.get('content-type')).toBe('application/vnd.apache.arrow.stream');
      const table = tableFromIPC(new Uint8Array(await response.arrayBuffer()));
      expect(table.schema.fields.map(({ name, type }) => `${name} ${String(type)}`)).toEqual([
        'i Int32',
        'big Int64',
        'ratio Float64',
        'ok Bool',
        'day Date32<DAY>',
        'at Timestamp<MICROSECOND>',
        'note Utf8',
        'extra Utf8',
      ]);
      expect(table.getChild('big')?.toArray()).toEqual(BigInt64Array.of(9223372036854775807n, 9223372036854775806n, 9223372036854775805n, 9223372036854775804n));
      expect([...table.getChild('note')!]).toEqual([null, '', 'a "quoted", text\né', 'note 3']);
      expect([...table.getChild('day')!].map((day) => new Date(day as number).toISOString().slice(0, 10))).toEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
      const sum = tableFromIPC(new Uint8Array(await (await get('total.arrow')).arrayBuffer())).getChild('sum')?.get(0) as Uint32Array;
      const exact = [...sum].reduceRight((total, word) => (total << 32n) + BigInt(word), 0n);
      expect(exact).toBe(9223372036854775807n * BigInt(rowCount) - (BigInt(rowCount) * BigInt(rowCount - 1)) / 2n);
    }); // prettier-ignore

    test('Arrow of no rows still has its schema', async () => {
      const table = tableFromIPC(new Uint8Array(await (await get('all.arrow?until=-1')).arrayBuffer()));
      expect([table.numRows, table.numCols]).toEqual([0, 8]);
    });

    test('Parquet is a whole file that DuckDB reads, and none is left behind', async () => {
      const response = await get('all.parquet?columns=i,big,note&limit=3');
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(response.headers.get('content-length')).toBe(String(bytes.length));
      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      const read = async (file: string, body: Buffer): Promise<string> => {
        await writeFile(join(lake.folder, file), body);
        return JSON.stringify((await connection.runAndReadAll(`SELECT * FROM '${join(lake.folder, file)}'`)).getRowObjectsJson());
      };
      expect(JSON.parse(await read('got.parquet', bytes))).toEqual([
        { i: 0, big: '9223372036854775807', note: null },
        { i: 1, big: '9223372036854775806', note: '' },
        { i: 2, big: '9223372036854775805', note: 'a "quoted", text\né' },
      ]);
      const total = Buffer.from(await (await get('total.parquet')).arrayBuffer());
      expect(await read('total.parquet', total)).toContain(
        String(9223372036854775807n * BigInt(rowCount) - (BigInt(rowCount) * BigInt(rowCount - 1)) / 2n),
      );
      connection.closeSync();
      instance.closeSync();
      await until(async () => (await answerFiles(world)).length === 0);
    });

    test.each(['csv', 'ndjson', 'arrow', 'parquet'])('%s is revalidated, answers HEAD, and fails in the envelope', async (format) => {
      const response = await get(`all.${format}`);
      await response.arrayBuffer();
      const etag = response.headers.get('etag') ?? '';
      expect([response.headers.get('vary'), response.headers.get('cache-control')]).toEqual(['Accept', 'private, no-cache']);
      expect((await get(`all.${format}`, { headers: { 'if-none-match': etag } })).status).toBe(304);
      expect((await get('all', { headers: { 'if-none-match': etag } })).status).toBe(200);
      const head = await get(`all.${format}`, { method: 'HEAD' });
      expect([head.status, await head.text(), head.headers.get('content-type')]).toEqual([200, '', response.headers.get('content-type')]);
      const bad = await get(`all.${format}?zz=1`);
      expect([bad.status, bad.headers.get('content-type'), bad.headers.get('etag')]).toEqual([
        422,
        'application/json; charset=utf-8',
        null,
      ]);
    });
  });

  describe('a long answer', () => {
    test.each(['csv', 'ndjson'])('%s has every row once, in order', async (format) => {
      const lines = (await (await get(`all.${format}?limit=1000000&columns=i`)).text()).trimEnd().split(/\r?\n/);
      const numbers = lines.slice(format === 'csv' ? 1 : 0).map((line) => Number(line.replace(/\D/g, '')));
      expect(numbers).toEqual(Array.from({ length: rowCount }, (_, n) => n));
    });

    test('Arrow has every row once, in order', async () => {
      const table = tableFromIPC(new Uint8Array(await (await get('all.arrow?limit=1000000')).arrayBuffer()));
      expect(table.getChild('i')?.toArray()).toEqual(Int32Array.from({ length: rowCount }, (_, n) => n));
    });

    test.each(['all', 'uncached'])('JSON of %s is one valid envelope, also when it is asked for again', async (name) => {
      for (let n = 0; n < 2; n += 1) {
        const response = await get(`${name}?limit=40000`);
        const body = (await response.json()) as { data: { i: number }[]; meta: Record<string, unknown> };
        expect([response.headers.get('content-length'), body.data.length, body.data[39_999]?.i, body.meta['row_count']]).toEqual([null, 40_000, 39_999, 40_000]);
        expect(body.meta['cache']).toBe(name === 'all' ? 'miss' : 'off');
        expect(body.meta['next_cursor']).toEqual(expect.any(String));
      }
      const last = (await (await get(`${name}?limit=1000000`)).json()) as { meta: Record<string, unknown> };
      expect([last.meta['row_count'], last.meta['next_cursor']]).toEqual([rowCount, null]);
    }); // prettier-ignore
  });

  describe('that fails', () => {
    let played: Played;
    let slow: World;
    let fat: Lake;
    const streamed = ['csv', 'ndjson', 'arrow', 'parquet', 'json'];
    const standing = new Map<string, Promise<Buffer>>();
    beforeAll(async () => {
      fat = await createLake('fat');
      // More than fits into the buffers between server and client, in no form compressible.
      await fat.publish('a1', `SELECT i::INTEGER AS i, (SELECT string_agg(md5((i * 1000 + j)::VARCHAR), '') FROM range(250) t(j)) AS note FROM range(2500) r(i)`);
      const dataset = { ...visitsDataset(fat.url, { tenantColumn: undefined, schema: [{ name: 'i', type: 'INTEGER' }, { name: 'note', type: 'VARCHAR' }] }), metadata: { name: 'fat' } };
      const select = ['i', 'note'].map((name) => ({ as: name, column: name }));
      played = await startPlayed([endpointOf({ cache: { policy: 'None' }, pagination: { defaultLimit: 10, maxLimit: 1_000_000 } })]);
      slow = await startWorld(
        [dataset, endpoint('all', { ...all, datasetRef: { name: 'fat' }, tenant: undefined, params: [], query: { select }, columns: ['i', 'note'] })],
        { OFFLOADER_AUTH: 'none', OFFLOADER_QUERY_TIMEOUT: '6s' },
      );
      for (const format of streamed) standing.set(format, standStill(format));
    }); // prettier-ignore
    afterAll(async () => {
      await played.end();
      await slow.end();
      await fat.remove();
    });
    const idOf = (format: string): string => `a-reader-of-${format}-that-stands`;
    const endOf = (format: string): unknown =>
      slow.observed.find((event) => event.kind === 'request_ended' && event.requestId === idOf(format));
    /** All that a client gets that reads nothing until its request has ended for the gateway. */
    const standStill = async (format: string): Promise<Buffer> => {
      const socket = connect(slow.gateway.apiPort, '127.0.0.1');
      socket.write(`GET /v1/endpoints/all.${format}?limit=1000000 HTTP/1.1\r\nHost: x\r\nx-request-id: ${idOf(format)}\r\n\r\n`);
      socket.pause();
      await until(() => endOf(format) !== undefined);
      const parts: Buffer[] = [];
      socket.on('data', (part) => parts.push(part));
      socket.on('error', () => undefined);
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
      return Buffer.concat(parts);
    };
    /** Rows of about a megabyte in ten pieces, and what comes after them. */
    const fail = (pieces: number, failure: QueryFailure): void => {
      const piece = Array.from({ length: 2000 }, (_, n) => [`${'x'.repeat(40)}${n}`, 9223372036854775807n]);
      played.outcome = { rows: new Array<typeof piece>(pieces).fill(piece), failure };
    };
    const failures: readonly (readonly [QueryFailure, number])[] = [
      [{ engine: 'IO Error: the disk is gone' }, 500],
      ['timeout', 504],
    ];

    test.each(['json', 'csv', 'ndjson', 'arrow'])('%s that fails after bytes have gone out is cut', async (format) => {
      for (const [failure] of failures) {
        fail(10, failure);
        const response = await played.get(`events.${format}?limit=100000`);
        expect(response.status).toBe(200);
        await expect(response.arrayBuffer()).rejects.toThrow();
      }
    });

    test.each(['json', 'csv', 'ndjson', 'arrow'])('%s that fails before has the status of the failure', async (format) => {
      for (const [failure, status] of failures) {
        fail(1, failure);
        const response = await played.get(`events.${format}?limit=100000`);
        expect([response.status, Object.keys((await response.json()) as object)]).toEqual([status, ['error', 'meta']]);
      }
    });

    // A reader that stands still is a failure too: it may not hold a connection, or a file, for ever.
    test.each(streamed)('%s is cut when its reader stands still, and what it got does not look whole', async (format) => {
      const got = await standing.get(format)!;
      const text = got.toString('latin1');
      const [, promised = null] = /content-length: (\d+)/i.exec(text.slice(0, 4000)) ?? [];
      expect(text.slice(0, 13)).toBe('HTTP/1.1 200 ');
      expect(promised === null ? text.endsWith('0\r\n\r\n') : got.length >= Number(promised)).toBe(false);
      expect(endOf(format)).toMatchObject({ status: 499, cause: 'slow reader', cut: 'slow_reader', snapshotId: 'a1' });
    });

    test('Parquet leaves no file behind then', async () => {
      await standing.get('parquet');
      await until(async () => (await answerFiles(slow)).length === 0);
    });
  });
});
