/** Writes crds/*.yaml and the chart's copies from the schemas; with --check it writes nothing and fails when a file differs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../src/crd.ts';
import { type Kind, kinds } from '../src/names.ts';
import { endpointDefaultsPolicy } from '../src/policy.ts';

/** A chart can only carry what lies inside it, so it has copies. */
const folders = ['../../crds/', '../../helm/offloader/files/crds/'].map((path) => new URL(path, import.meta.url));
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

const files = new Map([
  ...(Object.keys(kinds) as Kind[]).map((kind): [string, string] => [
    `${kinds[kind].plural}.yaml`,
    textOf('resources', [customResourceDefinition(kind)]),
  ]),
  ['endpoint-defaults.yaml', textOf('policy.ts', endpointDefaultsPolicy)],
]);

for (const folder of folders) mkdirSync(folder, { recursive: true });
const differing = [...files].filter(([name, text]) => {
  const stale = folders.map((folder) => new URL(name, folder)).filter((file) => readOr(file) !== text);
  if (!process.argv.includes('--check')) for (const file of stale) writeFileSync(file, text);
  return stale.length > 0;
});
if (process.argv.includes('--check') && differing.length > 0) {
  process.stderr.write(
    `crds/ or the chart's copies differ from the schemas in ${differing.map(([name]) => name).join(', ')}; run npm run generate\n`,
  );
  process.exitCode = 1;
}
