/** Any of the three kinds: parsing a raw object into one, with every finding that it shows alone. */
import { Type } from '@sinclair/typebox';
import { apiVersion, type Kind } from '../names.ts';
import type { Problem } from '../problem.ts';
import { err, ok, type Result } from '../result.ts';
import { apiKeyRules } from '../rules/api-key.ts';
import { datasetRules } from '../rules/dataset.ts';
import { endpointRules } from '../rules/endpoint.ts';
import { checkDatasetName, checkEndpointName } from '../rules/object-name.ts';
import { problem } from '../rules/problems.ts';
import { structureCheck } from '../rules/structure.ts';
import { type ApiKey, ApiKeyShape } from './api-key.ts';
import { type Dataset, DatasetShape } from './dataset.ts';
import { type Endpoint, EndpointShape } from './endpoint.ts';

export type Resource = Dataset | Endpoint | ApiKey;

const checks = {
  Dataset: structureCheck(Type.Omit(DatasetShape, ['status'])),
  Endpoint: structureCheck(Type.Omit(EndpointShape, ['status'])),
  ApiKey: structureCheck(Type.Omit(ApiKeyShape, ['status'])),
} as const satisfies Record<Kind, unknown>;

const semanticProblems = (resource: Resource): readonly Problem[] => {
  const { name } = resource.metadata;
  switch (resource.kind) {
    case 'Dataset':
      return [...checkDatasetName(name), ...datasetRules.flatMap((rule) => rule(resource.spec))];
    case 'Endpoint':
      return [...checkEndpointName(name, resource.spec), ...endpointRules.flatMap((rule) => rule(resource.spec))];
    case 'ApiKey':
      return apiKeyRules.flatMap((rule) => rule(resource.spec));
  }
};

/** The object's kind when it is one of ours, by its apiVersion and kind. */
export const kindOf = (raw: unknown): Kind | undefined => {
  if (raw === null || typeof raw !== 'object') return undefined;
  const { kind, apiVersion: stated } = raw as Record<string, unknown>;
  return stated === apiVersion && typeof kind === 'string' && Object.hasOwn(checks, kind) ? (kind as Kind) : undefined;
};

const holdsNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some((held) => holdsNull(held)));

/** A field that is written down empty is absent, as it is to the API server. What has none is not copied. */
const withoutNulls = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object' || !holdsNull(value)) return value;
  if (Array.isArray(value)) return value.map(withoutNulls);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, held]) => held !== null)
      .map(([key, held]) => [key, withoutNulls(held)]),
  );
};

/** A raw object as one of the three kinds, or every finding that it shows by itself; structure first, rules on what is sound. */
export const parseResource = (raw: unknown): Result<Resource, readonly Problem[]> => {
  const kind = kindOf(raw);
  if (kind === undefined)
    return err([
      problem(
        'invalid_value',
        'kind',
        `is not Dataset, Endpoint or ApiKey of ${apiVersion}`,
        `set apiVersion: ${apiVersion} and one of these kinds`,
      ),
    ]);
  const object = withoutNulls(raw) as Record<string, unknown>;
  const structural = checks[kind](Object.fromEntries(Object.entries(object).filter(([field]) => field !== 'status')));
  if (structural.length > 0) return err(structural);
  const semantic = semanticProblems(object as Resource);
  return semantic.length > 0 ? err(semantic) : ok(object as Resource);
};
