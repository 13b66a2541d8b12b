/** Which values a parameter type takes, and which columns a parameter can be compared with. */
import type { ColumnType, FilterOp, ParamType } from '../bundle.ts';
import type { ParamSpec } from '../resources/endpoint.ts';
import { lengthOf, matchesPattern } from './pattern.ts';

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** True for YYYY-MM-DD of a day that exists. */
export const isRealDay = (text: string): boolean => {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
};

/** True for an ISO 8601 moment of a real day, with or without zone, seconds and fraction. */
export const isRealTimestamp = (text: string): boolean =>
  isRealDay(text.slice(0, 10)) &&
  /^\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?$/.test(text);

const isInteger = (value: unknown): boolean => {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : typeof value === 'string' ? value : '';
  if (!/^[+-]?\d{1,19}$/.test(text)) return false;
  const exact = BigInt(text);
  return exact >= int64.min && exact <= int64.max;
};

const within = (value: number, min = -Infinity, max = Infinity): boolean => value >= min && value <= max;
const isNumber = (param: ParamSpec, value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(value) && within(value, param.min, param.max);
const takesText = (param: ParamSpec, text: string): boolean =>
  within(lengthOf(text), param.minLength, param.maxLength) && (param.pattern === undefined || matchesPattern(param.pattern, text));

const takes: Readonly<Record<ParamType, (value: unknown, param: ParamSpec) => boolean>> = {
  string: (value, param) => typeof value === 'string' && takesText(param, value),
  enum: (value, param) => typeof value === 'string' && (param.enum ?? []).includes(value),
  integer: (value, param) => isInteger(value) && within(Number(value), param.min, param.max),
  number: (value, param) => isNumber(param, value),
  boolean: (value) => typeof value === 'boolean',
  date: (value) => typeof value === 'string' && isRealDay(value),
  timestamp: (value) => typeof value === 'string' && isRealTimestamp(value),
};

/** Whether a default, as written in the resource, is a value that the parameter itself would take. */
export const takesValue = (param: ParamSpec, value: unknown): boolean => takes[param.type](value, param);

const comparable: Readonly<Record<ParamType, readonly ColumnType[]>> = {
  string: ['VARCHAR'],
  enum: ['VARCHAR'],
  integer: ['INTEGER', 'BIGINT', 'DOUBLE'],
  number: ['INTEGER', 'BIGINT', 'DOUBLE'],
  boolean: ['BOOLEAN'],
  date: ['DATE', 'TIMESTAMP'],
  timestamp: ['TIMESTAMP', 'DATE'],
};

type FilterParam = { readonly type: ParamType; readonly list?: boolean | undefined };

/** Why this parameter cannot stand beside this operator, whatever the column; undefined when it can. */
export const whyUnfit = (op: FilterOp, param: FilterParam): string | undefined => {
  const list = param.list === true;
  if (op === 'in' && !list) return 'in takes a parameter with list: true; set list on it or use eq';
  if (op !== 'in' && list) return 'a parameter with list: true is for in; use op: in or remove list';
  if (op === 'is_null' && param.type !== 'boolean') return 'is_null takes a boolean parameter; change its type';
  if (op === 'like_prefix' && param.type !== 'string' && param.type !== 'enum')
    return 'like_prefix takes a string parameter; change its type';
  return undefined;
};

/** Why this parameter, which fits the operator, does not compare with a column of this type; undefined when it does. */
export const whyIncomparable = (op: FilterOp, param: FilterParam, column: ColumnType): string | undefined => {
  if (op === 'is_null') return undefined;
  if (column === 'JSON') return 'a JSON column can only be tested with is_null';
  return comparable[param.type].includes(column) ? undefined : `a parameter of type ${param.type} does not compare with a ${column} column`;
};
