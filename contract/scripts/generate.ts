/** Writes crds/*.yaml, the chart's copies and docs/reference.md from the schemas; with --check it writes nothing and fails when a file differs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../src/crd.ts';
import { type Kind, kinds } from '../src/names.ts';
import { endpointDefaultsPolicy } from '../src/policy.ts';
import { referencePage } from './reference-page.ts';

const root = new URL('../../', import.meta.url);
/** A chart can only carry what lies inside it, so it has copies. */
const folders = ['crds/', 'helm/offloader/files/crds/'].map((path) => new URL(path, root));
const readOr = (file: URL): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};
const textOf = (source: string, objects: readonly object[]): string =>
  `# Generated from contract/src/${source} by \`npm run generate\`. Do not edit.\n` +
  objects.map((object) => stringify(object, { lineWidth: 140, aliasDuplicateObjects: false })).join('---\n');

const crds = [
  ...(Object.keys(kinds) as Kind[]).map((kind): [string, string] => [
    `${kinds[kind].plural}.yaml`,
    textOf('resources', [customResourceDefinition(kind)]),
  ]),
  ['endpoint-defaults.yaml', textOf('policy.ts', endpointDefaultsPolicy)],
] as const;
const files: readonly (readonly [file: URL, text: string])[] = [
  ...folders.flatMap((folder) => crds.map(([name, text]) => [new URL(name, folder), text] as const)),
  [new URL('docs/reference.md', root), referencePage()],
];

for (const folder of folders) mkdirSync(folder, { recursive: true });
const differing = files.filter(([file, text]) => readOr(file) !== text);
if (!process.argv.includes('--check')) for (const [file, text] of differing) writeFileSync(file, text);
else if (differing.length > 0) {
  const names = differing.map(([file]) => file.pathname.slice(root.pathname.length));
  process.stderr.write(`${names.join(', ')} differ from the schemas; run npm run generate\n`);
  process.exitCode = 1;
}
