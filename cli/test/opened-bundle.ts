/** A support bundle, unpacked. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { extract } from 'tar';
import type { BundleManifest } from '../src/support/archive.ts';

export type OpenedBundle = { readonly files: ReadonlyMap<string, string>; readonly manifest: BundleManifest };

/** Every file in it, by its path. */
export const openBundle = async (archive: string): Promise<OpenedBundle> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-opened-'));
  try {
    await extract({ file: archive, cwd: folder });
    const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const read = entries.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [relative(folder, path), await readFile(path, 'utf8')] as const;
    });
    const files = new Map(await Promise.all(read));
    return { files, manifest: JSON.parse(files.get('manifest.json') ?? '') as BundleManifest };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** What the manifest must say of the files that are there, counted anew. */
export const countedFiles = ({ files }: OpenedBundle): readonly { path: string; bytes: number; sha256: string }[] =>
  [...files]
    .filter(([path]) => path !== 'manifest.json')
    .map(([path, text]) => ({ path, bytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
