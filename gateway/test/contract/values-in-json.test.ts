// The contract's section "Values in JSON": every type of a file, through a real load, in both serving modes and in every form.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ColumnType } from '@offloader/contract';
import { tableFromIPC, type Table } from 'apache-arrow';
import type { LoadAnswer } from '../../src/snapshots/load-job.ts';
import { load } from '../../src/snapshots/loader.ts';
import {
  aggregateCases,
  csvField,
  jsonCases,
  misfits,
  momentCases,
  otherCases,
  plainCases,
  refusedTypes,
  textCases,
  timeCases,
  typedForms,
} from '../corpus/types.ts';
import { endpoint, startWorld, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake } from '../support/lake.ts';
import { startProcess } from '../support/process.ts';

type Case = (typeof plainCases)[number];
const typed = [...plainCases, ...momentCases, ...timeCases, ...jsonCases, ...otherCases];
const names = new Map<readonly unknown[], string>([...typed, ...textCases].map((one, at) => [one, `c${at}`]));
const nameOf = (one: readonly unknown[]): string => names.get(one)!;
const over = (sql: string): string => nameOf(typed.find((one) => one[2] === sql)!);

/** Three rows: the value, NULL, the value. */
const wide = (columns: readonly (readonly [name: string, sql: string])[]): string =>
  `SELECT i::INTEGER AS id, v.* FROM range(1, 4) r(i) LEFT JOIN (SELECT ${columns.map(([name, sql]) => `${sql} AS "${name}"`).join(', ')}) v ON i <> 2`;
const schemaOf = (cases: readonly (readonly [string, ...unknown[]])[]) => [{ name: 'id', type: 'INTEGER' }, ...cases.map((one) => ({ name: nameOf(one), type: one[0] }))]; // prettier-ignore
const rowsOf = (dataset: string, cases: readonly (readonly unknown[])[]) => ({
  datasetRef: { name: dataset },
  tenant: undefined,
  params: [],
  query: { select: [{ as: 'id', column: 'id' }, ...cases.map((one) => ({ as: nameOf(one), column: nameOf(one) }))], orderBy: [{ column: 'id' }] },
  columns: ['id', ...cases.map(nameOf)],
}); // prettier-ignore
const totals = (mode: string) =>
  endpoint(`totals_${mode.toLowerCase()}`, {
    ...rowsOf('visits', []),
    servingMode: mode,
    query: { select: aggregateCases.map(([sql, agg], at) => ({ as: `a${at}`, column: over(sql), agg })) },
    columns: aggregateCases.map((_, at) => `a${at}`),
  });
const modes = ['LocalTable', 'RemoteScan'] as const;
type Mode = (typeof modes)[number];

let lakes: readonly Lake[];
let resources: readonly unknown[];
let world: World;
let instance: DuckDBInstance;
let connection: DuckDBConnection;

const publish = async (lake: Lake, cases: readonly (readonly [string, ...unknown[]])[], format: 'parquet' | 'csv', select: string) =>
  lake.publish('a1', select, { format, change: (manifest) => (manifest['schema'] = schemaOf(cases)) });

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const [types, texts] = [await createLake(), await createLake('texts')] as const;
  lakes = [types, texts];
  await publish(types, typed, 'parquet', wide(typed.map((one) => [nameOf(one), one[2]])));
  await publish(texts, textCases, 'csv', wide(textCases.map((one) => [nameOf(one), `'${one[1].replaceAll("'", "''")}'`])));
  const open = { tenantColumn: undefined };
  resources = [
    visitsDataset(types.url, { ...open, schema: schemaOf(typed) }),
    { ...visitsDataset(texts.url, { ...open, schema: schemaOf(textCases) }), metadata: { name: 'texts' } },
    ...modes.flatMap((servingMode) => [
      endpoint(`types_${servingMode.toLowerCase()}`, { ...rowsOf('visits', typed), servingMode }),
      endpoint(`texts_${servingMode.toLowerCase()}`, { ...rowsOf('texts', textCases), servingMode }),
      totals(servingMode),
    ]),
  ];
  world = await startWorld(resources, { OFFLOADER_AUTH: 'none' });
  const refused = world.observed.filter(
    (event) => event.kind === 'refresh_ended' && (event.status === 'rejected' || event.status === 'failed'),
  );
  if (refused.length > 0) throw new Error(JSON.stringify(refused));
});
afterAll(async () => {
  connection.closeSync();
  instance.closeSync();
  await world.end();
  for (const lake of lakes) await lake.remove();
});

/** A load of one file with one value, as the loader process runs it. */
const loadOne = async (type: ColumnType, format: 'parquet' | 'csv', sql: string): Promise<LoadAnswer> => {
  const folder = await mkdtemp(join(lakes[0]!.folder, 'load-'));
  const path = join(folder, `part-0.${format}`);
  await connection.run(`COPY (SELECT ${sql} AS bad) TO '${path}' (FORMAT ${format}${format === 'csv' ? ', HEADER' : ''})`);
  const file = { path, name: 'part-0', format, rowCount: 1, isLocal: true };
  const schema = [{ name: 'bad', type }];
  const limits = { memoryLimit: '512MiB', threads: 1 };
  return load({ folder, files: [file], schema, declared: schema, modes: ['LocalTable'], sortColumns: [], rowCount: 1, ...limits });
};

const get = async (path: string): Promise<Response> => {
  const response = await world.get(`/v1/endpoints/${path}`);
  if (response.status !== 200) throw new Error(await response.text());
  return response;
};
const bytesOf = async (path: string): Promise<Uint8Array> => new Uint8Array(await (await get(path)).arrayBuffer());
const textOf = async (path: string): Promise<string> => (await get(path)).text();

/** The value as it stands in the bodies of the three text forms, in one serving mode. */
const expectTexts = async (set: string, mode: Mode, one: readonly [ColumnType, ...unknown[]], json: string): Promise<void> => {
  const [at, name] = [`${set}_${mode.toLowerCase()}`, nameOf(one)];
  const asked = `?columns=${name}`;
  const field = csvField(one[0], json);
  const body = await textOf(`${at}${asked}`);
  expect(body.slice(0, body.indexOf(',"meta":'))).toBe(`{"data":[{"${name}":${json}},{"${name}":null},{"${name}":${json}}]`);
  expect(() => JSON.parse(body) as unknown).not.toThrow();
  expect(await textOf(`${at}.ndjson${asked}`)).toBe(`{"${name}":${json}}\n{"${name}":null}\n{"${name}":${json}}\n`);
  expect(await textOf(`${at}.csv${asked}`)).toBe(`${name}\r\n${field}\r\n\r\n${field}\r\n`);
};
const check = async (one: Case): Promise<void> => {
  for (const mode of modes) await expectTexts('types', mode, one, one[3]);
};
const each = (cases: readonly Case[]): void => {
  test.each(cases.map((one, at) => [one[0], one[1], one[2], one[3], at] as const))('%s of %s %s is %s', async (...[, , , , at]) => check(cases[at]!)); // prettier-ignore
};

describe('VARCHAR string; BOOLEAN true/false; NULL null (key present); INTEGER/BIGINT JSON integers at full 64-bit precision as digits (9223372036854775807 must survive: no float rounding, no quotes); DOUBLE JSON number.', () => {
  each(plainCases);
});
describe('DATE "YYYY-MM-DD"; TIMESTAMP ISO "YYYY-MM-DDTHH:MM:SS.ffffff" without zone (6 digits); TIMESTAMPTZ normalised to UTC.', () => {
  each(momentCases);

  test('in whatever time zone the gateway runs', async () => {
    const elsewhere = await startProcess(resources, { OFFLOADER_AUTH: 'none', TZ: 'America/New_York' });
    try {
      for (const path of ['types_localtable', 'types_remotescan', 'texts_localtable', 'texts_remotescan'].map((name) => `${name}.ndjson`))
        expect(await (await fetch(`http://127.0.0.1:${elsewhere.apiPort}/v1/endpoints/${path}`)).text()).toBe(await textOf(path));
    } finally {
      await elsewhere.end();
    }
  });
});
describe('TIME "HH:MM:SS.ffffff".', () => {
  each(timeCases);
});
describe('JSON column: STRUCT → object, LIST → array, MAP → object with keys as strings, nested deeply, numbers exact; NULL → null; never a quoted JSON string.', () => {
  each(jsonCases);
});

/** One value as plain numbers and texts, whoever read it. */
const plain = (value: unknown): unknown => {
  const { days, micros } = (value ?? {}) as { readonly days?: number; readonly micros?: bigint };
  return days ?? micros ?? value;
};
/** What DuckDB itself makes of the cases, in the declared types. */
const kept = async (cases: readonly Case[]): Promise<readonly unknown[]> => {
  const sql = cases.map(([declared, physical, value, json]) => {
    if (declared === 'JSON' || declared === 'VARCHAR') return `'${(declared === 'JSON' ? json : (JSON.parse(json) as string)).replaceAll("'", "''").replaceAll('\0', "' || chr(0) || '")}'`;
    return physical === 'TIMESTAMPTZ' ? `timezone('UTC', ${value})` : `CAST(${value} AS ${declared})`;
  }); // prettier-ignore
  return ((await connection.runAndReadAll(`SELECT ${sql.join(', ')}`)).getRows()[0] ?? []).map(plain);
};
/** The first row of an Arrow table, at all its digits. */
const arrowRow = (table: Table, columns: readonly string[]): readonly unknown[] =>
  columns.map((name) => {
    const column = table.getChild(name)!;
    return /^(Utf8|Bool)$/.test(String(column.type)) ? column.get(0) : (column.data[0]!.values as ArrayLike<unknown>)[0];
  });
const parquetRead = async (name: string, bytes: Uint8Array) => {
  const path = join(lakes[0]!.folder, name);
  await writeFile(path, bytes);
  const read = await connection.runAndReadAll(`SELECT * FROM '${path}'`);
  return { rows: read.getRows(), types: read.columnTypes().map((type) => type.alias ?? String(type)) };
};

describe('DECIMAL, HUGEINT, UUID, BLOB, TIME, INTERVAL, ENUM, LIST, STRUCT, MAP, UNION physical columns all come out exactly, per a table in the docs and a conformance suite; NaN and ±Infinity ⇒ null: the body is always valid JSON.', () => {
  each(otherCases);

  test.each(modes)('every case in Arrow, from %s', async (mode) => {
    const table = tableFromIPC(await bytesOf(`types_${mode.toLowerCase()}.arrow`));
    const columns = typed.map(nameOf);
    expect(columns.map((name) => String(table.getChild(name)?.type))).toEqual(typed.map(([declared]) => typedForms[declared][0]));
    expect(arrowRow(table, columns)).toEqual(await kept(typed));
    expect(columns.filter((name) => table.getChild(name)?.get(1) !== null)).toEqual([]);
  });

  test.each(modes)('every case in Parquet, from %s', async (mode) => {
    const { rows, types } = await parquetRead(`${mode}.parquet`, await bytesOf(`types_${mode.toLowerCase()}.parquet`));
    expect(types.slice(1)).toEqual(typed.map(([declared]) => typedForms[declared][1]));
    expect(rows[0]?.slice(1).map(plain)).toEqual(await kept(typed));
    expect(rows[1]?.slice(1).filter((value) => value !== null)).toEqual([]);
  });

  test.each(modes)('aggregates, sums beyond 64 bits among them, from %s', async (mode) => {
    const at = `totals_${mode.toLowerCase()}`;
    const members = aggregateCases.map(([, , json], n) => `"a${n}":${json}`);
    expect(await textOf(at)).toContain(`{"data":[{${members.join(',')}}],`);
    const table = tableFromIPC(await bytesOf(`${at}.arrow`));
    expect(table.schema.fields.map(({ type }) => String(type))).toEqual(aggregateCases.map(([, , , arrow]) => arrow));
    const { rows, types } = await parquetRead(`totals-${mode}.parquet`, await bytesOf(`${at}.parquet`));
    expect(types).toEqual(aggregateCases.map(([, , , , parquet]) => parquet));
    expect([String(rows[0]?.[0]), String(rows[0]?.[1])]).toEqual([aggregateCases[0]?.[2], aggregateCases[1]?.[2]]);
  });
});

describe('Declared type is enforced by cast at load (CSV `00123` in a VARCHAR column stays text; a value that does not fit its declared type rejects the snapshot and names file and column).', () => {
  test.each(textCases.map((one, at) => [one[0], one[1], one[2], at] as const))('%s of %j in a CSV file is %s', async (...[, , , at]) => {
    const one = textCases[at]!;
    for (const mode of modes) await expectTexts('texts', mode, one, one[2]);
  });

  test.each(misfits)('%s refuses, in a file of %s, %s %s', async (declared, format, _physical, sql) => {
    const answer = await loadOne(declared, format, sql);
    expect(answer).toEqual({ kind: 'rejected', problems: [{ code: 'value_does_not_fit', path: 'files[0]', message: expect.stringContaining('file part-0, column bad') }] }); // prettier-ignore
  });

  test.each(refusedTypes)('%s does not take %s %s', async (declared, physical, sql) => {
    const answer = await loadOne(declared, 'parquet', sql);
    expect(answer).toMatchObject({ kind: 'rejected', problems: [{ code: 'schema_data_mismatch', path: 'files[0]' }] });
    expect(JSON.stringify(answer)).toContain(`declared ${declared}`);
    expect(physical).not.toBe(declared);
  });
});

describe('Physical types that cast to the declared type without loss load (UUID, ENUM, TIME under VARCHAR; DECIMAL under DOUBLE; smaller integers; TIMESTAMP_S, _MS, _NS and TIMESTAMPTZ under TIMESTAMP, normalised to UTC).', () => {
  const named =
    /^(VARCHAR (UUID|ENUM|TIME)|DOUBLE DECIMAL|(INTEGER|BIGINT) U?(TINYINT|SMALLINT|INTEGER)|TIMESTAMP TIMESTAMP(_S|_MS|_NS|TZ))$/;
  each(typed.filter(([declared, physical]) => named.test(`${declared} ${physical}`)));
});

test('Key order inside a row is not contract; row objects contain exactly the (narrowed) allowlist.', async () => {
  const [all, narrowed] = [await textOf('types_localtable'), await textOf('types_localtable?columns=c2,id')];
  const keys = (body: string): readonly string[][] =>
    (JSON.parse(body) as { data: object[] }).data.map((row) => Object.keys(row).toSorted());
  expect(keys(all)).toEqual(Array.from({ length: 3 }, () => ['id', ...typed.map(nameOf)].toSorted()));
  expect(keys(narrowed)).toEqual(Array.from({ length: 3 }, () => ['c2', 'id']));
});
