/** One parameter's text as a typed value. Values never stand in messages. */
import { type CompiledParam, isRealDay, isRealTimestamp, lengthOf, matchesPattern } from '@offloader/contract';
import type { SqlValue } from './sql.ts';

type Parse = (text: string, param: CompiledParam) => SqlValue | undefined;

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** Optional sign and digits within 64 bits, else undefined. */
export const parseInt64 = (text: string): bigint | undefined => {
  if (!/^[+-]?0*[0-9]{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value >= int64.min && value <= int64.max ? value : undefined;
};

/** Exact also beyond 2^53: JavaScript compares a bigint with a number by their values. */
const isWithin = (value: number | bigint, { min, max }: CompiledParam): boolean =>
  (min === null || value >= min) && (max === null || value <= max);

const integer: Parse = (text, param) => {
  const value = parseInt64(text);
  return value !== undefined && isWithin(value, param) ? value : undefined;
};

const number: Parse = (text, param) => {
  if (!/^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) && isWithin(value, param) ? value : undefined;
};

/** What the client may have meant: a `+` that was sent raw arrives as a blank at the end. */
const spellings = (text: string): readonly string[] => (text.endsWith(' ') ? [text, `${text.slice(0, -1)}+`] : [text]);

const aliased = (text: string, { aliases }: CompiledParam): string | undefined => {
  const spelling = spellings(text).find((one) => Object.hasOwn(aliases, one));
  return spelling === undefined ? undefined : aliases[spelling];
};

const string: Parse = (text, param) => {
  const { minLength, maxLength, pattern } = param;
  const value = aliased(text, param) ?? text;
  const length = lengthOf(value);
  const isLongEnough = minLength === null || length >= minLength;
  const isShortEnough = maxLength === null || length <= maxLength;
  return isLongEnough && isShortEnough && (pattern === null || matchesPattern(pattern, value)) ? value : undefined;
};

const enumeration: Parse = (text, param) => aliased(text, param) ?? spellings(text).find((one) => param.enum?.includes(one) === true);

/**
 * The moment in UTC as DuckDB writes it, at microseconds. DuckDB's own cast to TIMESTAMP drops an offset that it can read and
 * refuses one after hours and minutes, so the text that reaches it has none.
 */
const moment: Parse = (text) => {
  if (!isRealTimestamp(text)) return undefined;
  const [, day = '', time = '00:00', fraction = '', zone = 'Z'] =
    /^(.{10})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text) ?? [];
  const at = new Date(`${day}T${time.length === 5 ? `${time}:00` : time}${zone}`);
  // Years before 0 and after 9999 come of an offset alone and are nobody's data.
  return /^\d{4}-/.test(at.toISOString()) ? `${at.toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}` : undefined;
};

const parsers: Readonly<Record<CompiledParam['type'], Parse>> = {
  string,
  integer,
  number,
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  date: (text) => (isRealDay(text) ? text : undefined),
  timestamp: moment,
  enum: enumeration,
};

/** A default of the declaration as a value of the same form as a sent one; it has been checked against its type already. */
export const defaultOf = (param: CompiledParam): SqlValue | readonly SqlValue[] | null => {
  const { default: value, type } = param;
  const typed = (one: string | number | boolean): SqlValue => {
    if (type === 'integer') return BigInt(one);
    return type === 'timestamp' ? (moment(String(one), param) ?? String(one)) : one;
  };
  if (value === null) return null;
  return Array.isArray(value) ? (value as readonly (string | number | boolean)[]).map(typed) : typed(value as string | number | boolean);
};

/** More than any list that a URL of bearable length holds. */
export const maxListItems = 1000;

/** The typed value, a list of them for a list parameter, or undefined when the text is not one. */
export const parseParam = (param: CompiledParam, text: string): SqlValue | readonly SqlValue[] | undefined => {
  const parse = parsers[param.type];
  if (!param.list) return parse(text, param);
  const items = text.split(',');
  if (items.length > maxListItems) return undefined;
  const values = items.map((item) => parse(item, param));
  return values.some((value) => value === undefined) ? undefined : (values as readonly SqlValue[]);
};
