/** Holds a manifest against the local files that it names: they are there, of that size, and a CSV header has the declared columns. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checkCsvHeader, isUnderRoot, resolveFileUrl } from '@offloader/contract';
import type { Problem, SoundFields, SoundFile } from '@offloader/contract';
import { inspectFiles } from './publish/inspect-files.ts';

type At = { readonly manifestUrl: string; readonly index: number };

/** Problems of the local files of a manifest; remote files are not probed. */
export const checkLocalFiles = async (manifest: SoundFields, path: string): Promise<readonly Problem[]> => {
  const manifestUrl = pathToFileURL(resolve(path)).href;
  const problems: Problem[] = [];
  for (const [index, file] of manifest.files.entries()) problems.push(...(await checkFile(manifest, file, { manifestUrl, index })));
  return problems;
};

const checkFile = async (manifest: SoundFields, file: SoundFile | null, { manifestUrl, index }: At): Promise<readonly Problem[]> => {
  const at = `files[${index}]`;
  // An absent path, or one that is no text, is a finding of its own already.
  if (file === null) return [];
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
    ...(file.format === 'csv' ? await checkHeader(manifest, { absolute, path: file.path, sizeBytes }, index) : []),
  ];
};

const checkSize = ({ size_bytes: stated }: SoundFile, sizeBytes: number, at: string): readonly Problem[] =>
  stated === undefined || stated === sizeBytes
    ? []
    : [{ code: 'size_mismatch', path: `${at}.size_bytes`, message: `the file has ${sizeBytes} bytes, the manifest says ${stated}` }];

const checkHeader = async (
  { schema }: SoundFields,
  file: { readonly absolute: string; readonly path: string; readonly sizeBytes: number },
  index: number,
): Promise<readonly Problem[]> => {
  if (schema === undefined) return [];
  const inspected = await inspectFiles([{ ...file, format: 'csv' }]);
  if (!inspected.ok) return [{ code: 'corrupt_file', path: `files[${index}]`, message: 'cannot be read as CSV' }];
  return checkCsvHeader(
    inspected.value.flatMap(({ columns }) => columns.map(({ name }) => name)),
    schema,
    index,
  );
};
