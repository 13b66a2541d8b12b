// The contract's "Manifest validation", as far as data is held against its manifest: names, types, counts, sizes, quality. Each test bears the
// sentence it proves.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Change, type Offer, type Offers, openOffers } from '../support/offers.ts';

let offers: Offers;

beforeAll(async () => {
  offers = await openOffers();
});
afterAll(async () => {
  await offers.end();
});

describe('Local CSV: header name SET must equal the declared schema names, order free, else `schema_data_mismatch`.', () => {
  const csv = (select: string, change: Change = () => undefined): Offer => ({ select, format: 'csv', change });
  const as =
    (schema: readonly string[]): Change =>
    (m) =>
      (m['schema'] = schema.map((one) => ({ name: one.split(' ')[0], type: one.split(' ')[1] })));
  const declared = as(['tenant_id VARCHAR', 'day DATE', 'visits BIGINT']);
  const all = "SELECT 'acme' AS tenant_id, DATE '2026-01-01' AS day, 7::BIGINT AS visits";

  test('in another order', async () => {
    await offers.taken(csv("SELECT 8::BIGINT AS visits, 'acme' AS tenant_id, DATE '2026-01-01' AS day", declared));
    expect((await offers.room.answer()).values).toEqual([8]);
  });
  test('with a column that only schema and file know', async () => offers.taken(csv(`SELECT *, 'x' AS note FROM (${all})`)));
  test.each<[string, string, Change]>([
    ['a name less', all.replace(', 7::BIGINT AS visits', ''), declared],
    ['a name less that only schema knows', all, as(['tenant_id VARCHAR', 'day DATE', 'visits BIGINT', 'note VARCHAR'])],
    ['a name more', `SELECT *, 'x' AS note FROM (${all})`, declared],
    ['a name in other letters', all.replace('AS day', 'AS "Day"'), declared],
    ['no header', 'SELECT \'acme\' AS "beta", DATE \'2026-01-01\' AS "2026-01-02", 7 AS "8"', declared],
  ])('%s', async (_what, select, change) =>
    expect(await offers.refused(csv(select, change))).toEqual(['schema_data_mismatch at files[0]']),
  );
  test('each of several files', async () => {
    const [one, other] = [all.replace('7::BIGINT', '9::BIGINT'), all.replace(", DATE '2026-01-01' AS day", '')];
    expect(await offers.refused(await offers.twoFiles('csv', one, other))).toEqual(['schema_data_mismatch at files[1]']);
    await offers.taken(await offers.twoFiles('csv', one, all));
    expect((await offers.room.answer()).values.toSorted()).toEqual([7, 9]);
  });
});

describe('Every format is checked (names and physical types) after load, before the swap.', () => {
  const all = "SELECT 'acme' AS tenant_id, DATE '2026-01-01' AS day, 7::BIGINT AS visits";
  const column =
    (at: number, more: object): Change =>
    (m) =>
      Object.assign(m['schema'][at], more);
  test.each<[string, Offer, string]>([
    [
      'Parquet without a column',
      { select: all.replace('AS day', 'AS date'), change: column(1, { name: 'day' }) },
      'schema_data_mismatch at files',
    ],
    [
      'Parquet of another type',
      { select: all.replace('7::BIGINT', "'7'"), change: column(2, { type: 'BIGINT' }) },
      'schema_data_mismatch at files[0]',
    ],
    [
      'Parquet that is wider than schema says',
      { select: all.replace('7::BIGINT', '7::DOUBLE'), change: column(2, { type: 'BIGINT' }) },
      'schema_data_mismatch at files[0]',
    ],
    [
      'Parquet without a column that only schema knows',
      { select: all, change: (m) => m['schema'].push({ name: 'note', type: 'VARCHAR' }) },
      'schema_data_mismatch at files',
    ],
    [
      'Parquet of another type where only schema knows the column',
      { select: `SELECT *, 1 AS note FROM (${all})`, change: column(3, { type: 'VARCHAR' }) },
      'schema_data_mismatch at files[0]',
    ],
    [
      'CSV with a value of another type',
      { select: all.replace('7::BIGINT', "'many'"), format: 'csv', change: column(2, { type: 'BIGINT' }) },
      'value_does_not_fit at files[0]',
    ],
  ])('%s', async (_what, offered, expected) => {
    const swaps = offers.room.observed.filter(({ kind }) => kind === 'snapshot_swapped').length;
    expect(await offers.refused(offered)).toEqual([expected]);
    expect(offers.room.observed.filter(({ kind }) => kind === 'snapshot_swapped')).toHaveLength(swaps);
  });
  test('every file that is at fault is named', async () => {
    const bad = all.replace("DATE '2026-01-01'", "'soon'");
    const offered = await offers.twoFiles('parquet', bad, bad, column(1, { type: 'DATE' }));
    expect(await offers.refused(offered)).toEqual(['schema_data_mismatch at files[0]', 'schema_data_mismatch at files[1]']);
  });
});

test('They are a hint for the physical layout.', async () => {
  await offers.configure({ tenantColumn: undefined });
  const shuffled =
    "SELECT 'acme' AS tenant_id, DATE '2026-01-01' + (i % 7)::INTEGER AS day, i::BIGINT AS visits FROM range(500) r(i) ORDER BY hash(i)";
  const stored = async (): Promise<readonly string[]> =>
    (await offers.rows('SELECT day::VARCHAR, visits::VARCHAR FROM $data ORDER BY rowid')).map(
      ([day, n]) => `${String(day)} ${String(n).padStart(4)}`,
    );
  await offers.taken({ select: shuffled });
  const plain = await stored();
  expect(plain).not.toEqual(plain.toSorted());
  await offers.taken({ select: shuffled, change: (m) => Object.assign(m, { partition_columns: ['day'], sort_columns: ['visits'] }) });
  expect(await stored()).toEqual(plain.toSorted());
  await offers.configure();
  await offers.taken({});
});

test("`failed` is rejected unless the Dataset's guards allow it; `warning` loads and shows in diagnostics and status.", async () => {
  const quality = (value: string): Offer => ({ change: (m) => (m['data_quality_status'] = value) });
  expect(await offers.refused(quality('failed'))).toEqual(['quality_failed at data_quality_status']);
  await offers.taken(quality('warning'));
  expect(offers.room.report().active_snapshot?.quality).toBe('warning');
  await offers.taken(quality('passed'));
  expect(offers.room.report().active_snapshot?.quality).toBe('passed');
  await offers.configure({ guards: { allowFailedQuality: true } });
  await offers.taken(quality('failed'));
  expect(offers.room.report().active_snapshot?.quality).toBe('failed');
  await offers.configure();
});

describe("A loaded row count other than the manifest's row_count (or than the sum of files[].row_count) ⇒ rejected before the swap, and so is a file whose size is not its size_bytes.", () => {
  test.each<[string, Change, readonly string[]]>([
    ['row_count a row short', (m) => m['row_count']--, ['row_count_mismatch at row_count']],
    ['files[].row_count a row over', (m) => m['files'][0].row_count++, ['row_count_mismatch at files[0].row_count']],
    [
      'both wrong, and agreed',
      (m) => (m['row_count'] = m['files'][0].row_count = 0),
      ['row_count_mismatch at files[0].row_count', 'row_count_mismatch at row_count'],
    ],
    ['a byte short', (m) => m['files'][0].size_bytes--, ['size_mismatch at files[0].size_bytes']],
    ['a byte over', (m) => m['files'][0].size_bytes++, ['size_mismatch at files[0].size_bytes']],
  ])('%s', async (_what, change, expected) => expect(await offers.refused({ change })).toEqual(expected));
  test('a CSV file with a line less', async () => {
    const cut: Change = (m) => (m['files'][0].row_count = m['row_count'] = 101);
    expect(await offers.refused({ format: 'csv', change: cut })).toEqual([
      'row_count_mismatch at files[0].row_count',
      'row_count_mismatch at row_count',
    ]);
  });
});

test('A stale but well-formed manifest is VALID.', async () => {
  const dataset = offers.dataset({ guards: { allowOlderWatermark: true } });
  offers.room.snapshots.configure([{ ...dataset, maxStalenessMs: 3_600_000 }], {});
  await offers.taken({ change: (m) => Object.assign(m, { watermark: '1999-01-01T00:00:00Z', created_at: '1999-01-01T01:00:00Z' }) });
  expect(offers.room.report()).toMatchObject({
    manifest_valid: true,
    stale: true,
    refresh_error: null,
    active_snapshot: { watermark: '1999-01-01T00:00:00Z' },
  });
  await offers.configure();
});
