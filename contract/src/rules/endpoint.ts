/** What an Endpoint alone can get wrong beyond its structure. The API server holds the same rules as CEL (resources/endpoint.ts). */
import { reservedParams } from '../names.ts';
import type { EndpointSpec } from '../resources/endpoint.ts';
import type { Problem } from '../problem.ts';
import { problem, repeats } from './problems.ts';
import { paramRules } from './param.ts';
import { isRealDay, whyUnfit } from './param-values.ts';
import { noSuchDay } from '../resources/shapes.ts';

type Rule = (spec: EndpointSpec) => readonly Problem[];

const paramNames = (spec: EndpointSpec): readonly string[] => (spec.params ?? []).map((param) => param.name);

const paramsAreUnique: Rule = (spec) =>
  repeats(paramNames(spec)).map((at) =>
    problem('duplicate_param', `spec.params[${at}].name`, `parameter ${paramNames(spec)[at] ?? ''} is declared before`),
  );

const paramsAreFree: Rule = (spec) =>
  (spec.params ?? []).flatMap((param, at) =>
    (reservedParams as readonly string[]).includes(param.name)
      ? [
          problem(
            'invalid_value',
            `spec.params[${at}].name`,
            `a parameter cannot be named ${reservedParams.join(', ')}: the gateway owns these; rename it`,
          ),
        ]
      : [],
  );

const paramsAreSound: Rule = (spec) =>
  (spec.params ?? []).flatMap((param, at) => paramRules.flatMap((rule) => rule(param, `spec.params[${at}]`)));

const selectsAreUnique: Rule = ({ query }) =>
  repeats(query.select.map((select) => select.as.toLowerCase())).map((at) =>
    problem(
      'duplicate_column',
      `spec.query.select[${at}].as`,
      `${query.select[at]?.as ?? ''} is selected before (upper and lower case count as one); give it another as`,
    ),
  );

const groupsAreUnique: Rule = ({ query }) =>
  repeats(query.groupBy ?? []).map((at) =>
    problem('duplicate_column', `spec.query.groupBy[${at}]`, `${query.groupBy?.[at] ?? ''} is listed before; remove one of them`),
  );

const groupingIsWhole: Rule = ({ query }) => {
  const grouped = query.groupBy ?? [];
  const plain = query.select.flatMap((select, at) => (select.agg === undefined ? [{ ...select, at }] : []));
  if (grouped.length > 0)
    return plain.flatMap((select) =>
      grouped.includes(select.as)
        ? []
        : [
            problem(
              'ungrouped_column',
              `spec.query.select[${select.at}]`,
              'with query.groupBy every select without agg is listed in it; add it there or give it an agg',
            ),
          ],
    );
  const mixed = plain.length > 0 && plain.length < query.select.length;
  return mixed
    ? [problem('missing_group_by', 'spec.query.groupBy', 'select mixes plain columns and aggregates; list the plain ones in query.groupBy')]
    : [];
};

const groupNamesPlainSelects: Rule = ({ query }) =>
  (query.groupBy ?? []).flatMap((name, at) =>
    query.select.some((select) => select.as === name && select.agg === undefined)
      ? []
      : [
          problem(
            'column_not_selected',
            `spec.query.groupBy[${at}]`,
            'query.groupBy names a select without agg by its as; add that select or remove the name',
          ),
        ],
  );

const orderNamesSelects: Rule = ({ query }) =>
  (query.orderBy ?? []).flatMap((order, at) =>
    query.select.some((select) => select.as === order.column)
      ? []
      : [
          problem(
            'column_not_selected',
            `spec.query.orderBy[${at}].column`,
            'query.orderBy names a select by its as; add that select or correct the name',
          ),
        ],
  );

const filtersUseDeclaredParams: Rule = (spec) =>
  (spec.query.filters ?? []).flatMap((filter, at) =>
    paramNames(spec).includes(filter.param)
      ? []
      : [
          problem(
            'unknown_param',
            `spec.query.filters[${at}].param`,
            'query.filters uses a parameter that params does not declare; declare it or correct the name',
          ),
        ],
  );

const operatorsFitParams: Rule = (spec) =>
  (spec.query.filters ?? []).flatMap((filter, at) => {
    const param = (spec.params ?? []).find((one) => one.name === filter.param);
    const why = param === undefined ? undefined : whyUnfit(filter.op, param);
    return why === undefined ? [] : [problem('incomparable_param', `spec.query.filters[${at}].param`, why)];
  });

const tenantIsNotFiltered: Rule = (spec) =>
  (spec.query.filters ?? []).flatMap((filter, at) =>
    spec.tenant !== undefined && filter.column === spec.tenant.column
      ? [
          problem(
            'tenant_filter_forbidden',
            `spec.query.filters[${at}].column`,
            'the tenant column is filtered by the key alone; remove the filter on it',
          ),
        ]
      : [],
  );

const combinationsUseDeclaredParams: Rule = (spec) =>
  (spec.combinations ?? []).flatMap((combination, at) =>
    combination.flatMap((name, inner) =>
      paramNames(spec).includes(name)
        ? []
        : [
            problem(
              'unknown_param',
              `spec.combinations[${at}][${inner}]`,
              'combinations names a parameter that params does not declare; declare it or correct the name',
            ),
          ],
    ),
  );

const combinationsAreSets: Rule = (spec) =>
  (spec.combinations ?? []).flatMap((combination, at) =>
    repeats(combination).map((inner) =>
      problem('duplicate_param', `spec.combinations[${at}][${inner}]`, `${combination[inner] ?? ''} is listed before; remove one of them`),
    ),
  );

const columnsEqualSelects: Rule = ({ columns, query }) => {
  const names = query.select.map((select) => select.as);
  return [
    ...repeats(columns).map((at) => problem('duplicate_column', `spec.columns[${at}]`, `${columns[at] ?? ''} is listed before`)),
    ...columns.flatMap((column, at) =>
      names.includes(column)
        ? []
        : [
            problem(
              'column_not_selected',
              `spec.columns[${at}]`,
              'columns names something that query.select does not answer; add the select or remove the name',
            ),
          ],
    ),
    ...names.flatMap((name, at) =>
      columns.includes(name)
        ? []
        : [
            problem(
              'column_not_allowlisted',
              `spec.query.select[${at}].as`,
              'query.select answers something that columns does not allow; add it to columns or remove the select',
            ),
          ],
    ),
  ];
};

const limitsAreOrdered: Rule = ({ pagination }) =>
  pagination !== undefined && (pagination.defaultLimit ?? 50) > (pagination.maxLimit ?? 100)
    ? [
        problem(
          'invalid_value',
          'spec.pagination.defaultLimit',
          'pagination.defaultLimit is above pagination.maxLimit; lower it or raise maxLimit',
        ),
      ]
    : [];

const deprecationDaysExist: Rule = ({ deprecation }) =>
  (['since', 'sunset'] as const).flatMap((name) => {
    const day = deprecation?.[name];
    return day === undefined || isRealDay(day.slice(0, 10)) ? [] : [problem('invalid_value', `spec.deprecation.${name}`, noSuchDay)];
  });

export const endpointRules: readonly Rule[] = [
  paramsAreUnique,
  paramsAreFree,
  paramsAreSound,
  selectsAreUnique,
  groupsAreUnique,
  groupingIsWhole,
  groupNamesPlainSelects,
  orderNamesSelects,
  filtersUseDeclaredParams,
  operatorsFitParams,
  tenantIsNotFiltered,
  combinationsUseDeclaredParams,
  combinationsAreSets,
  columnsEqualSelects,
  limitsAreOrdered,
  deprecationDaysExist,
];
