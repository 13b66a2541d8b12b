/** Endpoints with a faulty parameter. */
import { type BadResource, declaring, endpoint } from './support/bad-resource.ts';

const at = 'spec.params[0]';
const reserved: readonly BadResource[] = ['limit', 'offset', 'columns', 'cursor'].map((name) => ({
  name: `a parameter named ${name}`,
  object: declaring({ name, type: 'integer' }),
  code: 'invalid_value',
  path: `${at}.name`,
  refusal: 'a parameter cannot be named limit, offset, columns, cursor: the gateway owns these; rename it',
}));
/** A schema cannot tell these: a policy does. */
const defaults: readonly BadResource[] = (
  [
    ['a word for an integer', { type: 'integer', default: 'ten' }],
    ['an integer above its max', { type: 'integer', max: 5, default: 6 }],
    ['an integer beyond 64 bits', { type: 'integer', default: '9223372036854775808' }],
    ['half an integer', { type: 'integer', default: 1.5 }],
    ['a word for a number', { type: 'number', default: 'half' }],
    ['a number for a string', { type: 'string', default: 5 }],
    ['a string that its pattern refuses', { type: 'string', pattern: '^a+$', default: 'b' }],
    ['a string longer than its maxLength', { type: 'string', maxLength: 2, default: 'abc' }],
    ['a word for a boolean', { type: 'boolean', default: 'true' }],
    ['a day that there is not', { type: 'date', default: '2026-02-30' }],
    ['a day for a timestamp without sense', { type: 'timestamp', default: 'noon' }],
    ['what enum does not list', { type: 'enum', enum: ['a'], default: 'b' }],
    ['a list for one value', { type: 'string', default: ['a'] }],
    ['a list with a faulty member', { type: 'integer', list: true, default: [1, 'two'] }],
    ['an object', { type: 'string', default: { a: 1 } }],
  ] as const
).map(([what, param]) => ({
  name: `a default that is ${what}`,
  object: declaring(param),
  code: 'invalid_default',
  path: `${at}.default`,
  refusal: 'is not a value that this parameter takes; correct it',
}));

// prettier-ignore
export const badParams: readonly BadResource[] = [
  ...reserved,
  ...defaults,
  { name: 'a parameter without name', object: endpoint({ params: [{ type: 'date' }] }), code: 'missing', path: `${at}.name`, refusal: `${at}.name: Required value` },
  { name: 'a parameter without type', object: declaring({}), code: 'missing', path: `${at}.type`, refusal: `${at}.type: Required value` },
  { name: 'a parameter name with brackets', object: declaring({ name: 'a[]', type: 'date' }), code: 'unsafe_identifier', path: `${at}.name`, refusal: `${at}.name in body should match` },
  { name: 'a parameter type that there is not', object: declaring({ type: 'uuid' }), code: 'invalid_value', path: `${at}.type`, refusal: 'supported values: "string", "integer", "number", "boolean", "date", "timestamp", "enum"' },
  { name: 'a field that no parameter has', object: declaring({ type: 'date', values: [] }), code: 'unknown_field', path: `${at}.values`, refusal: 'unknown field "spec.params[0].values"' },
  { name: 'a parameter declared twice', object: endpoint({ params: [{ name: 'p', type: 'date' }, { name: 'p', type: 'string' }] }), code: 'duplicate_param', path: 'spec.params[1].name', refusal: 'spec.params[1]: Duplicate value' },
  { name: 'an enum without members', object: declaring({ type: 'enum' }), code: 'missing', path: `${at}.enum`, refusal: 'a parameter has enum exactly when its type is enum' },
  { name: 'members of what is no enum', object: declaring({ type: 'string', enum: ['a'] }), code: 'invalid_value', path: `${at}.enum`, refusal: 'a parameter has enum exactly when its type is enum' },
  { name: 'a member listed twice', object: declaring({ type: 'enum', enum: ['a', 'a'] }), code: 'invalid_value', path: `${at}.enum[1]`, refusal: `${at}.enum[1]: Duplicate value` },
  { name: 'aliases of a number', object: declaring({ type: 'integer', aliases: { one: '1' } }), code: 'invalid_value', path: `${at}.aliases`, refusal: 'aliases are for parameters of type string or enum' },
  { name: 'an alias of what enum does not list', object: declaring({ type: 'enum', enum: ['a'], aliases: { b: 'c' } }), code: 'invalid_value', path: `${at}.aliases.b`, refusal: 'an alias stands for a member of enum' },
  { name: 'a min of a string', object: declaring({ type: 'string', min: 1 }), code: 'invalid_value', path: `${at}.min`, refusal: 'min and max are for parameters of type integer or number' },
  { name: 'a min above max', object: declaring({ type: 'number', min: 2, max: 1.5 }), code: 'invalid_value', path: `${at}.min`, refusal: 'min is above max' },
  { name: 'a length of a number', object: declaring({ type: 'integer', maxLength: 3 }), code: 'invalid_value', path: `${at}.minLength`, refusal: 'minLength, maxLength and pattern are for parameters of type string' },
  { name: 'a minLength above maxLength', object: declaring({ type: 'string', minLength: 3, maxLength: 2 }), code: 'invalid_value', path: `${at}.minLength`, refusal: 'minLength is above maxLength' },
  { name: 'a pattern that does not compile', object: declaring({ type: 'string', pattern: '(a' }), code: 'invalid_value', path: `${at}.pattern`, refusal: 'pattern is not a regular expression of the common kind' },
  { name: 'a pattern that looks ahead', object: declaring({ type: 'string', pattern: 'a(?=b)' }), code: 'invalid_value', path: `${at}.pattern`, refusal: 'pattern is not a regular expression of the common kind' },
];
