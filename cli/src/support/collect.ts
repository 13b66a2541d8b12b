/** What a support bundle is made of: redacted files, each with where it came from, and what could not be had. */
import { readFile, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { get, getAdmin, adminUrl } from '../admin-client.ts';
import { renderIncidents } from '../commands/triage.ts';
import { ioProblem } from '../io-problem.ts';
import { redact, redactValue } from '../redact.ts';
import type { Incident } from '@offloader/contract';

export type Piece = { readonly path: string; readonly source: string; readonly text: string };
export type Missing = { readonly what: string; readonly why: string };
export type Collected = { readonly pieces: readonly Piece[]; readonly missing: readonly Missing[] };

/** Every YAML and JSON file of a project folder, redacted. */
export const collectConfig = async (folder: string): Promise<Collected> => {
  const pieces: Piece[] = [];
  const missing: Missing[] = [];
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    const files = entries
      .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/i.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) {
      const path = relative(folder, file).split(sep).join('/');
      if (/(^|\/)(node_modules|\.git)\//.test(path)) continue;
      pieces.push({ path: `config/${path}`, source: path, text: redactFile(path, await readFile(file, 'utf8')) });
    }
  } catch (error) {
    missing.push({ what: `config ${folder}`, why: ioProblem(error) });
  }
  return { pieces, missing };
};

/** One file's text without secrets; a Kubernetes Secret loses everything that it holds. Pure. */
export const redactFile = (path: string, text: string): string => {
  if (/\.json$/i.test(path)) return redactJson(text);
  if (!/^["']?kind["']?:\s*["']?Secret\b/m.test(text) && !/[{,]\s*["']?kind["']?:\s*["']?Secret\b/.test(text)) return redact(text);
  const documents = parseAllDocuments(text);
  if (documents.some(({ errors }) => errors.length > 0)) return '# left out: it holds a Secret and is not valid YAML\n';
  return redact(documents.map((document) => stringify(redactValue(document.toJS()))).join('---\n'));
};

/** JSON without secrets; text that only looks like JSON is redacted as text. Pure. */
export const redactJson = (text: string): string => {
  try {
    return `${JSON.stringify(redactValue(JSON.parse(text)), null, 2)}\n`;
  } catch {
    return redact(text);
  }
};

/** What the admin port tells everybody, and the file that it goes to. */
const openPaths = [
  ['/metrics', 'metrics.txt'],
  ['/status', 'status.json'],
  ['/ready', 'ready.json'],
] as const;

/** What a gateway says of itself: report, metrics, status, and the verdict of triage. */
export const collectGateway = async (base: string, token: string | undefined): Promise<Collected> => {
  const pieces: Piece[] = [];
  const missing: Missing[] = [];
  const add = (path: string, source: string, text: string): void => {
    pieces.push({ path, source, text });
  };
  // All at once: a gateway that does not answer is waited for once.
  const [diagnostics, ...answers] = await Promise.all([
    getAdmin(base, '/diagnostics', token),
    ...openPaths.map(([path]) => get(adminUrl(base, path))),
  ]);
  if (diagnostics.ok && diagnostics.value.status === 200) {
    add('diagnostics.json', '/diagnostics', redactJson(diagnostics.value.text));
    add('triage.txt', 'triage of /diagnostics', redact(`${renderIncidents(incidentsOf(diagnostics.value.text)).join('\n')}\n`));
  } else {
    missing.push({ what: '/diagnostics', why: diagnostics.ok ? `status ${diagnostics.value.status}` : diagnostics.error });
  }
  for (const [at, answer] of answers.entries()) {
    const [path, file] = openPaths[at] ?? ['', ''];
    // /ready answers 503 with a body that is worth having.
    if (answer.ok && [200, 503].includes(answer.value.status))
      add(file, path, file.endsWith('.json') ? redactJson(answer.value.text) : redact(answer.value.text));
    else missing.push({ what: path, why: answer.ok ? `status ${answer.value.status}` : answer.error });
  }
  return { pieces, missing };
};

const incidentsOf = (text: string): readonly Incident[] => {
  try {
    return (JSON.parse(text) as { incidents?: readonly Incident[] }).incidents ?? [];
  } catch {
    return [];
  }
};
