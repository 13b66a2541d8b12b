import { expect, test } from '@jest/globals';
import { checkCsvHeader } from './csv-header.ts';

test.each([
  ['the names of schema', 'day,visits', null],
  ['the names of schema in another order', 'visits,day', null],
  ['a name less', 'day', 'the header lacks visits'],
  ['a name more', 'day,visits,note', 'the header has note, not declared in schema'],
  ['a name in other letters', 'Day,visits', 'the header lacks day and has Day, not declared in schema'],
])('a header with %s', (_what, header, message) => {
  const schema = [{ name: 'day', type: 'DATE' }, { name: 'visits', type: 'BIGINT' }] as const; // prettier-ignore
  const found = checkCsvHeader(header.split(','), schema, 2);
  expect(found).toEqual(message === null ? [] : [{ code: 'schema_data_mismatch', path: 'files[2]', message }]);
});
