/** CustomResourceDefinitions from the schemas: one structural schema each, as the API server takes it. Pure. */
import type { TSchema } from '@sinclair/typebox';
import { group, type Kind, kinds, version } from './names.ts';
import { ApiKeyShape, ApiKeySpecShape } from './resources/api-key.ts';
import { descriptions } from './resources/descriptions.ts';
import { DatasetShape, DatasetSpecShape } from './resources/dataset.ts';
import { EndpointShape, EndpointSpecShape } from './resources/endpoint.ts';
import { ApiKeyStatusShape, DatasetStatusShape, EndpointStatusShape } from './resources/status.ts';

type Json = Record<string, unknown>;

/** Records become additionalProperties with one schema, the only map that structural schemas know. */
const mapOf = (schema: Json): Json => {
  const { patternProperties, ...rest } = schema;
  const [values] = Object.values(patternProperties as Json);
  return { ...rest, additionalProperties: toStructural(values) };
};

/** A TypeBox schema as a structural one: no symbols, no patternProperties, no additionalProperties beside properties. */
export const toStructural = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(toStructural);
  if (schema === null || typeof schema !== 'object') return schema;
  const plain = schema as Json;
  if ('patternProperties' in plain) return mapOf(plain);
  return Object.fromEntries(
    Object.entries(plain).map(([key, value]) =>
      key === 'properties'
        ? [key, Object.fromEntries(Object.entries(value as Json).map(([name, inner]) => [name, toStructural(inner)]))]
        : [key, keep(key, value)],
    ),
  );
};
/** Values that are data, not schemas, stay as they are. */
const keep = (key: string, value: unknown): unknown =>
  ['enum', 'default', 'required', 'x-kubernetes-validations'].includes(key) ? value : toStructural(value);

/** The schema with what each of its fields means. */
const described = (schema: Json, texts: Readonly<Record<string, string>>, path = ''): Json => {
  const { properties, items, ...rest } = schema;
  const text = texts[path];
  const inner = ([name, field]: [string, unknown]): [string, Json] => [
    name,
    described(field as Json, texts, path === '' ? name : `${path}.${name}`),
  ];
  return {
    ...(text === undefined ? {} : { description: text }),
    ...rest,
    ...(properties === undefined ? {} : { properties: Object.fromEntries(Object.entries(properties as Json).map(inner)) }),
    ...(items === undefined ? {} : { items: described(items as Json, texts, `${path}[]`) }),
  };
};

type PrinterColumn = { name: string; type: 'string' | 'integer' | 'date'; jsonPath: string; priority?: number };
const column = (name: string, jsonPath: string, type: PrinterColumn['type'] = 'string'): PrinterColumn => ({ name, type, jsonPath });
const condition = (type: string, field: 'status' | 'message' | 'reason'): string => `.status.conditions[?(@.type=="${type}")].${field}`;
const gateways = column('Gateways', '.status.gateways.summary');
const ready = column('Ready', condition('Ready', 'status'));
const status = column('Status', condition('Ready', 'message'));

const definitions = {
  Dataset: {
    whole: DatasetShape,
    spec: DatasetSpecShape,
    status: DatasetStatusShape,
    columns: [
      column('Snapshot', '.status.activeSnapshot.id'),
      column('Age of data', '.status.activeSnapshot.watermark', 'date'),
      column('Fresh', condition('Fresh', 'status')),
      gateways,
      ready,
      status,
    ],
  },
  Endpoint: {
    whole: EndpointShape,
    spec: EndpointSpecShape,
    status: EndpointStatusShape,
    columns: [
      column('Path', '.status.path'),
      column('Dataset', '.spec.datasetRef.name'),
      column('Version', '.spec.version', 'integer'),
      column('Mode', '.spec.servingMode'),
      gateways,
      ready,
      status,
    ],
  },
  ApiKey: {
    whole: ApiKeyShape,
    spec: ApiKeySpecShape,
    status: ApiKeyStatusShape,
    columns: [
      column('Tenant', '.spec.tenant'),
      column('State', '.status.state'),
      column('Expires', '.spec.expiresAt'),
      column('LastUsed', '.status.lastUsed', 'date'),
      gateways,
      ready,
      { ...status, priority: 1 },
    ],
  },
} as const satisfies Record<Kind, { whole: TSchema; spec: TSchema; status: TSchema; columns: readonly PrinterColumn[] }>;

/** The CustomResourceDefinition of a kind as a plain object, keys in a fixed order. */
export const customResourceDefinition = (kind: Kind): Json => {
  const { plural, singular, shortName } = kinds[kind];
  const { whole, spec, status: statusShape, columns } = definitions[kind];
  const schema = {
    type: 'object',
    required: ['spec'],
    'x-kubernetes-validations': whole['x-kubernetes-validations'] as unknown,
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: toStructural(spec),
      // A new object never looks finished: its status says that no generation has been observed.
      status: { ...(toStructural({ ...statusShape, required: undefined }) as Json), default: { observedGeneration: -1 } },
    },
  };
  return JSON.parse(
    JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ['offloader'] },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            subresources: { status: {} },
            additionalPrinterColumns: columns,
            schema: { openAPIV3Schema: described(schema, descriptions[kind]) },
          },
        ],
      },
    }),
  ) as Json;
};
