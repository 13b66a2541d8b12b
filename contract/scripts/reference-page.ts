/** The reference of the three kinds as a page: every field with its type, its bounds and what it means, as the CRDs say. */
import { customResourceDefinition } from '../src/crd.ts';
import { apiVersion, type Kind, kinds } from '../src/names.ts';

type Schema = {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly default?: string | number | boolean | object;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[];
};

type Definition = { readonly spec: { readonly versions: readonly [{ readonly schema: { readonly openAPIV3Schema: Schema } }] } };

/** The whole page. */
export const referencePage = (): string => `# Reference of the three kinds
Every field of \`${apiVersion}\`, as \`kubectl explain datasets.spec.source\` tells it too. [The contract](contract.md) has an example of each kind.

<!-- Generated from contract/src/resources by \`npm run generate\`. Do not edit. -->

${(Object.keys(kinds) as Kind[]).map(kindSection).join('\n\n')}
`;

const kindSection = (kind: Kind): string => {
  const { spec: definition } = customResourceDefinition(kind) as Definition;
  const schema = definition.versions[0].schema.openAPIV3Schema;
  const { spec, status } = schema.properties ?? {};
  return `## ${kind}
${schema.description ?? ''} Short name \`${kinds[kind].shortName}\`, category \`offloader\`.

### ${kind}: spec
${fieldTable(spec)}

The API server also refuses what breaks one of these rules, and says so:

${refusals(schema)
  .map((message) => `- ${message}`)
  .join('\n')}

### ${kind}: status
${fieldTable(status)}`;
};

const fieldTable = (schema: Schema | undefined): string =>
  ['| field | type | meaning |', '| --- | --- | --- |', ...rows(schema ?? {}, '')].join('\n');

const rows = (schema: Schema, path: string): readonly string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = `${path}${name}`;
    const facts = [typeOf(field), ...(schema.required?.includes(name) === true ? ['required'] : []), ...boundsOf(field)];
    const row = `| \`${at}\` | ${facts.join(', ')} | ${cell(field.description ?? '')} |`;
    return [row, ...rows(field, `${at}.`), ...rows(field.items ?? {}, `${at}[].`)];
  });

const typeOf = ({ type, enum: members, items, additionalProperties }: Schema): string => {
  if (members !== undefined) return members.map((member) => `\`${member}\``).join(' ');
  if (type === 'array') return `list of ${items?.type === 'array' ? 'lists' : items?.type === 'object' ? 'objects' : typeOf(items ?? {})}`;
  if (additionalProperties !== undefined) return 'map of texts';
  return { string: 'text', integer: 'integer', number: 'number', boolean: 'true or false', object: 'object' }[type ?? ''] ?? 'any scalar';
};

const boundsOf = ({ minimum, maximum, maxItems, maxLength, default: fallback, enum: members }: Schema): readonly string[] => [
  ...(minimum === undefined ? [] : [`at least ${String(minimum)}`]),
  ...(maximum === undefined ? [] : [`at most ${String(maximum)}`]),
  ...(maxItems === undefined ? [] : [`at most ${String(maxItems)}`]),
  ...(maxLength === undefined || members !== undefined ? [] : [`at most ${String(maxLength)} characters`]),
  ...(fallback === undefined || typeof fallback === 'object' ? [] : [`default \`${String(fallback)}\``]),
];

/** The messages of all rules, each once, from the outside in. */
const refusals = (schema: Schema): readonly string[] => [
  ...new Set([
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => cell(message)),
    ...Object.values(schema.properties ?? {}).flatMap(refusals),
    ...(schema.items === undefined ? [] : refusals(schema.items)),
  ]),
];

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('_', '\\_');
