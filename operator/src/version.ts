/** The operator's version, from its package.json; sources and compiled files lie at different depths below it. */
import { existsSync, readFileSync } from 'node:fs';

type PackageJson = { readonly name?: string; readonly version?: string };

const read = (path: string): PackageJson => {
  const file = new URL(path, import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as PackageJson) : {};
};

export const version: string =
  ['../package.json', '../../package.json'].map(read).find(({ name }) => name === '@offloader/operator')?.version ?? 'unknown';
