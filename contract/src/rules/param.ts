/** What one parameter's declaration can get wrong. */
import type { ParamSpec } from '../resources/endpoint.ts';
import type { Problem } from '../problem.ts';
import { takesValue } from './param-values.ts';
import { isPattern } from './pattern.ts';
import { problem, repeats } from './problems.ts';

type Rule = (param: ParamSpec, at: string) => readonly Problem[];

const isNumeric = (param: ParamSpec): boolean => param.type === 'integer' || param.type === 'number';
const isPresent = (value: unknown): boolean => value !== undefined;

const enumMatchesType: Rule = (param, at) =>
  (param.type === 'enum') === isPresent(param.enum)
    ? []
    : [
        problem(
          param.type === 'enum' ? 'missing' : 'invalid_value',
          `${at}.enum`,
          'a parameter has enum exactly when its type is enum; set both or neither',
        ),
      ];

const membersAreUnique: Rule = (param, at) =>
  repeats(param.enum ?? []).map((member) => problem('invalid_value', `${at}.enum[${member}]`, 'is listed before', 'remove one of them'));

const aliasesFitType: Rule = (param, at) =>
  isPresent(param.aliases) && param.type !== 'string' && param.type !== 'enum'
    ? [problem('invalid_value', `${at}.aliases`, 'aliases are for parameters of type string or enum; remove them')]
    : [];

const aliasesReachTheEnum: Rule = (param, at) =>
  param.enum === undefined
    ? []
    : Object.entries(param.aliases ?? {}).flatMap(([alias, target]) =>
        param.enum?.includes(target) === true
          ? []
          : [
              problem(
                'invalid_value',
                `${at}.aliases.${alias}`,
                'an alias stands for a member of enum; add the member or correct the alias',
              ),
            ],
      );

const boundsFitType: Rule = (param, at) => [
  ...((isPresent(param.min) || isPresent(param.max)) && !isNumeric(param)
    ? [problem('invalid_value', `${at}.min`, 'min and max are for parameters of type integer or number; remove them')]
    : []),
  ...(param.min !== undefined && param.max !== undefined && param.min > param.max
    ? [problem('invalid_value', `${at}.min`, 'min is above max; swap or correct them')]
    : []),
];

const lengthsFitType: Rule = (param, at) => [
  ...((isPresent(param.minLength) || isPresent(param.maxLength) || isPresent(param.pattern)) && param.type !== 'string'
    ? [problem('invalid_value', `${at}.minLength`, 'minLength, maxLength and pattern are for parameters of type string; remove them')]
    : []),
  ...(param.minLength !== undefined && param.maxLength !== undefined && param.minLength > param.maxLength
    ? [problem('invalid_value', `${at}.minLength`, 'minLength is above maxLength; swap or correct them')]
    : []),
];

const patternCompiles: Rule = (param, at) =>
  param.pattern === undefined || isPattern(param.pattern)
    ? []
    : [
        problem(
          'invalid_value',
          `${at}.pattern`,
          'pattern is not a regular expression of the common kind (no lookaround, back references or flags); correct it',
        ),
      ];

const defaultFits: Rule = (param, at) => {
  if (param.default === undefined || (param.pattern !== undefined && !isPattern(param.pattern))) return [];
  const values: readonly unknown[] = param.list === true && Array.isArray(param.default) ? (param.default as unknown[]) : [param.default];
  return values.every((value) => takesValue(param, value))
    ? []
    : [problem('invalid_default', `${at}.default`, `the default is not a value that this ${param.type} parameter takes; correct it`)];
};

export const paramRules: readonly Rule[] = [
  enumMatchesType,
  membersAreUnique,
  aliasesFitType,
  aliasesReachTheEnum,
  boundsFitType,
  lengthsFitType,
  patternCompiles,
  defaultFits,
];
