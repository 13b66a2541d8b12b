import { describe, expect, test } from '@jest/globals';
import type { CompiledEndpoint } from '@offloader/contract';
import { endpointOf } from '../../test/support/compiled.ts';
import { parseQueryString } from './query-string.ts';
import { parseRequest, type Request } from './request.ts';

const select = ['day', 'big', 'area'].map((name) => ({ as: name, column: name }));
const endpoint = endpointOf({
  params: [
    { name: 'area', type: 'enum', enum: ['web', 'store', '13+'], aliases: { shop: 'store', 'EMERALD+': 'web' } },
    { name: 'text', type: 'string', aliases: { short: 'long form', 'x+': 'plus' } },
    { name: 'word', type: 'string', minLength: 2, maxLength: 4, pattern: '^[a-z]+$' },
    { name: 'n', type: 'integer', min: -5, max: 9007199254740993 },
    { name: 'ratio', type: 'number', min: 0 },
    { name: 'flag', type: 'boolean' },
    { name: 'day', type: 'date' },
    { name: 'at', type: 'timestamp' },
    { name: 'days', type: 'date', list: true },
    { name: 'constructor', type: 'string' },
    { name: 'name', type: 'string' },
  ],
  query: { select, filters: [{ column: 'area', op: 'eq', param: 'constructor' }] },
  pagination: { defaultLimit: 20, maxLimit: 100 },
});

const parse = (query: string, of: CompiledEndpoint = endpoint) => {
  const sent = parseQueryString(query);
  return sent.ok ? parseRequest(of, sent.value) : sent;
};
const good = (query: string, of: CompiledEndpoint = endpoint): Request => {
  const result = parse(query, of);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const failure = (query: string, of: CompiledEndpoint = endpoint): unknown => {
  const result = parse(query, of);
  if (result.ok) return undefined;
  const { error } = result;
  return error.kind === 'invalid_param' ? [error.code, error.param] : [error.kind];
};

describe('a value', () => {
  test.each([
    ['a string is any text', 'text=A b%20', 'text', 'A b '],
    ['a string may be empty', 'text=', 'text', ''],
    ['a string without = is empty', 'text', 'text', ''],
    ['a string is not trimmed and keeps its case', 'text=%20A%20', 'text', ' A '],
    ['a string alias becomes the stored value', 'text=short', 'text', 'long form'],
    ['an unknown value passes unchanged', 'text=other', 'text', 'other'],
    ['the stored value is accepted as well', 'text=long%20form', 'text', 'long form'],
    ['a raw plus at the end is tried again for an alias', 'text=x+', 'text', 'plus'],
    ['a raw plus stays a blank where there is no such alias', 'text=y+', 'text', 'y '],
    ['an enum is one of its members', 'area=web', 'area', 'web'],
    ['an enum alias', 'area=shop', 'area', 'store'],
    ['an enum member with a raw plus', 'area=13+', 'area', '13+'],
    ['an enum alias with a raw plus', 'area=EMERALD+', 'area', 'web'],
    ['an enum member with an encoded plus', 'area=13%2B', 'area', '13+'],
    ['an integer', 'n=7', 'n', 7n],
    ['an integer with leading zeros', 'n=007', 'n', 7n],
    ['an integer with very many leading zeros', `n=${'0'.repeat(60)}7`, 'n', 7n],
    ['a negative integer', 'n=-5', 'n', -5n],
    ['an integer with a plus', 'n=%2B7', 'n', 7n],
    ['an integer beyond 2^53, exactly', 'n=9007199254740992', 'n', 9007199254740992n],
    ['a number', 'ratio=2.5', 'ratio', 2.5],
    ['a number with an exponent', 'ratio=1e3', 'ratio', 1000],
    ['a boolean', 'flag=true', 'flag', true],
    ['a date', 'day=2024-02-29', 'day', '2024-02-29'],
    ['a timestamp without zone is UTC', 'at=2026-01-31T10:00:00', 'at', '2026-01-31T10:00:00.000000'],
    ['a timestamp with Z', 'at=2026-01-31T10:00:00.5Z', 'at', '2026-01-31T10:00:00.500000'],
    ['a timestamp with an offset is turned to UTC', 'at=2026-01-31T01:00:00%2B02:00', 'at', '2026-01-30T23:00:00.000000'],
    ['a timestamp with an offset and no seconds', 'at=2026-01-31T22:30-03:00', 'at', '2026-02-01T01:30:00.000000'],
    ['a timestamp of a day alone is its midnight', 'at=2026-01-31', 'at', '2026-01-31T00:00:00.000000'],
    ['a timestamp at microseconds', 'at=2026-01-31T10:00:00.123456789Z', 'at', '2026-01-31T10:00:00.123456'],
    ['of a repeated name the last value counts', 'n=x&n=7', 'n', 7n],
    ['a parameter may be called name', 'name=a', 'name', 'a'],
  ])('%s', (_sentence, query, name, expected) => {
    expect(good(query).values.get(name)).toEqual(expected);
  });

  test('a list is separated by commas', () => {
    expect(good('days=2026-01-01,2026-01-02').values.get('days')).toEqual(['2026-01-01', '2026-01-02']);
  });

  test('a parameter named like something that every object has is absent until it is sent', () => {
    expect(good('').values.get('constructor')).toBeUndefined();
    expect(good('constructor=a').values.get('constructor')).toBe('a');
  });

  test.each([
    ['n=5.0'], ['n=1e3'], ['n=0x1'], ['n='], ['n=%20'], ['n=%207'], ['n=7%20'], ['n=-6'], ['n=9007199254740994'], ['n=9223372036854775808'], ['n=1_000'], ['n=٣'],
    ['ratio=NaN'], ['ratio=Infinity'], ['ratio=1e999'], ['ratio=-0.5'], ['ratio=.'], ['ratio='],
    ['flag=TRUE'], ['flag=1'], ['flag='],
    ['day=2026-02-30'], ['day=20260530'], ['day=2026-05-30T00:00:00Z'], ['day=2026-5-30'], ['day='],
    ['at=2026-02-30T00:00:00Z'], ['at=yesterday'], ['at=2026-01-31T24:00:00Z'], ['at=0000-01-01T00:00:00%2B02:00'],
    ['area=Web'], ['area='], ['area=web%20%20'], ['area=nowhere'],
    ['word=a'], ['word=abcde'], ['word=AB'],
    ['days=2026-01-01,'], ['days=2026-01-01,2026-02-30'],
  ])('%s is refused and named', (query) => {
    expect(failure(query)).toEqual(['invalid_param', query.slice(0, query.indexOf('='))]);
  }); // prettier-ignore
});

describe('declared parameters', () => {
  const declared = endpointOf({
    params: [
      { name: 'need', type: 'string', required: true, default: 'given' },
      { name: 'from', type: 'timestamp', default: '2026-01-01T00:00:00+01:00' },
      { name: 'n', type: 'integer', default: '9223372036854775807' },
      { name: 'free', type: 'string' },
    ],
    combinations: [['need'], ['need', 'free'], []],
  });

  test('an optional one with a default has it, one without has no value', () => {
    const { values } = good('need=a', declared);
    expect([...values]).toEqual([['need', 'a'], ['from', '2025-12-31T23:00:00.000000'], ['n', 9223372036854775807n]]); // prettier-ignore
  });

  test.each([
    ['a required one must be sent even if it has a default', '', ['missing_param', 'need']],
    ['a set of names that is listed', 'need=a&free=b', undefined],
    ['a set of names that is not listed', 'free=b', ['invalid_combination', null]],
    ['paging and columns do not count', 'need=a&limit=1&offset=1&columns=day', undefined],
    ['a default does not count as sent', 'need=a', undefined],
  ])('%s', (_sentence, query, expected) => {
    expect(failure(query, declared)).toEqual(expected);
  });
});

describe('paging and columns', () => {
  test.each([
    ['absent', '', { limit: 20, offset: 0n, columns: ['day', 'big', 'area'] }],
    ['given', 'limit=100&offset=7', { limit: 100, offset: 7n }],
    ['an offset of 64 bits', 'offset=9223372036854775807', { offset: 9223372036854775807n }],
    ['columns in any order', 'columns=area,day', { columns: ['day', 'area'] }],
    ['columns with blanks and repeats', 'columns=%20day%20,day', { columns: ['day'] }],
  ])('%s', (_sentence, query, expected) => {
    expect(good(query)).toMatchObject(expected);
  });

  test.each([
    ['limit=0', ['invalid_limit', 'limit']],
    ['limit=-1', ['invalid_limit', 'limit']],
    ['limit=101', ['invalid_limit', 'limit']],
    ['limit=ten', ['invalid_limit', 'limit']],
    ['limit=', ['invalid_limit', 'limit']],
    ['limit=99999999999999999999', ['invalid_limit', 'limit']],
    ['limit[]=1', ['unknown_param', null]],
    ['offset=-1', ['invalid_offset', 'offset']],
    ['offset=1.0', ['invalid_offset', 'offset']],
    ['offset=9223372036854775808', ['invalid_offset', 'offset']],
    ['columns=', ['invalid_columns', 'columns']],
    ['columns=day,,big', ['invalid_columns', 'columns']],
    ['columns=Day', ['invalid_columns', 'columns']],
    ['columns=tenant_id', ['invalid_columns', 'columns']],
    ['columns[0]=day', ['unknown_param', null]],
    ['cursor=x&offset=1', ['invalid_cursor', 'cursor']],
  ])('%s is refused', (query, expected) => {
    expect(failure(query)).toEqual(expected);
  });
});

describe('a message says what may be sent instead', () => {
  const bounded = endpointOf({
    params: [
      { name: 'least', type: 'integer', min: 1 },
      { name: 'most', type: 'number', max: 2.5 },
      { name: 'ids', type: 'integer', list: true },
      { name: 'choice', type: 'enum', enum: Array.from({ length: 53 }, (_, n) => `c${n}`) },
      { name: 'spaced', type: 'enum', enum: ['a, b', '', 'line\nbreak'], aliases: { s: 'a, b' } },
      { name: 'exactly', type: 'string', minLength: 3, maxLength: 3 },
      { name: 'shaped', type: 'string', pattern: '^[a-z]+$' },
    ],
    combinations: [[], ['least'], ['least', 'most'], ...['ids', 'choice', 'spaced', 'exactly', 'shaped'].map((name) => [name])],
    query: { select, filters: [] },
  });
  const message = (query: string, of: CompiledEndpoint = bounded): string => {
    const result = parse(query, of);
    return result.ok || !('message' in result.error) ? '' : result.error.message;
  };
  test.each([
    ['zz=1', 'unknown parameter zz; this endpoint has least, most, ids, choice, spaced, exactly, shaped, limit, offset, columns, cursor'],
    ['most=1', 'these parameters cannot be used together; what may be is {} or {least} or {least, most} or {ids} or {choice} or {spaced} or {exactly} or {shaped}'],
    ['least=0', 'parameter least must be an integer of 1 or more'],
    ['least=1&most=3', 'parameter most must be a number of 2.5 or less'],
    ['ids=1,x', 'parameter ids must be a comma-separated list of at most 1000 items, each an integer of 64 bits'],
    ['choice=x', `parameter choice must be one of ${Array.from({ length: 50 }, (_, n) => `c${n}`).join(', ')} and 3 more`],
    ['spaced=x', String.raw`parameter spaced must be one of "a, b", "", "line\nbreak" or an alias: s`],
    ['exactly=ab', 'parameter exactly must be text of 3 characters'],
    ['shaped=AB', 'parameter shaped must be text of at most 1000 characters that matches ^[a-z]+$'],
    ['columns=zz', 'columns must be a comma-separated list of day, big, area'],
    ['limit=0', 'limit must be an integer from 1 to 100'],
    ['offset=-1', 'offset must be an integer of 0 or more'],
  ])('%s', (query, expected) => {
    expect(message(query)).toBe(expected);
  }); // prettier-ignore

  test.each([
    ['n=-6', 'parameter n must be an integer from -5 to 9007199254740992'],
    ['ratio=-1', 'parameter ratio must be a number of 0 or more'],
    ['flag=1', 'parameter flag must be true or false'],
    ['day=1', 'parameter day must be a day as YYYY-MM-DD'],
    ['at=1', 'parameter at must be an ISO 8601 date-time, as 2026-01-31T12:00:00Z'],
    ['area=x', 'parameter area must be one of web, store, 13+ or an alias: shop, EMERALD+'],
    ['word=a', 'parameter word must be text of 2 to 4 characters that matches ^[a-z]+$'],
  ])('%s of another endpoint', (query, expected) => {
    expect(message(query, endpoint)).toBe(expected);
  });

  test('also of one that is missing', () => {
    const needing = endpointOf({ params: [{ name: 'need', type: 'integer', min: 1, max: 9, required: true }] });
    expect(message('', needing)).toBe('parameter need is required: an integer from 1 to 9');
  });
});

describe('the order of checks', () => {
  const ordered = endpointOf({
    params: [{ name: 'a', type: 'integer' }, { name: 'b', type: 'integer' }],
    combinations: [['a', 'b'], ['b']],
  }); // prettier-ignore
  test.each([
    ['unknown before combination', 'zz=1&a=x', ['unknown_param', 'zz']],
    ['combination before values', 'a=x', ['invalid_combination', null]],
    ['values in the order of their declaration', 'b=x&a=x', ['invalid_param', 'a']],
    ['values before columns', 'b=x&columns=', ['invalid_param', 'b']],
    ['columns before limit', 'b=1&limit=0&columns=', ['invalid_columns', 'columns']],
    ['limit before offset', 'b=1&offset=-1&limit=0', ['invalid_limit', 'limit']],
  ])('%s', (_sentence, query, expected) => {
    expect(failure(query, ordered)).toEqual(expected);
  });

  test.each(['tenant_id', 'Tenant-2'])('an unknown name is told when it is plain: %s', (name) => {
    expect(failure(`${name}=acme`, ordered)).toEqual(['unknown_param', name]);
  });
  test.each(['x%3Cb%3E', '__proto__', 'a%20b', '%F0%9F%92%A9', 'a'.repeat(64)])('and is not told otherwise: %s', (name) => {
    expect(failure(`${name}=1`, ordered)).toEqual(['unknown_param', null]);
  });
  test('no message holds a value', () => {
    for (const query of ['a=secret&b=1', 'b=secret', 'secret=1%3B', 'b=1&limit=secret', 'b=1&columns=secret']) {
      const result = parse(query, ordered);
      expect(result.ok ? '' : JSON.stringify({ ...result.error, param: null })).not.toMatch(
        query.startsWith('secret') ? /%3B|1;/ : /secret/,
      );
    }
  });
});

test.each(['a=%zz', 'a=%', 'a=%ff', 'a=%c0%af', '%ff=1'])('%s is not readable', (query) => {
  expect(failure(query)).toEqual(['bad_request']);
});
