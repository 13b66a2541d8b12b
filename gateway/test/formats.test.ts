// Answers as CSV, NDJSON, Arrow and Parquet, and answers too long to be held: real DuckDB, real HTTP.
import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { tableFromIPC } from 'apache-arrow';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';

let lake: Lake;
let world: World;
const columns = ['i', 'big', 'ratio', 'ok', 'day', 'at', 'note', 'extra'];
const types = ['INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'DATE', 'TIMESTAMP', 'VARCHAR', 'JSON'];
const rowCount = 200_000;
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
const get = async (path: string, init: RequestInit = {}) => world.get(`/v1/endpoints/${path}`, 'acme-token', init);

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', rows);
  const schema = [{ name: 'tenant_id', type: 'VARCHAR' }, ...columns.map((name, at) => ({ name, type: types[at] }))];
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

describe('a form of an answer', () => {
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
    expect((await readdir(join(world.cacheDir, 'tmp'))).filter((name) => name.startsWith('answer-'))).toEqual([]);
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
    expect([bad.status, bad.headers.get('content-type'), bad.headers.get('etag')]).toEqual([422, 'application/json; charset=utf-8', null]);
  });

  test('an unknown suffix is an unknown endpoint, an Accept that cannot be met 406', async () => {
    expect((await get('all.xlsx')).status).toBe(404);
    expect((await get('all', { headers: { accept: 'text/html' } })).status).toBe(406);
    expect((await get('all.csv', { headers: { accept: 'text/html' } })).status).toBe(200);
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
      const response = await get(`${name}?limit=150000`);
      const body = (await response.json()) as { data: { i: number }[]; meta: Record<string, unknown> };
      expect([response.headers.get('content-length'), body.data.length, body.data[149_999]?.i, body.meta['row_count']]).toEqual([null, 150_000, 149_999, 150_000]);
      expect(body.meta['cache']).toBe(name === 'all' ? 'miss' : 'off');
      expect(body.meta['next_cursor']).toEqual(expect.any(String));
    }
    const last = (await (await get(`${name}?limit=1000000`)).json()) as { meta: Record<string, unknown> };
    expect([last.meta['row_count'], last.meta['next_cursor']]).toEqual([rowCount, null]);
  }); // prettier-ignore

  test('a client that goes away gives its connection back', async () => {
    const started = world.observed.length;
    const socket = connect(world.gateway.apiPort, '127.0.0.1');
    socket.write('GET /v1/endpoints/all.csv?limit=1000000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme-token\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await until(() => world.observed.slice(started).some((event) => event.kind === 'request_ended' && event.status === 499));
    const report = (await (await world.admin('/diagnostics', 'admin-token')).json()) as { pool: { busy: number } };
    expect(report.pool.busy).toBe(0);
  });
});

describe('a reader that stands still', () => {
  let slow: World;
  beforeAll(async () => {
    slow = await startWorld([visitsDataset(lake.url, { schema: [{ name: 'tenant_id', type: 'VARCHAR' }, ...columns.map((name, at) => ({ name, type: types[at] }))] }), endpoint('all', all), apiKey('acme')], {
      OFFLOADER_QUERY_TIMEOUT: '1s',
    }); // prettier-ignore
  });
  afterAll(async () => slow.end());

  test('is cut off, and what it got does not look whole', async () => {
    const socket = connect(slow.gateway.apiPort, '127.0.0.1');
    socket.write('GET /v1/endpoints/all.csv?limit=1000000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme-token\r\n\r\n');
    socket.pause();
    await until(() => slow.observed.some((event) => event.kind === 'request_ended' && event.status === 504));
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(got).toMatch(/^HTTP\/1\.1 200 /);
    expect(got.endsWith('0\r\n\r\n')).toBe(false);
  });
});
