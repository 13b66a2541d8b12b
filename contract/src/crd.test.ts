import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { customResourceDefinition, toStructural } from './crd.ts';
import { type Kind, kinds } from './names.ts';
import { descriptions } from './resources/descriptions.ts';

const every = Object.keys(kinds) as Kind[];
const written = (kind: Kind): string => readFileSync(new URL(`../../crds/${kinds[kind].plural}.yaml`, import.meta.url), 'utf8');

/** Every schema of a tree of schemas, with its path. */
const schemas = (schema: any, path = ''): readonly (readonly [string, any])[] => [
  [path, schema],
  ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => schemas(inner, `${path}.${name}`)),
  ...(schema.items === undefined ? [] : schemas(schema.items, `${path}[]`)),
  ...(typeof schema.additionalProperties === 'object' ? schemas(schema.additionalProperties, `${path}{}`) : []),
];
const rootOf = (kind: Kind): any => (customResourceDefinition(kind) as any).spec.versions[0].schema.openAPIV3Schema;

describe('CustomResourceDefinitions', () => {
  test.each(every)('crds/ holds what the schemas of %s say; npm run generate writes it', (kind) => {
    expect(parse(written(kind))).toEqual(customResourceDefinition(kind));
    expect(written(kind)).toContain(stringify(customResourceDefinition(kind), { lineWidth: 140, aliasDuplicateObjects: false }));
  });

  test.each(every)('the schema of %s is structural', (kind) => {
    for (const [path, schema] of schemas(rootOf(kind))) {
      const isTyped = typeof schema.type === 'string' || schema['x-kubernetes-preserve-unknown-fields'] === true;
      expect([path, isTyped]).toEqual([path, true]);
      for (const keyword of ['const', 'anyOf', 'patternProperties', '$id']) expect([path, keyword in schema]).toEqual([path, false]);
    }
  });

  test.each(every)('everything in the spec of %s has a bound, which the cost of rules is told by', (kind) => {
    for (const [path, schema] of schemas(rootOf(kind).properties.spec)) {
      if (schema.type === 'string' && schema.enum === undefined) expect([path, typeof schema.maxLength]).toEqual([path, 'number']);
      if (schema.type === 'array') expect([path, typeof schema.maxItems]).toEqual([path, 'number']);
      if (schema.additionalProperties !== undefined) expect([path, typeof schema.maxProperties]).toEqual([path, 'number']);
    }
  });

  test.each(every)('a new %s has observed no generation, and its status is written apart from its spec', (kind) => {
    expect(rootOf(kind).properties.status.default).toEqual({ observedGeneration: -1 });
    expect((customResourceDefinition(kind) as any).spec.versions[0].subresources).toEqual({ status: {} });
  });

  test.each([
    ['Dataset', 'odset', ['Snapshot', 'Age of data', 'Fresh', 'Gateways', 'Ready', 'Status']],
    ['Endpoint', 'oep', ['Path', 'Dataset', 'Version', 'Mode', 'Gateways', 'Ready', 'Status']],
    ['ApiKey', 'oak', ['Tenant', 'State', 'Expires', 'LastUsed', 'Gateways', 'Ready']],
  ] as const)('%s is %s in short, and shows its columns', (kind, shortName, columns) => {
    const { spec } = customResourceDefinition(kind) as any;
    expect(spec.names).toMatchObject({ shortNames: [shortName], categories: ['offloader'] });
    const shown = spec.versions[0].additionalPrinterColumns.filter((column: any) => column.priority === undefined);
    expect(shown.map((column: any) => column.name)).toEqual(columns);
  });

  test.each(every)('every field of %s has a description, and there is none of a field that is not', (kind) => {
    const own = (path: string): boolean => /^\.(spec|status)/.test(path) && !/(\{\}|\[\])$/.test(path);
    const fields = schemas(rootOf(kind)).filter(([path]) => path === '' || own(path));
    for (const [path, schema] of fields) expect([path, typeof schema.description]).toEqual([path, 'string']);
    expect(Object.keys(descriptions[kind]).toSorted()).toEqual(fields.map(([path]) => path.replace(/^\./, '')).toSorted());
  });

  test('a record becomes a map of one schema', () => {
    expect(toStructural({ type: 'object', patternProperties: { '^(.*)$': { type: 'string' } } })).toEqual({
      type: 'object',
      additionalProperties: { type: 'string' },
    });
  });
});
