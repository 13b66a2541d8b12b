/** Finds the data files of a folder: Parquet and CSV, with sub-folders, in a stable order. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

export type DataFile = {
  readonly absolute: string;
  /** Relative to the folder, with forward slashes: what stands in the manifest. */
  readonly path: string;
  readonly format: 'csv' | 'parquet';
  readonly sizeBytes: number;
};

const formats: Readonly<Record<string, DataFile['format']>> = { csv: 'csv', parquet: 'parquet' };

/** A manifest's paths become URLs, where these have a meaning of their own. */
export const unsafePath = (files: readonly DataFile[]): DataFile | undefined => files.find(({ path }) => /[%?#\\]/.test(path));

/** Every Parquet and CSV file under a folder. Hidden files and folders are work in progress by custom, and are left out. */
export const findDataFiles = async (folder: string): Promise<readonly DataFile[]> => {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const found: DataFile[] = [];
  for (const entry of entries) {
    const absolute = join(entry.parentPath, entry.name);
    const path = relative(folder, absolute).split(sep).join('/');
    const format = formats[entry.name.split('.').at(-1)?.toLowerCase() ?? ''];
    if (!entry.isFile() || format === undefined || /(^|\/)[._]/.test(path)) continue;
    found.push({ absolute, path, format, sizeBytes: (await stat(absolute)).size });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
};

/** SHA-256 of a file's bytes, in hex. */
export const digestOf = async (file: DataFile): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file.absolute), hash);
  return hash.digest('hex');
};
