/** Reads a folder of resource manifests: every YAML file with its sub-folders, every document, with the file it stands in. */
import { readFile, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { group, kindOf, parseResource } from '@offloader/contract';
import type { Finding, Problem } from '@offloader/contract';

export type ResourceDocument = { readonly file: string; readonly raw: unknown };
export type ResourceFolder = { readonly documents: readonly ResourceDocument[]; readonly findings: readonly Finding[] };

/** Every object of our kinds under a folder; a file that is not YAML, or an object of no kind that anybody knows, is a finding. */
export const readResourceFolder = async (folder: string): Promise<ResourceFolder> => {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory() && /\.ya?ml$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const documents: ResourceDocument[] = [];
  const findings: Finding[] = [];
  for (const path of paths.sort()) {
    const file = relative(folder, path).split(sep).join('/');
    // ConfigMap mounts show everything a second time under ..data and its timestamped twin.
    if (/(^|\/)\./.test(file)) continue;
    const read = readDocuments(file, await readFile(path, 'utf8'));
    documents.push(...read.documents);
    findings.push(...read.findings);
  }
  return { documents, findings };
};

/** The documents of one file's text. Pure. */
export const readDocuments = (file: string, text: string): ResourceFolder => {
  const documents: ResourceDocument[] = [];
  const findings: Finding[] = [];
  for (const document of parseAllDocuments(text, { uniqueKeys: true })) {
    const [error] = document.errors;
    if (error !== undefined) {
      const line = error.linePos?.[0].line;
      findings.push({ file, path: line === undefined ? '' : `line ${line}`, code: 'invalid_yaml', message: error.code });
      continue;
    }
    const raw: unknown = document.toJS({ maxAliasCount: 100 });
    if (raw === null || raw === undefined) continue;
    if (isForeign(raw)) continue;
    if (kindOf(raw) !== undefined) documents.push({ file, raw });
    else findings.push(...unknownKind(raw).map((problem) => ({ ...problem, file })));
  }
  return { documents, findings };
};

/** Objects of other groups (a Secret, a Kustomization) may stand in the same folder; what claims no group at all is a mistake. */
const isForeign = (raw: unknown): boolean => {
  const { apiVersion } = raw as { apiVersion?: unknown };
  return typeof apiVersion === 'string' && !apiVersion.startsWith(`${group}/`);
};

const unknownKind = (raw: unknown): readonly Problem[] => {
  const parsed = parseResource(raw);
  return parsed.ok ? [] : parsed.error;
};
