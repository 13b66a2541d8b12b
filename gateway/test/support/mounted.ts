// The configuration as the operator writes it, in a folder as a kubelet mounts it: all files change at once, behind a link.
import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuthMode, encodeBundle, mounted } from '@offloader/contract';
import { bundleOf } from './compiled.ts';

export type Files = ReadonlyMap<string, Uint8Array>;

/** What the operator writes of these resources as its `sequence`-th write, with the snapshots that it has released. */
export const partsOf = (
  resources: readonly unknown[],
  sequence = 1,
  auth: AuthMode = 'required',
  releases: Readonly<Record<string, string>> = {},
  tokens: Parameters<typeof bundleOf>[3] = {},
): Files => {
  const { index, config, keys, credentials } = encodeBundle(bundleOf(resources, auth, releases, tokens), {}, sequence);
  return new Map([
    ...config.map((bytes, n) => [mounted.part(n), bytes] as const),
    [mounted.keys, keys],
    [mounted.credentials, credentials],
    [mounted.index, Buffer.from(JSON.stringify(index))],
  ]);
};

/** Makes the folder show exactly these files. */
export const mountParts = async (folder: string, files: Files): Promise<void> => {
  const data = `..${process.hrtime.bigint()}`;
  await mkdir(join(folder, data), { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(folder, data, name), bytes);
  const before = await readdir(folder);
  await symlink(data, join(folder, '..next'));
  await rename(join(folder, '..next'), join(folder, '..data'));
  for (const name of files.keys()) if (!before.includes(name)) await symlink(join('..data', name), join(folder, name));
  const gone = before.filter((name) => name !== '..data' && name !== data && !files.has(name));
  await Promise.all(gone.map(async (name) => rm(join(folder, name), { recursive: true })));
};
