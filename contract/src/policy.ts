/**
 * What a schema cannot tell: a parameter's default is of any type, and CEL of a CustomResourceDefinition sees no such field. A
 * ValidatingAdmissionPolicy does; it is CEL in the API server as well. It says what rules/param-values.ts says. Pure.
 */
import { group, version } from './names.ts';
import type { ParamType } from './bundle.ts';

type Json = Record<string, unknown>;

const leapYear = '([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)';
const day = `([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|${leapYear}-02-29)`;
const time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?';
const safe = Number.MAX_SAFE_INTEGER;

/** The last 64-bit integer of the sign of `v`: texts of one length compare as numbers do. */
const last = "(v.startsWith('-') ? '9223372036854775808' : '9223372036854775807')";
/** An object's own number counts as an integer as long as JSON readers agree on it; digits in quotes up to 64 bits. */
const isWhole = `((type(v) == int || type(v) == double) ? v >= -${safe} && v <= ${safe} && v == int(v) : type(v) == string && v.matches('^[+-]?[0-9]{1,19}$') && (size(v) < 19 || v.substring(size(v) - 19) <= ${last}))`;
const isWithin = (value: string): string => `(!has(p.min) || ${value} >= p.min) && (!has(p.max) || ${value} <= p.max)`;
const isText = (pattern: string): string => `type(v) == string && v.matches('^${pattern}$')`;

/** Whether the value `v` is one that the parameter `p` of this type takes. */
const takes = {
  string: [
    'type(v) == string',
    '(!has(p.minLength) || size(v) >= p.minLength)',
    '(!has(p.maxLength) || size(v) <= p.maxLength)',
    '(!has(p.pattern) || v.matches(p.pattern))',
  ].join(' && '),
  integer: `${isWhole} && ${isWithin('int(v)')}`,
  number: `(type(v) == int || type(v) == double) && ${isWithin('v')}`,
  boolean: 'type(v) == bool',
  date: isText(day),
  timestamp: isText(`${day}([T ]${time})?`),
  enum: 'type(v) == string && v in p.enum',
} as const satisfies Record<ParamType, string>;

/** One value, or each of a list. */
const values = '(has(p.list) && p.list && type(p.default) == list ? p.default : [p.default])';
const isFit = Object.entries(takes)
  .map(([type, holds]) => `(p.type == '${type}' && ${holds})`)
  .join(' ||\n');

const name = `endpoint-defaults.${group}`;

/** Refuses an Endpoint with a default that its own parameter would not take; the policy and its binding. */
export const endpointDefaultsPolicy: readonly Json[] = [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: [group], apiVersions: [version], operations: ['CREATE', 'UPDATE'], resources: ['endpoints'] }],
      },
      variables: [
        {
          name: 'unfit',
          expression: `has(object.spec.params) ? object.spec.params.filter(p, has(p.default) && !${values}.all(v,\n${isFit}\n)) : []`,
        },
      ],
      validations: [
        {
          expression: 'size(variables.unfit) == 0',
          messageExpression:
            "'spec.params: the default of ' + variables.unfit.map(p, p.name).join(', ') + ' is not a value that this parameter takes; correct it'",
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  },
];
