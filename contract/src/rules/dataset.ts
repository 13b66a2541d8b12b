/** What a Dataset alone can get wrong beyond its structure. The API server holds the same rules as CEL (resources/dataset.ts). */
import type { DatasetSpec } from '../resources/dataset.ts';
import { secondOrMorePattern } from '../resources/shapes.ts';
import type { Problem } from '../problem.ts';
import { problem, repeats } from './problems.ts';

type Rule = (spec: DatasetSpec) => readonly Problem[];

const oneOrigin: Rule = ({ source }) =>
  (source.manifest === undefined) === (source.databricks === undefined)
    ? [problem('conflicting_origin', 'spec.source', 'set exactly one of source.manifest and source.databricks')]
    : [];

const anonymousHasNoCredentials: Rule = ({ source }) =>
  source.anonymous === true && source.credentialsSecretRef !== undefined
    ? [
        problem(
          'conflicting_origin',
          'spec.source.anonymous',
          'anonymous: true sends no credentials; remove source.credentialsSecretRef or set anonymous to false',
        ),
      ]
    : [];

const columnsAreUnique: Rule = ({ schema }) =>
  repeats(schema.map((column) => column.name.toLowerCase())).map((at) =>
    problem(
      'duplicate_column',
      `spec.schema[${at}].name`,
      `column ${schema[at]?.name ?? ''} is listed before (upper and lower case count as one)`,
      'remove one of them',
    ),
  );

const tenantColumnExists: Rule = ({ schema, tenantColumn }) =>
  tenantColumn === undefined || schema.some((column) => column.name === tenantColumn)
    ? []
    : [problem('unknown_column', 'spec.tenantColumn', 'tenantColumn is not a column of schema; add it there or correct the name')];

const pinIsNotBlocked: Rule = ({ snapshot }) =>
  snapshot?.pin !== undefined && (snapshot.blocked ?? []).includes(snapshot.pin)
    ? [problem('invalid_value', 'spec.snapshot.pin', 'snapshot.pin is listed in snapshot.blocked; remove it from one of them')]
    : [];

const blockedAreUnique: Rule = ({ snapshot }) =>
  repeats(snapshot?.blocked ?? []).map((at) =>
    problem('invalid_value', `spec.snapshot.blocked[${at}]`, 'is listed before', 'remove one of them'),
  );

const intervalIsBearable: Rule = ({ source }) =>
  source.interval !== undefined && !new RegExp(secondOrMorePattern).test(source.interval)
    ? [problem('invalid_value', 'spec.source.interval', 'interval is under 1s; raise it, a source is asked at most once a second')]
    : [];

export const datasetRules: readonly Rule[] = [
  oneOrigin,
  anonymousHasNoCredentials,
  columnsAreUnique,
  tenantColumnExists,
  pinIsNotBlocked,
  blockedAreUnique,
  intervalIsBearable,
];
