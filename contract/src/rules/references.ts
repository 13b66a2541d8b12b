/** What needs another object to be judged: an endpoint against its dataset, a key against the endpoints. */
import type { AuthMode, Column } from '../bundle.ts';
import type { DatasetBase } from '../compile/dataset.ts';
import type { ApiKeySpec } from '../resources/api-key.ts';
import type { EndpointSpec } from '../resources/endpoint.ts';
import type { Problem } from '../problem.ts';
import { whyIncomparable, whyUnfit } from './param-values.ts';
import { problem } from './problems.ts';

type EndpointRule = (spec: EndpointSpec, dataset: DatasetBase) => readonly Problem[];

const columnOf = (dataset: DatasetBase, name: string): Column | undefined => dataset.schema.find((column) => column.name === name);
const noSuchColumn = (path: string, name: string, dataset: DatasetBase): Problem =>
  problem('unknown_column', path, `${name} is not a column of dataset ${dataset.name}; correct the name or add it to the dataset's schema`);

const tenantAgrees: EndpointRule = (spec, dataset) => {
  if (spec.tenant === undefined || spec.tenant.column === dataset.tenantColumn) return [];
  return dataset.tenantColumn === null
    ? [problem('tenant_forbidden', 'spec.tenant', `dataset ${dataset.name} has no tenantColumn; remove tenant or give the dataset one`)]
    : [problem('tenant_mismatch', 'spec.tenant.column', `must equal the tenantColumn of dataset ${dataset.name}, ${dataset.tenantColumn}`)];
};

const selectsExist: EndpointRule = (spec, dataset) =>
  spec.query.select.flatMap(({ column }, at) =>
    columnOf(dataset, column) === undefined ? [noSuchColumn(`spec.query.select[${at}].column`, column, dataset)] : [],
  );

const jsonIsNotAggregated: EndpointRule = (spec, dataset) =>
  spec.query.select.flatMap(({ column, agg }, at) =>
    columnOf(dataset, column)?.type === 'JSON' && agg !== undefined && agg !== 'count'
      ? [
          problem(
            'invalid_agg_on_json',
            `spec.query.select[${at}].agg`,
            'a JSON column can only be counted; use agg: count or another column',
          ),
        ]
      : [],
  );

const sumsAreNumeric: EndpointRule = (spec, dataset) =>
  spec.query.select.flatMap(({ column, agg }, at) => {
    const type = columnOf(dataset, column)?.type;
    const isNumeric = type === 'INTEGER' || type === 'BIGINT' || type === 'DOUBLE';
    return (agg === 'sum' || agg === 'avg') && type !== undefined && type !== 'JSON' && !isNumeric
      ? [problem('invalid_value', `spec.query.select[${at}].agg`, `${agg} needs a number column; ${column} is ${type}`)]
      : [];
  });

const filtersCompare: EndpointRule = (spec, dataset) =>
  (spec.query.filters ?? []).flatMap((filter, at) => {
    const column = columnOf(dataset, filter.column);
    if (column === undefined) return [noSuchColumn(`spec.query.filters[${at}].column`, filter.column, dataset)];
    const param = (spec.params ?? []).find((one) => one.name === filter.param);
    // What the operator itself refuses is told by the endpoint's own rules.
    const why =
      param === undefined || whyUnfit(filter.op, param) !== undefined ? undefined : whyIncomparable(filter.op, param, column.type);
    return why === undefined
      ? []
      : [problem('incomparable_param', `spec.query.filters[${at}].param`, `${why}; change the parameter's type or the filter`)];
  });

const endpointRules: readonly EndpointRule[] = [tenantAgrees, selectsExist, jsonIsNotAggregated, sumsAreNumeric, filtersCompare];

/** Every finding of an endpoint against the dataset it names; undefined: there is no such dataset. */
export const checkEndpointReferences = (spec: EndpointSpec, dataset: DatasetBase | undefined, auth: AuthMode): readonly Problem[] => [
  ...(auth === 'none' && spec.tenant !== undefined
    ? [problem('public_tenant_endpoint', 'spec.tenant', 'a public gateway (auth none) knows no tenants; remove tenant or require keys')]
    : []),
  ...(dataset === undefined
    ? [problem('unknown_dataset', 'spec.datasetRef.name', `there is no Dataset ${spec.datasetRef.name}; create it or correct the name`)]
    : endpointRules.flatMap((rule) => rule(spec, dataset))),
];

/** Every finding of a key against the endpoints there are, by URL name: true when tenant-scoped. */
export const checkKeyReferences = (spec: ApiKeySpec, endpoints: ReadonlyMap<string, boolean>): readonly Problem[] =>
  spec.endpoints.flatMap((name, at) => {
    if (name === '*') return [];
    const isTenantScoped = endpoints.get(name);
    if (isTenantScoped === undefined)
      return [problem('unknown_endpoint', `spec.endpoints[${at}]`, `there is no endpoint ${name}; create it or correct the name`)];
    return isTenantScoped && spec.tenant === undefined
      ? [problem('missing', 'spec.tenant', `endpoint ${name} is tenant-scoped; a key without tenant cannot be granted it`, 'add tenant')]
      : [];
  });
