import { describe, expect, test } from '@jest/globals';
import { compiledDataset, parsed } from '../../test/support/manifest.ts';
import type { Column, ColumnType } from '../bundle.ts';
import { checkCompatibility } from './compatibility.ts';

const check = (
  contract: readonly Column[],
  offered: readonly Column[],
  policy: 'additive_only' | 'exact' = 'additive_only',
): readonly string[] =>
  checkCompatibility(parsed({ schema: offered, compatibility_policy: policy }), compiledDataset({ schema: contract })).map(
    ({ code, path }) => `${code} at ${path}`,
  );
const day: Column = { name: 'day', type: 'DATE' };
const of = (type: ColumnType): readonly Column[] => [{ name: 'value', type }];
const types: readonly ColumnType[] = ['DATE', 'TIMESTAMP', 'VARCHAR', 'INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'JSON'];
const wider = ['INTEGER BIGINT', 'INTEGER DOUBLE', 'BIGINT DOUBLE'];

describe.each(['additive_only', 'exact'] as const)('the gate with policy %s', (policy) => {
  test('takes the schema of the contract, in any order', () => {
    expect(check([day, ...of('BIGINT')], [...of('BIGINT'), day], policy)).toEqual([]);
  });

  test('refuses a schema that lacks a column', () => {
    expect(check([day, ...of('BIGINT')], [day], policy)).toEqual(['incompatible_schema at schema']);
  });

  test.each(types.flatMap((contract) => types.map((offered) => [contract, offered] as const)))(
    'a contract of %s, offered %s',
    (contract, offered) => {
      const isTaken = contract === offered || wider.includes(`${contract} ${offered}`);
      expect(check(of(contract), of(offered), policy)).toEqual(isTaken ? [] : ['incompatible_schema at schema[0].type']);
    },
  );
});

test('columns beyond the contract are taken with additive_only and refused with exact', () => {
  expect(check([day], [day, ...of('JSON')])).toEqual([]);
  expect(check([day], [day, ...of('JSON')], 'exact')).toEqual(['incompatible_schema at schema[1].name']);
});

test('a renamed column is told as missing, and with exact as one too many', () => {
  expect(check([day], [{ ...day, name: 'date' }], 'exact')).toEqual([
    'incompatible_schema at schema',
    'incompatible_schema at schema[0].name',
  ]);
});

test('every difference is told', () => {
  expect(check([day, ...of('BIGINT'), { name: 'gone', type: 'JSON' }], [{ ...day, type: 'VARCHAR' }, ...of('INTEGER')])).toEqual([
    'incompatible_schema at schema[0].type',
    'incompatible_schema at schema[1].type',
    'incompatible_schema at schema',
  ]);
});
