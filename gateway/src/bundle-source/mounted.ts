/** The configuration that the operator writes: an index and the parts it names, mounted as files. */
import { readFile } from 'node:fs/promises';
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
  let failed = 0;
  return {
    pollMs,
    read: async () => {
      const result = await read();
      // Parts that have not arrived yet make another look worth while though the index has not changed.
      failed = result.ok ? 0 : failed + 1;
      return result;
    },
    mark: async () => `${await readFile(index, 'utf8').catch(() => '')} ${failed}`,
  };
};
