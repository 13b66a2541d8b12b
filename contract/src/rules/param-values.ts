/** Which values a parameter type takes, and which columns a parameter can be compared with. */
import type { ColumnType, FilterOp, ParamType } from '../bundle.ts';
import type { ParamSpec } from '../resources/endpoint.ts';

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

const within = (param: ParamSpec, value: number): boolean =>
  (param.min === undefined || value >= param.min) && (param.max === undefined || value <= param.max);

const takesText = (param: ParamSpec, text: string): boolean =>
  (param.minLength === undefined || text.length >= param.minLength) &&
  (param.maxLength === undefined || text.length <= param.maxLength) &&
  (param.pattern === undefined || new RegExp(param.pattern, 'u').test(text));

/** Whether a default, as written in the resource, is a value that the parameter itself would take. */
export const takesValue = (param: ParamSpec, value: unknown): boolean => {
  switch (param.type) {
    case 'string':
      return typeof value === 'string' && takesText(param, value);
    case 'enum':
      return typeof value === 'string' && (param.enum ?? []).includes(value);
    case 'integer':
      return isInteger(value) && within(param, Number(value));
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && within(param, value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'date':
      return typeof value === 'string' && isRealDay(value);
    case 'timestamp':
      return typeof value === 'string' && isRealTimestamp(value);
  }
};

const comparable: Readonly<Record<ParamType, readonly ColumnType[]>> = {
  string: ['VARCHAR'],
  enum: ['VARCHAR'],
  integer: ['INTEGER', 'BIGINT', 'DOUBLE'],
  number: ['INTEGER', 'BIGINT', 'DOUBLE'],
  boolean: ['BOOLEAN'],
  date: ['DATE', 'TIMESTAMP'],
  timestamp: ['TIMESTAMP', 'DATE'],
};

/** Why this parameter cannot stand in this filter; undefined when it can. */
export const whyIncomparable = (
  op: FilterOp,
  param: { readonly type: ParamType; readonly list?: boolean | undefined },
  column: ColumnType,
): string | undefined => {
  const list = param.list === true;
  if (op === 'is_null') return param.type === 'boolean' && !list ? undefined : 'is_null takes a boolean parameter';
  if (op === 'in' && !list) return 'in takes a parameter with list: true';
  if (op !== 'in' && list) return `${op} takes one value; a parameter with list: true is for in`;
  if (op === 'like_prefix' && (column !== 'VARCHAR' || (param.type !== 'string' && param.type !== 'enum')))
    return 'like_prefix compares a string parameter with a VARCHAR column';
  if (column === 'JSON') return 'a JSON column can only be tested with is_null';
  return comparable[param.type].includes(column) ? undefined : `a parameter of type ${param.type} does not compare with a ${column} column`;
};
