/** A request's parameters against an endpoint's declaration: a typed Request, or the first failure in the documented order. */
import { type CompiledEndpoint, err, ok, reservedParams, type Result } from '@offloader/contract';
import { expectationOf, listed } from './expectation.ts';
import type { Failure, InvalidParamCode } from './failure.ts';
import { defaultOf, parseInt64, parseParam } from './param-value.ts';
import type { SentParams } from './query-string.ts';
import type { SqlValue } from './sql.ts';

/** A Map, because a parameter may be named like something that every object has (constructor). */
export type ParamValues = ReadonlyMap<string, SqlValue | readonly SqlValue[]>;
export type Request = {
  /** Every parameter that has a value, defaults included. */
  readonly values: ParamValues;
  /** In the endpoint's order. */
  readonly columns: readonly string[];
  readonly limit: number;
  readonly offset: bigint;
  /** Still to be opened (signature.ts); null without one. */
  readonly cursor: string | null;
};

type Check<T> = Result<T, Failure>;
const isPlain = (name: string): boolean => /^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(name);
const invalid = (code: InvalidParamCode, param: string | null, message: string): { readonly ok: false; readonly error: Failure } =>
  err({ kind: 'invalid_param', code, param: param !== null && isPlain(param) ? param : null, message });

const unknownParam = (endpoint: CompiledEndpoint, sent: SentParams): Failure | undefined => {
  const known = [...endpoint.params.map((param) => param.name), ...reservedParams];
  const stranger = [...sent.keys()].find((name) => !known.includes(name));
  if (stranger === undefined) return undefined;
  const named = isPlain(stranger) ? `unknown parameter ${stranger}` : 'unknown parameter';
  return invalid('unknown_param', stranger, `${named}; this endpoint has ${listed(known)}`).error;
};

/** Names that may be sent together, as the documents write them. */
export const setText = (names: readonly string[]): string => `{${names.join(', ')}}`;

const badCombination = ({ combinations, params }: CompiledEndpoint, sent: SentParams): Failure | undefined => {
  if (combinations === null) return undefined;
  const used = params.map((param) => param.name).filter((name) => sent.has(name));
  const fits = combinations.some((set) => set.length === used.length && set.every((name) => used.includes(name)));
  if (fits) return undefined;
  const message = `these parameters cannot be used together; what may be is ${listed(combinations.map(setText), ' or ')}`;
  return invalid('invalid_combination', null, message).error;
};

const paramValues = (endpoint: CompiledEndpoint, sent: SentParams): Check<ParamValues> => {
  const values = new Map<string, SqlValue | readonly SqlValue[]>();
  for (const param of endpoint.params) {
    const text = sent.get(param.name);
    if (text === undefined && param.required)
      return invalid('missing_param', param.name, `parameter ${param.name} is required: ${expectationOf(param)}`);
    const value = text === undefined ? defaultOf(param) : parseParam(param, text);
    if (value === undefined) return invalid('invalid_param', param.name, `parameter ${param.name} must be ${expectationOf(param)}`);
    if (value !== null) values.set(param.name, value);
  }
  return ok(values);
};

const columnsOf = (endpoint: CompiledEndpoint, sent: SentParams): Check<readonly string[]> => {
  const text = sent.get('columns');
  if (text === undefined) return ok(endpoint.columns);
  const asked = text.split(',').map((name) => name.trim());
  return asked.every((name) => endpoint.columns.includes(name))
    ? ok(endpoint.columns.filter((name) => asked.includes(name)))
    : invalid('invalid_columns', 'columns', `columns must be a comma-separated list of ${listed(endpoint.columns)}`);
};

const boundedInteger = (
  name: 'limit' | 'offset',
  text: string | undefined,
  { fallback, min, max }: { fallback: number; min: number; max: number | null },
): Check<bigint> => {
  if (text === undefined) return ok(BigInt(fallback));
  const value = parseInt64(text);
  const isIn = value !== undefined && value >= min && (max === null || value <= max);
  const range = max === null ? `an integer of ${min} or more` : `an integer from ${min} to ${max}`;
  return isIn ? ok(value) : invalid(`invalid_${name}`, name, `${name} must be ${range}`);
};

/** Order of checks: unknown → combination → declared parameters → columns → limit → offset → cursor. */
export const parseRequest = (endpoint: CompiledEndpoint, sent: SentParams): Check<Request> => {
  const early = unknownParam(endpoint, sent) ?? badCombination(endpoint, sent);
  if (early !== undefined) return err(early);
  const values = paramValues(endpoint, sent);
  if (!values.ok) return values;
  const columns = columnsOf(endpoint, sent);
  if (!columns.ok) return columns;
  const { defaultLimit, maxLimit } = endpoint.pagination;
  const limit = boundedInteger('limit', sent.get('limit'), { fallback: defaultLimit, min: 1, max: maxLimit });
  if (!limit.ok) return limit;
  const offset = boundedInteger('offset', sent.get('offset'), { fallback: 0, min: 0, max: null });
  if (!offset.ok) return offset;
  const cursor = sent.get('cursor') ?? null;
  if (cursor !== null && sent.has('offset')) return invalid('invalid_cursor', 'cursor', 'cursor and offset cannot be used together');
  return ok({ values: values.value, columns: columns.value, limit: Number(limit.value), offset: offset.value, cursor });
};
