/** Checks a raw value against a schema and says what is wrong in our codes. */
import { Ajv, type ErrorObject } from 'ajv';
import type { TSchema } from '@sinclair/typebox';
import { columnPattern, identifierPattern, snapshotIdPattern } from '../names.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { grantPattern } from '../resources/shapes.ts';
import { problem } from './problems.ts';

type JsonSchema = Record<string, unknown>;

/** The schema with every object closed, as the API server's strict field validation closes them; metadata stays open. */
const closed = (schema: unknown, key = ''): unknown => {
  if (Array.isArray(schema)) return schema.map((item) => closed(item));
  if (schema === null || typeof schema !== 'object') return schema;
  const copy = Object.fromEntries(Object.entries(schema as JsonSchema).map(([name, value]) => [name, closed(value, name)]));
  const isOpen = key === 'metadata' || key === 'status' || !('properties' in copy) || copy['type'] !== 'object';
  return isOpen ? copy : { ...copy, additionalProperties: false };
};

const patternCodes: Readonly<Record<string, ProblemCode>> = {
  [identifierPattern]: 'unsafe_identifier',
  [columnPattern]: 'unsafe_identifier',
  [grantPattern]: 'unsafe_identifier',
  [snapshotIdPattern]: 'invalid_snapshot_id',
};

/** ajv's keyword → our code; what is not listed is invalid_value. */
const keywordCodes: Readonly<Record<string, ProblemCode>> = {
  additionalProperties: 'unknown_field',
  required: 'missing',
  type: 'invalid_type',
};

const fieldPath = (error: ErrorObject): string => {
  const steps = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const path = steps.reduce((joined, step) => (/^\d+$/.test(step) ? `${joined}[${step}]` : joined === '' ? step : `${joined}.${step}`), '');
  const params = error.params as Record<string, unknown>;
  const last = params['missingProperty'] ?? params['additionalProperty'];
  return typeof last === 'string' ? (path === '' ? last : `${path}.${last}`) : path;
};

const codeOf = (error: ErrorObject): ProblemCode => {
  if (error.keyword === 'pattern') return patternCodes[String((error.params as Record<string, unknown>)['pattern'])] ?? 'invalid_value';
  // A column's type is one of ours or it is a type we do not serve.
  if (error.keyword === 'enum' && /(^|\.)schema\[\d+\]\.type$/.test(fieldPath(error))) return 'unsupported_type';
  return keywordCodes[error.keyword] ?? 'invalid_value';
};

const messageOf = (error: ErrorObject): string => {
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') return 'is required';
  if (error.keyword === 'additionalProperties') return 'is not a field of this kind';
  if (error.keyword === 'enum') return `must be one of ${(params['allowedValues'] as readonly unknown[]).map(String).join(', ')}`;
  return error.message ?? 'is not valid';
};

const hintOf = (code: ProblemCode): string | undefined =>
  code === 'unknown_field' ? 'remove it or correct its spelling' : code === 'missing' ? 'add it' : undefined;

/** A function that reports every structural finding of a raw value, in field order. */
export const structureCheck = (schema: TSchema): ((raw: unknown) => readonly Problem[]) => {
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
  const validate = ajv.compile(closed(JSON.parse(JSON.stringify(schema))) as JsonSchema);
  return (raw) => {
    if (validate(raw)) return [];
    const found = (validate.errors ?? []).map((error) => {
      const code = codeOf(error);
      return problem(code, fieldPath(error), messageOf(error), hintOf(code));
    });
    return found.filter((one, at) => found.findIndex((other) => other.path === one.path && other.code === one.code) === at);
  };
};
