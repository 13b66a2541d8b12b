import { describe, expect, test } from '@jest/globals';
import { negotiate, splitSuffix } from './format.ts';

describe('the form of an answer', () => {
  test.each([
    ['no Accept is JSON', undefined, 'json'],
    ['an empty Accept is JSON', '', 'json'],
    ['anything is JSON', '*/*', 'json'],
    ['a browser gets JSON', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'json'],
    ['a charset is no obstacle', 'application/json; charset=utf-8', 'json'],
    ['any application is JSON', 'application/*', 'json'],
    ['any text is CSV', 'text/*', 'csv'],
    ['CSV by its type, whatever the case', 'Text/CSV', 'csv'],
    ['NDJSON by its type', 'application/x-ndjson', 'ndjson'],
    ['Arrow by its type', 'application/vnd.apache.arrow.stream', 'arrow'],
    ['Parquet by its type', 'application/vnd.apache.parquet', 'parquet'],
    ['the heavier weight wins', 'application/json;q=0.5, text/csv', 'csv'],
    ['of equals JSON comes first', 'text/csv, application/json', 'json'],
    ['the more specific range decides', 'text/csv;q=0, */*;q=0.1', 'json'],
    ['what is refused by weight 0 is not sent', 'application/json;q=0', undefined],
    ['another type cannot be met', 'image/png', undefined],
    ['HTML alone cannot be met', 'text/html', undefined],
    ['junk cannot be met', 'junk', undefined],
  ])('%s', (_sentence, accept, expected) => {
    expect(negotiate(accept)).toBe(expected);
  });

  test.each([
    ['daily', { name: 'daily', format: null }],
    ['daily.csv', { name: 'daily', format: 'csv' }],
    ['daily.json', { name: 'daily', format: 'json' }],
    ['daily.ndjson', { name: 'daily', format: 'ndjson' }],
    ['daily.arrow', { name: 'daily', format: 'arrow' }],
    ['daily.parquet', { name: 'daily', format: 'parquet' }],
    ['daily.xlsx', { name: 'daily.xlsx', format: null }],
    ['daily.CSV', { name: 'daily.CSV', format: null }],
    ['daily.csv.json', { name: 'daily.csv', format: 'json' }],
  ])('%s is taken apart at a known suffix only', (segment, expected) => {
    expect(splitSuffix(segment)).toEqual(expected);
  });
});
