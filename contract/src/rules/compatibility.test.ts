// The contract's "Compatibility gate", as far as it is a matter of two schemas; each test bears the sentence it proves.
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
const policies = ['additive_only', 'exact'] as const;
const pairs = types.flatMap((contract) => types.map((offered) => [contract, offered] as const));
const numbers: readonly ColumnType[] = ['INTEGER', 'BIGINT', 'DOUBLE'];
const isNumeric = ([contract, offered]: readonly [ColumnType, ColumnType]): boolean =>
  numbers.includes(contract) && numbers.includes(offered);
const both = (contract: readonly Column[], offered: readonly Column[], expected: readonly string[]): void => {
  for (const policy of policies) expect(check(contract, offered, policy)).toEqual(expected);
};

test('the schema of the contract is taken, in any order', () => both([day, ...of('BIGINT')], [...of('BIGINT'), day], []));

describe('Contract column absent from snapshot (dropped or renamed) ⇒ rejected, both policies.', () => {
  test.each(policies)('dropped, %s', (policy) =>
    expect(check([day, ...of('BIGINT')], [day], policy)).toEqual(['incompatible_schema at schema']),
  );
  test.each(policies)('renamed, also if only in case, %s', (policy) => {
    for (const name of ['date', 'DAY']) expect(check([day], [{ ...day, name }], policy)).toContain('incompatible_schema at schema');
  });
  test('each one is told', () =>
    expect(check([day, ...of('BIGINT')], [{ name: 'other', type: 'DATE' }])).toEqual(Array(2).fill('incompatible_schema at schema')));
});

describe('Numeric ladder INTEGER < BIGINT < DOUBLE: same or wider snapshot type ok, narrower rejected (BIGINT→INTEGER is the classic case).', () => {
  test.each(pairs.filter(isNumeric))('a contract of %s, offered %s', (contract, offered) =>
    both(of(contract), of(offered), numbers.indexOf(offered) >= numbers.indexOf(contract) ? [] : ['incompatible_schema at schema[0].type']),
  );
});

describe('Any other type difference rejected (DATE→VARCHAR, VARCHAR→JSON, …).', () => {
  test.each(pairs.filter((pair) => !isNumeric(pair)))('a contract of %s, offered %s', (contract, offered) =>
    both(of(contract), of(offered), contract === offered ? [] : ['incompatible_schema at schema[0].type']),
  );
});

test('Extra snapshot columns: additive_only ok; exact ⇒ rejected.', () => {
  expect(check([day], [day, ...of('JSON')])).toEqual([]);
  expect(check([day], [day, ...of('JSON')], 'exact')).toEqual(['incompatible_schema at schema[1].name']);
});

test('every difference is told', () => {
  expect(check([day, ...of('BIGINT'), { name: 'gone', type: 'JSON' }], [{ ...day, type: 'VARCHAR' }, ...of('INTEGER')])).toEqual([
    'incompatible_schema at schema[0].type',
    'incompatible_schema at schema[1].type',
    'incompatible_schema at schema',
  ]);
});

test('a manifest with findings is judged by what is sound of it', () => {
  expect(checkCompatibility({ files: [] }, compiledDataset({ schema: [day] }))).toEqual([]);
  expect(checkCompatibility({ files: [], schema: of('JSON') }, compiledDataset({ schema: [day] })).map(({ path }) => path)).toEqual([
    'schema',
  ]);
});
