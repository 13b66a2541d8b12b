/** Writes crds/*.yaml and the chart's copies from the schemas; with --check it writes nothing and fails when a file differs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../src/crd.ts';
import { type Kind, kinds } from '../src/names.ts';

/** A chart can only carry what lies inside it, so it has copies. */
const folders = ['../../crds/', '../../helm/offloader/files/crds/'].map((path) => new URL(path, import.meta.url));
const banner = '# Generated from contract/src/resources by `npm run generate`. Do not edit.\n';
const readOr = (file: URL): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

for (const folder of folders) mkdirSync(folder, { recursive: true });
const differing = (Object.keys(kinds) as Kind[]).filter((kind) => {
  const text = banner + stringify(customResourceDefinition(kind), { lineWidth: 140, aliasDuplicateObjects: false });
  const stale = folders.map((folder) => new URL(`${kinds[kind].plural}.yaml`, folder)).filter((file) => readOr(file) !== text);
  if (!process.argv.includes('--check')) for (const file of stale) writeFileSync(file, text);
  return stale.length > 0;
});
if (process.argv.includes('--check') && differing.length > 0) {
  process.stderr.write(`crds/ or the chart's copies differ from the schemas for ${differing.join(', ')}; run npm run generate\n`);
  process.exitCode = 1;
}
