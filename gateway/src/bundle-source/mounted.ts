/** The configuration that the operator writes: an index and the parts it names, mounted as files. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBundle, err, mounted } from '@offloader/contract';
import type { BundleSource } from './source.ts';

/** A look at one small file; the mount changes at once when the kubelet is nudged. */
const pollMs = 100;

export const mountedSource = (folder: string): BundleSource => {
  const index = join(folder, mounted.index);
  const read: BundleSource['read'] = async () => {
    try {
      const parsed = JSON.parse(await readFile(index, 'utf8')) as { parts?: { file?: unknown }[] };
      const files = new Map<string, Uint8Array>();
      for (const { file } of parsed.parts ?? [])
        // Names only, never a path out of the folder.
        if (typeof file === 'string' && /^[a-z0-9.-]+$/.test(file))
          files.set(file, await readFile(join(folder, file)).catch(() => new Uint8Array()));
      return decodeBundle(parsed, (file) => (files.get(file)?.length === 0 ? undefined : files.get(file)));
    } catch {
      return err(`${mounted.index} is missing or not JSON`);
    }
  };
  let failing = false;
  return {
    pollMs,
    isEditedInPlace: false,
    read: async () => {
      const result = await read();
      failing = !result.ok;
      return result;
    },
    // Parts that were missing may arrive though the index does not change; while all is well it comes last and says it all.
    mark: async () => `${await readFile(index, 'utf8').catch(() => '')} ${failing ? await stampOf(folder) : ''}`,
  };
};

/** Differs when any file may: the kubelet replaces all of them at once and points a link at them. */
const stampOf = async (folder: string): Promise<string> => readlink(join(folder, '..data')).catch(() => stampOfFiles(folder));

const stampOfFiles = async (folder: string): Promise<string> => {
  const names = await readdir(folder).catch(() => []);
  const stamps = names.toSorted().map(async (name) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return `${name}:${String(found?.mtimeMs)}:${String(found?.size)}:${String(found?.ino)}`;
  });
  return (await Promise.all(stamps)).join(' ');
};
