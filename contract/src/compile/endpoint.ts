/** Endpoint resource → compiled endpoint, once it is known to fit its dataset. */
import type { Column, ColumnType, CompiledEndpoint, CompiledParam } from '../bundle.ts';
import { digestOf } from '../canonical.ts';
import { parseDurationMs } from '../duration.ts';
import { rememberingWith } from '../memo.ts';
import type { Endpoint, EndpointSpec, ParamSpec } from '../resources/endpoint.ts';
import type { DatasetBase } from './dataset.ts';

/** A list parameter's default is a list, however it was written. */
const compileDefault = ({ default: stated, list }: ParamSpec): CompiledParam['default'] =>
  stated === undefined ? null : list === true && !Array.isArray(stated) ? [stated] : stated;

const compileParam = (param: ParamSpec): CompiledParam => ({
  name: param.name,
  type: param.type,
  list: param.list ?? false,
  required: param.required ?? false,
  description: param.description ?? null,
  default: compileDefault(param),
  enum: param.enum ?? null,
  aliases: param.aliases ?? {},
  min: param.min ?? null,
  max: param.max ?? null,
  minLength: param.minLength ?? null,
  maxLength: param.maxLength ?? null,
  pattern: param.pattern ?? null,
});

const typeOf = (schema: readonly Column[], name: string): ColumnType => schema.find((column) => column.name === name)?.type ?? 'VARCHAR';

const compileQuery = (
  { query, columns }: EndpointSpec,
  schema: readonly Column[],
): Pick<CompiledEndpoint, 'select' | 'filters' | 'groupBy' | 'orderBy' | 'columns'> => ({
  select: query.select.map(({ as, column, agg }) => ({ as, column, agg: agg ?? null, type: typeOf(schema, column) })),
  filters: (query.filters ?? []).map(({ column, op, param }) => ({ column, op, param, type: typeOf(schema, column) })),
  groupBy:
    (query.groupBy ?? []).length === 0
      ? null
      : (query.groupBy ?? []).map((name) => query.select.find((select) => select.as === name)?.column ?? name),
  orderBy: (query.orderBy ?? []).map(({ column, dir }) => ({ column, dir: dir ?? 'asc' })),
  columns: query.select.map((select) => select.as).filter((name) => columns.includes(name)),
});

const compilePagination = ({ defaultLimit = 50, maxLimit = 100 }: EndpointSpec['pagination'] = {}): CompiledEndpoint['pagination'] => ({
  defaultLimit,
  maxLimit,
});
const compileDeprecation = (stated: EndpointSpec['deprecation']): CompiledEndpoint['deprecation'] =>
  stated === undefined ? null : { since: stated.since ?? null, sunset: stated.sunset ?? null, successor: stated.successor ?? null };

/** The name in the URL. */
export const endpointName = ({ metadata, spec }: Endpoint): string => spec.name ?? metadata.name;

/** An endpoint before its layout is known: that needs every endpoint of the dataset. */
export const compileEndpoint = rememberingWith((endpoint: Endpoint, dataset: DatasetBase): CompiledEndpoint => {
  const { metadata, spec } = endpoint;
  const body: Omit<CompiledEndpoint, 'digest' | 'layout'> = {
    object: metadata.name,
    name: endpointName(endpoint),
    version: spec.version ?? 1,
    owner: spec.owner ?? null,
    description: spec.description ?? null,
    dataset: spec.datasetRef.name,
    servingMode: spec.servingMode ?? 'LocalTable',
    tenantColumn: spec.tenant?.column ?? null,
    maxStalenessMs: parseDurationMs(spec.freshness?.maxStaleness ?? '') ?? null,
    params: (spec.params ?? []).map(compileParam),
    combinations: spec.combinations ?? null,
    ...compileQuery(spec, dataset.schema),
    pagination: compilePagination(spec.pagination),
    cache: spec.cache?.policy ?? 'Snapshot',
    deprecation: compileDeprecation(spec.deprecation),
  };
  return { ...body, layout: '', digest: digestOf(body) };
});

/** The endpoint with the layout that its dataset has. */
export const withLayout = rememberingWith((endpoint: CompiledEndpoint, layout: string): CompiledEndpoint => ({ ...endpoint, layout }));

/** Whether an endpoint compiled earlier still means the same on this dataset: every column it uses is there with its type. */
export const stillFits = (endpoint: CompiledEndpoint, dataset: DatasetBase): boolean => {
  const has = ({ column, type }: { readonly column: string; readonly type: ColumnType }): boolean =>
    dataset.schema.some((one) => one.name === column && one.type === type);
  const tenantAgrees = endpoint.tenantColumn === null || endpoint.tenantColumn === dataset.tenantColumn;
  return tenantAgrees && endpoint.select.every(has) && endpoint.filters.every(has);
};
