/** Writes crds/*.yaml from the schemas; with --check it writes nothing and fails when a file differs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../src/crd.ts';
import { type Kind, kinds } from '../src/names.ts';

const folder = new URL('../../crds/', import.meta.url);
const banner = '# Generated from contract/src/resources by `npm run generate`. Do not edit.\n';
const readOr = (file: URL): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

mkdirSync(folder, { recursive: true });
const differing = (Object.keys(kinds) as Kind[]).filter((kind) => {
  const file = new URL(`${kinds[kind].plural}.yaml`, folder);
  const text = banner + stringify(customResourceDefinition(kind), { lineWidth: 140, aliasDuplicateObjects: false });
  if (readOr(file) === text) return false;
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  return true;
});
if (process.argv.includes('--check') && differing.length > 0) {
  process.stderr.write(`crds/ differs from the schemas for ${differing.join(', ')}; run npm run generate\n`);
  process.exitCode = 1;
}
