/** Holds a manifest against the local files that it names: they are there, of that size, and a CSV header has the declared columns. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isUnderRoot, resolveFileUrl } from '@offloader/contract';
import type { Manifest, Problem } from '@offloader/contract';
import { inspectFiles } from './publish/inspect-files.ts';

/** Problems of the local files of a manifest; remote files are not probed. */
export const checkLocalFiles = async (manifest: Manifest, path: string): Promise<readonly Problem[]> => {
  const manifestUrl = pathToFileURL(resolve(path)).href;
  const checks = manifest.files.map((file, index) => checkFile(manifest, file, { manifestUrl, at: `files[${index}]` }));
  return (await Promise.all(checks)).flat();
};

const checkFile = async (
  manifest: Manifest,
  file: Manifest['files'][number],
  { manifestUrl, at }: { readonly manifestUrl: string; readonly at: string },
): Promise<readonly Problem[]> => {
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
  const size: readonly Problem[] =
    sizeBytes === file.size_bytes
      ? []
      : [
          {
            code: 'size_mismatch',
            path: `${at}.size_bytes`,
            message: `the file has ${sizeBytes} bytes, the manifest says ${file.size_bytes}`,
          },
        ];
  return file.format === 'csv' ? [...size, ...(await checkHeader(manifest, { absolute, path: file.path, sizeBytes }, at))] : size;
};

const checkHeader = async (
  manifest: Manifest,
  file: { readonly absolute: string; readonly path: string; readonly sizeBytes: number },
  at: string,
): Promise<readonly Problem[]> => {
  const inspected = await inspectFiles([{ ...file, format: 'csv' }]);
  if (!inspected.ok) return [{ code: 'corrupt_file', path: `${at}.path`, message: 'cannot be read as CSV' }];
  const header = new Set(inspected.value.flatMap(({ columns }) => columns.map(({ name }) => name)));
  const declared = new Set(manifest.schema.map(({ name }) => name));
  const differing = [...header, ...declared].filter((name) => !header.has(name) || !declared.has(name)).sort();
  if (differing.length === 0) return [];
  return [{ code: 'schema_data_mismatch', path: `${at}.path`, message: `header and schema differ in: ${differing.join(', ')}` }];
};
