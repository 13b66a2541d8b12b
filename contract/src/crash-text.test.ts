import { expect, test } from '@jest/globals';
import { crashText } from './crash-text.ts';

test('an uncaught error is told by its name, code and place, never by its message or what it carries', () => {
  const carried = { config: { headers: { authorization: 'Bearer canary' } }, cause: new Error('canary'), code: 'ERR_BAD_REQUEST' };
  const error = Object.assign(new TypeError('canary\n    at canary (and more of it)\ncanary'), carried);
  expect(crashText(error)).toMatch(/^uncaught TypeError ERR_BAD_REQUEST\n {4}at .+crash-text\.test\.ts:\d+:\d+\)?$/m);
  expect(crashText(error)).not.toContain('canary');
  expect(crashText(Object.assign(new Error(''), { code: 'canary' }))).not.toContain('canary');
  expect(crashText('canary')).toBe('an uncaught value that is no error');
});
