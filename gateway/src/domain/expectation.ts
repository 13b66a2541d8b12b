/** What a parameter takes, in words: every bound, value and pattern of its declaration, and nothing of a request. Pure. */
import { type CompiledParam, maxMatchedLength } from '@offloader/contract';
import { maxListItems } from './param-value.ts';

/** A message is read by people: of very long lists they get the beginning. */
const maxListed = 50;
/** As it is when it stands for itself in a sentence, else in quotes. */
const spelled = (text: string): string => (/^[\x21-\x2b\x2d-\x7e]+$/.test(text) ? text : JSON.stringify(text));

export const listed = (items: readonly string[], separator = ', '): string =>
  items.length <= maxListed ? items.join(separator) : `${items.slice(0, maxListed).join(separator)} and ${items.length - maxListed} more`;

const range = (min: number | null, max: number | null): string => {
  if (min !== null && max !== null) return `from ${min} to ${max}`;
  return min !== null ? `of ${min} or more` : max !== null ? `of ${max} or less` : '';
};
const joined = (...words: readonly string[]): string => words.filter((word) => word !== '').join(' ');

const lengthText = (min: number | null, max: number | null): string => {
  if (min !== null && max !== null) return `of ${min === max ? min : `${min} to ${max}`} characters`;
  return min !== null ? `of at least ${min} characters` : max !== null ? `of at most ${max} characters` : '';
};
const textOf = ({ minLength, maxLength, pattern }: CompiledParam): string => {
  const most = pattern === null ? maxLength : Math.min(maxLength ?? maxMatchedLength, maxMatchedLength);
  return joined('text', lengthText(minLength, most), pattern === null ? '' : `that matches ${spelled(pattern)}`);
};

const memberOf = ({ enum: members, aliases }: CompiledParam): string => {
  const names = Object.keys(aliases);
  return joined(`one of ${listed((members ?? []).map(spelled))}`, names.length === 0 ? '' : `or an alias: ${listed(names.map(spelled))}`);
};

const expectations: Readonly<Record<CompiledParam['type'], (param: CompiledParam) => string>> = {
  string: textOf,
  integer: ({ min, max }) => joined('an integer', range(min, max) === '' ? 'of 64 bits' : range(min, max)),
  number: ({ min, max }) => joined('a number', range(min, max)),
  boolean: () => 'true or false',
  date: () => 'a day as YYYY-MM-DD',
  timestamp: () => 'an ISO 8601 date-time, as 2026-01-31T12:00:00Z',
  enum: memberOf,
};

export const expectationOf = (param: CompiledParam): string =>
  joined(param.list ? `a comma-separated list of at most ${maxListItems} items, each` : '', expectations[param.type](param));
