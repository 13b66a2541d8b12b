/** Holds a manifest against the local files that it names: they are there, of that size, and a CSV header has the declared columns. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isUnderRoot, resolveFileUrl } from '@offloader/contract';
import type { ManifestFile, Problem } from '@offloader/contract';
import { inspectFiles } from './publish/inspect-files.ts';

/** What the checks need of a manifest; what it does not have, or not in this form, is not checked. */
export type Checkable = {
  readonly schema?: readonly { readonly name: string }[] | undefined;
  readonly files: readonly (Pick<ManifestFile, 'path'> & Partial<ManifestFile>)[];
};
type At = { readonly manifestUrl: string; readonly index: number };

/** Problems of the local files of a manifest; remote files are not probed. */
export const checkLocalFiles = async (manifest: Checkable, path: string): Promise<readonly Problem[]> => {
  const manifestUrl = pathToFileURL(resolve(path)).href;
  const problems: Problem[] = [];
  for (const [index, file] of manifest.files.entries()) problems.push(...(await checkFile(manifest, file, { manifestUrl, index })));
  return problems;
};

/** The parts of a manifest's text that have the form which the checks need. Pure. */
export const readableParts = (text: string): Checkable => {
  try {
    const { files, schema } = JSON.parse(text) as { files?: unknown; schema?: unknown };
    const objects = (value: unknown): readonly object[] =>
      Array.isArray(value) ? value.map((entry: unknown) => (typeof entry === 'object' && entry !== null ? entry : {})) : [];
    const isNamed = (column: object): column is { name: string } => 'name' in column && typeof column.name === 'string';
    const columns = objects(schema);
    return {
      files: objects(files).map((file) => ({ path: '', ...file })),
      schema: columns.length > 0 && columns.every(isNamed) ? columns : undefined,
    };
  } catch {
    return { files: [] };
  }
};

const checkFile = async (
  manifest: Checkable,
  file: Checkable['files'][number],
  { manifestUrl, index }: At,
): Promise<readonly Problem[]> => {
  const at = `files[${index}]`;
  // An absent path, or one that is no text, is a finding of its own already.
  if (typeof file.path !== 'string' || file.path === '') return [];
  const url = resolveFileUrl(manifestUrl, file.path);
  if (!url.startsWith('file:')) return [];
  if (!isUnderRoot(url, new URL('.', manifestUrl).href)) {
    return [{ code: 'root_not_allowed', path: `${at}.path`, message: "lies outside the manifest's own folder" }];
  }
  const absolute = fileURLToPath(url);
  const sizeBytes = await stat(absolute).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );
  if (sizeBytes === undefined) return [{ code: 'missing_file', path: `${at}.path`, message: 'there is no such file' }];
  return [
    ...checkSize(file, sizeBytes, at),
    ...(file.format === 'csv' ? await checkHeader(manifest, { absolute, path: file.path, sizeBytes }, at) : []),
  ];
};

const checkSize = ({ size_bytes: stated }: Partial<ManifestFile>, sizeBytes: number, at: string): readonly Problem[] =>
  typeof stated !== 'number' || stated === sizeBytes
    ? []
    : [{ code: 'size_mismatch', path: `${at}.size_bytes`, message: `the file has ${sizeBytes} bytes, the manifest says ${stated}` }];

const checkHeader = async (
  { schema }: Checkable,
  file: { readonly absolute: string; readonly path: string; readonly sizeBytes: number },
  at: string,
): Promise<readonly Problem[]> => {
  if (schema === undefined) return [];
  const inspected = await inspectFiles([{ ...file, format: 'csv' }]);
  if (!inspected.ok) return [{ code: 'corrupt_file', path: `${at}.path`, message: 'cannot be read as CSV' }];
  const header = new Set(inspected.value.flatMap(({ columns }) => columns.map(({ name }) => name)));
  const declared = new Set(schema.map(({ name }) => name));
  const differing = [...header, ...declared].filter((name) => !header.has(name) || !declared.has(name)).sort();
  if (differing.length === 0) return [];
  return [{ code: 'schema_data_mismatch', path: `${at}.path`, message: `header and schema differ in: ${differing.join(', ')}` }];
};
