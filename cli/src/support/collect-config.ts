/** What a support bundle holds of a project folder: its YAML and JSON, redacted. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { ioProblem } from '../io-problem.ts';
import type { Collected, Missing, Piece } from './collect.ts';
import { redactFile } from './redact-file.ts';

/** Configuration is text that somebody wrote; what is larger is data. */
const maxBytes = 8 * 1024 ** 2;

/** Every file; also behind a link, as a mounted ConfigMap has them. What is left out or cannot be read is listed. */
export const collectConfig = async (folder: string): Promise<Collected> => {
  const pieces: Piece[] = [];
  const missing: Missing[] = [];
  const leaveOut = (path: string, why: string): number => missing.push({ what: `config/${path}`, why });
  for (const path of await filesIn(folder, (why) => missing.push({ what: `config ${folder}`, why }))) {
    const file = join(folder, path);
    try {
      const { size } = await stat(file);
      if (size > maxBytes) leaveOut(path, `${size} bytes are more than ${maxBytes}: left out as data`);
      else pieces.push({ path: `config/${path}`, source: path, text: redactFile(path, await readFile(file, 'utf8')) });
    } catch (error) {
      leaveOut(path, ioProblem(error));
    }
  }
  return { pieces, missing };
};

const filesIn = async (folder: string, fail: (why: string) => void): Promise<readonly string[]> => {
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && /\.(ya?ml|json)$/i.test(entry.name))
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .sort();
  } catch (error) {
    fail(ioProblem(error));
    return [];
  }
};
