// Whatever a snapshot is rejected for, its producer is told enough to mend it: over a room, one case for every code of a rejection.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Problem } from '@offloader/contract';
import { visits } from '../support/lake.ts';
import { type Change, type Offer, type Offers, openOffers } from '../support/offers.ts';

let offers: Offers;
beforeAll(async () => {
  offers = await openOffers();
  await offers.configure({ guards: { minRows: 50, maxRowDropPercent: 50 } });
});
afterAll(async () => {
  await offers.end();
});

const lie = (more: object): Offer => ({ change: (m) => Object.assign(m, more) });
const fileLie = (more: object): Offer => ({ change: (m) => Object.assign(m['files'][0], more) });
const columnLie = (at: number, more: object): Offer => ({ change: (m) => Object.assign(m['schema'][at], more) });
const addColumn: Change = (m) => m['schema'].push({ name: 'x', type: 'DATE' });
const textual = "SELECT 'acme' AS tenant_id, DATE '2026-01-01' + i::INTEGER AS day, 'many' AS visits FROM range(100) r(i)";
const few: Offer = { select: visits(9, 10) };

const cases: readonly (readonly [code: Problem['code'], path: string, offered: Offer])[] = [
  ['missing', 'producer', lie({ producer: null })],
  ['invalid_type', 'files', lie({ files: {} })],
  ['invalid_value', 'row_count', lie({ row_count: -1 })],
  ['unsafe_identifier', 'schema[0].name', columnLie(0, { name: 'a b' })],
  ['unsupported_type', 'schema[1].type', columnLie(1, { type: 'TIME' })],
  ['duplicate_column', 'schema[1].name', columnLie(1, { name: 'TENANT_ID' })],
  ['unknown_column', 'sort_columns[0]', lie({ sort_columns: ['x'] })],
  ['missing_file', 'files[0].path', fileLie({ path: 'x.parquet' })],
  ['invalid_snapshot_id', 'snapshot_id', lie({ snapshot_id: 7 })],
  ['invalid_timestamp', 'watermark', lie({ watermark: 'today' })],
  ['invalid_compatibility_policy', 'compatibility_policy', lie({ compatibility_policy: 'x' })],
  ['dataset_mismatch', 'dataset_id', lie({ dataset_id: 'x' })],
  ['root_not_allowed', 'files[0].path', fileLie({ path: '../x' })],
  ['incompatible_schema', 'schema[2].type', columnLie(2, { type: 'INTEGER' })],
  ['quality_failed', 'data_quality_status', lie({ data_quality_status: 'failed' })],
  ['size_mismatch', 'files[0].size_bytes', fileLie({ size_bytes: 1 })],
  ['row_count_mismatch', 'files[0].row_count', fileLie({ row_count: 1 })],
  ['schema_data_mismatch', 'files', { change: addColumn }],
  ['value_does_not_fit', 'files[0]', { select: textual, format: 'csv', change: (m) => (m['schema'][2].type = 'BIGINT') }],
  ['guard_min_rows', 'row_count', few],
  ['guard_row_drop', 'row_count', few],
  ['guard_older_watermark', 'watermark', lie({ watermark: '1998-01-01T00:00:00Z' })],
];

describe('every rejection names its code, the field, whose it is, and what to do', () => {
  const told: string[] = [];
  test.each(cases)('%s at %s', async (code, path, offered) => {
    expect(await offers.refused(offered)).toContain(`${code} at ${path}`);
    const { refresh_errors: errors, refresh_error: first } = offers.room.report();
    const ended = offers.room.observed.findLast((event) => event.kind === 'refresh_ended');
    const problem = ended?.problems.find((one) => one.code === code);
    expect(problem).toEqual({ code, path, message: expect.stringMatching(/.{5,}/), hint: expect.stringMatching(/^[a-z].{5,}/) });
    expect(errors.find((one) => one.code === code)).toEqual({
      code,
      path,
      owner: 'UpstreamData',
      message: `${problem!.message}; ${problem!.hint!}`,
    });
    expect(first).toEqual(errors[0]);
    told.push(problem!.message);
  });

  test('each in words of its own', () => {
    expect(new Set(told).size).toBe(cases.length);
  });
});
