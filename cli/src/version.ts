/** The version of this package, read from the nearest package.json that carries its name (sources and dist lie at different depths). */
import { readFileSync } from 'node:fs';

const read = (path: string): { name?: string; version?: string } => {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { name?: string; version?: string };
  } catch {
    return {};
  }
};

export const version: string =
  ['../package.json', '../../package.json'].map(read).find((found) => found.name === '@offloader/cli')?.version ?? 'unknown';
