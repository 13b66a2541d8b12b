/** Endpoint: one named query over a dataset, its parameters, and what may be answered. */
import { type Static, Type } from '@sinclair/typebox';
import { identifierPattern, reservedParams } from '../names.ts';
import { EndpointStatusShape } from './status.ts';
import {
  cel,
  eachOnce,
  ColumnName,
  DayOrMoment,
  Duration,
  Identifier,
  ObjectMetaShape,
  ObjectName,
  OneOf,
  Scalar,
  Text,
} from './shapes.ts';

const listMap = (key: string) => ({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

/** What JavaScript's expressions have and RE2 has not, or the other way round. */
export const beyondRe2 = '(^|[^\\\\])[(][?][^:]|[\\\\][1-9k]';

export const ParamShape = Type.Object(
  {
    name: Identifier,
    type: OneOf(['string', 'integer', 'number', 'boolean', 'date', 'timestamp', 'enum']),
    list: Type.Optional(Type.Boolean()),
    required: Type.Optional(Type.Boolean()),
    description: Type.Optional(Type.String({ maxLength: 500 })),
    default: Type.Optional(Scalar),
    enum: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { minItems: 1, maxItems: 200, 'x-kubernetes-list-type': 'set' })),
    aliases: Type.Optional(Type.Record(Type.String({ maxLength: 200 }), Type.String({ maxLength: 200 }), { maxProperties: 200 })),
    min: Type.Optional(Type.Number()),
    max: Type.Optional(Type.Number()),
    minLength: Type.Optional(Type.Integer({ minimum: 0 })),
    maxLength: Type.Optional(Type.Integer({ minimum: 0 })),
    pattern: Type.Optional(Type.String({ maxLength: 500 })),
  },
  {
    'x-kubernetes-validations': [
      cel(
        `!(self.name in ['${reservedParams.join("', '")}'])`,
        `a parameter cannot be named ${reservedParams.join(', ')}: the gateway owns these; rename it`,
      ),
      cel("(self.type == 'enum') == has(self.enum)", 'a parameter has enum exactly when its type is enum; set both or neither'),
      cel("!has(self.aliases) || self.type in ['string', 'enum']", 'aliases are for parameters of type string or enum; remove them'),
      cel(
        "!(has(self.min) || has(self.max)) || self.type in ['integer', 'number']",
        'min and max are for parameters of type integer or number; remove them',
      ),
      cel('!(has(self.min) && has(self.max)) || self.min <= self.max', 'min is above max; swap or correct them'),
      cel(
        "!(has(self.minLength) || has(self.maxLength) || has(self.pattern)) || self.type == 'string'",
        'minLength, maxLength and pattern are for parameters of type string; remove them',
      ),
      cel(
        '!(has(self.minLength) && has(self.maxLength)) || self.minLength <= self.maxLength',
        'minLength is above maxLength; swap or correct them',
      ),
      cel(
        '!has(self.aliases) || !has(self.enum) || self.aliases.all(a, self.aliases[a] in self.enum)',
        'an alias stands for a member of enum; add the member or correct the alias',
      ),
      // An expression that does not compile is an error of the evaluation, which refuses the object as well.
      cel(
        `!has(self.pattern) || (!self.pattern.matches(r'${beyondRe2}') && ''.matches(self.pattern) in [true, false])`,
        'pattern is not a regular expression of the common kind (no lookaround, back references or flags); correct it',
      ),
    ],
  },
);
export type ParamSpec = Static<typeof ParamShape>;

const SelectShape = Type.Object({
  as: ColumnName,
  column: ColumnName,
  agg: Type.Optional(OneOf(['sum', 'avg', 'min', 'max', 'count', 'count_distinct'])),
});
const FilterShape = Type.Object({
  column: ColumnName,
  op: OneOf(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'like_prefix', 'is_null']),
  param: Identifier,
});
const OrderShape = Type.Object({
  column: ColumnName,
  dir: Type.Optional(Type.Unsafe<'asc' | 'desc'>({ ...OneOf(['asc', 'desc']), default: 'asc' })),
});

// CEL reserves the word `as`: the API server calls the field __as__.
const aggregated = '!self.select.exists(s, has(s.agg))';
const QueryShape = Type.Object(
  {
    select: Type.Array(SelectShape, { minItems: 1, maxItems: 100, ...listMap('as') }),
    filters: Type.Optional(Type.Array(FilterShape, { maxItems: 50 })),
    groupBy: Type.Optional(Type.Array(ColumnName, { maxItems: 50, 'x-kubernetes-list-type': 'set' })),
    orderBy: Type.Optional(Type.Array(OrderShape, { maxItems: 50 })),
  },
  {
    'x-kubernetes-validations': [
      cel(
        `${aggregated} || (has(self.groupBy) && size(self.groupBy) > 0) || self.select.all(s, has(s.agg))`,
        'select mixes plain columns and aggregates; list the plain ones in query.groupBy',
      ),
      cel(
        '!has(self.groupBy) || size(self.groupBy) == 0 || self.select.all(s, has(s.agg) || s.__as__ in self.groupBy)',
        'with query.groupBy every select without agg is listed in it; add it there or give it an agg',
      ),
      cel(
        '!has(self.groupBy) || self.groupBy.all(g, self.select.exists(s, s.__as__ == g && !has(s.agg)))',
        'query.groupBy names a select without agg by its as; add that select or remove the name',
      ),
      cel(
        '!has(self.orderBy) || self.orderBy.all(o, self.select.exists(s, s.__as__ == o.column))',
        'query.orderBy names a select by its as; add that select or correct the name',
      ),
      cel(
        eachOnce('self.select.map(s, s.__as__.lowerAscii())'),
        'query.select answers a name twice, or twice but for upper and lower case; give one another as',
      ),
    ],
  },
);

const Pagination = Type.Object(
  {
    defaultLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000, default: 50 })),
    maxLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000, default: 100 })),
  },
  {
    'x-kubernetes-validations': [
      cel('self.defaultLimit <= self.maxLimit', 'pagination.defaultLimit is above pagination.maxLimit; lower it or raise maxLimit'),
    ],
  },
);

/** What an operator asks of its parameter, whatever the column. */
const operatorRules = [
  ["f.op != 'in' || (has(p.list) && p.list)", 'in takes a parameter with list: true; set list on it or use eq'],
  ["f.op == 'in' || !has(p.list) || !p.list", 'a parameter with list: true is for in; use op: in or remove list'],
  ["f.op != 'is_null' || p.type == 'boolean'", 'is_null takes a boolean parameter; change its type'],
  ["f.op != 'like_prefix' || p.type in ['string', 'enum']", 'like_prefix takes a string parameter; change its type'],
].map(([holds, message]) =>
  cel(
    `!has(self.query.filters) || !has(self.params) || self.query.filters.all(f, self.params.all(p, p.name != f.param || ${String(holds)}))`,
    String(message),
  ),
);

export const EndpointSpecShape = Type.Object(
  {
    name: Type.Optional(Identifier),
    version: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 })),
    owner: Type.Optional(Text(200)),
    description: Type.Optional(Type.String({ maxLength: 2000 })),
    datasetRef: Type.Object({ name: ObjectName }),
    servingMode: Type.Optional(Type.Unsafe<'LocalTable' | 'RemoteScan'>({ ...OneOf(['LocalTable', 'RemoteScan']), default: 'LocalTable' })),
    tenant: Type.Optional(Type.Object({ column: ColumnName })),
    freshness: Type.Optional(Type.Object({ maxStaleness: Duration })),
    params: Type.Optional(Type.Array(ParamShape, { maxItems: 50, ...listMap('name') })),
    combinations: Type.Optional(
      Type.Array(Type.Array(Identifier, { maxItems: 50, 'x-kubernetes-list-type': 'set' }), { minItems: 1, maxItems: 50 }),
    ),
    query: QueryShape,
    columns: Type.Array(ColumnName, { minItems: 1, maxItems: 100, 'x-kubernetes-list-type': 'set' }),
    pagination: Type.Optional(Pagination),
    cache: Type.Optional(
      Type.Object({ policy: Type.Optional(Type.Unsafe<'Snapshot' | 'None'>({ ...OneOf(['Snapshot', 'None']), default: 'Snapshot' })) }),
    ),
    deprecation: Type.Optional(
      Type.Object({ since: Type.Optional(DayOrMoment), sunset: Type.Optional(DayOrMoment), successor: Type.Optional(Identifier) }),
    ),
  },
  {
    'x-kubernetes-validations': [
      cel(
        'self.columns.all(c, self.query.select.exists(s, s.__as__ == c))',
        'columns names something that query.select does not answer; add the select or remove the name',
      ),
      cel(
        'self.query.select.all(s, s.__as__ in self.columns)',
        'query.select answers something that columns does not allow; add it to columns or remove the select',
      ),
      cel(
        '!has(self.query.filters) || self.query.filters.all(f, has(self.params) && self.params.exists(p, p.name == f.param))',
        'query.filters uses a parameter that params does not declare; declare it or correct the name',
      ),
      cel(
        '!has(self.tenant) || !has(self.query.filters) || !self.query.filters.exists(f, f.column == self.tenant.column)',
        'the tenant column is filtered by the key alone; remove the filter on it',
      ),
      cel(
        '!has(self.combinations) || self.combinations.all(c, c.all(n, has(self.params) && self.params.exists(p, p.name == n)))',
        'combinations names a parameter that params does not declare; declare it or correct the name',
      ),
      ...operatorRules,
    ],
  },
);
export type EndpointSpec = Static<typeof EndpointSpecShape>;

export const EndpointShape = Type.Object(
  {
    apiVersion: Type.String(),
    kind: Type.Unsafe<'Endpoint'>({ type: 'string', enum: ['Endpoint'] }),
    metadata: ObjectMetaShape,
    spec: EndpointSpecShape,
    status: Type.Optional(EndpointStatusShape),
  },
  {
    'x-kubernetes-validations': [
      cel(
        `has(self.spec.name) || self.metadata.name.matches('${identifierPattern}')`,
        'the name in the URL is metadata.name when spec.name is absent, and this one cannot stand there; set spec.name',
      ),
    ],
  },
);
export type Endpoint = Static<typeof EndpointShape>;
