/** file:// sources. Symbolic links are resolved: nothing outside the dataset's own folders is ever read. */
import { createReadStream } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CompiledSource, err, ok, type Problem, type Result } from '@offloader/contract';
import type { ObjectStore, ReadResult } from '../snapshots/object-store.ts';
import { writeStream } from './write-file.ts';

const pathOf = (url: string): string => fileURLToPath(new URL(url));
const missing: Problem = { code: 'missing_file', path: '', message: 'the file does not exist' };

const problemOf = (error: unknown): Problem => {
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
  if (code === 'EACCES' || code === 'EPERM')
    return { code: 'source_credentials_rejected', path: '', message: 'the file may not be read by this process' };
  return { code: 'source_failed', path: '', message: `reading failed (${typeof code === 'string' ? code : 'unknown error'})` };
};

const attempt = async <T>(work: () => Promise<Result<T, Problem>>): Promise<Result<T, Problem>> => {
  try {
    return await work();
  } catch (error) {
    return err(problemOf(error));
  }
};

export const fileStore = (source: CompiledSource): ObjectStore => {
  /** The real path, or a problem when a link leads out of the manifest's folder and the allowed roots. */
  const inside = async (url: string): Promise<Result<string, Problem>> => {
    const real = await realpath(pathOf(url));
    const folders = [dirname(pathOf(source.url)), ...source.allowedRoots.filter((root) => root.startsWith('file://')).map(pathOf)];
    for (const folder of folders) {
      const root = await realpath(folder).catch(() => null);
      if (root !== null && real.startsWith(root.endsWith(sep) ? root : root + sep)) return ok(real);
    }
    return err({
      code: 'root_not_allowed',
      path: '',
      message: "the file lies outside the manifest's folder",
      hint: 'a link may not lead out of it',
    });
  };
  return {
    read: async (url, etag) =>
      attempt<ReadResult>(async () => {
        const path = await inside(url);
        if (!path.ok) return path;
        const { mtimeNs, size, ino } = await stat(path.value, { bigint: true });
        const tag = `${mtimeNs}-${size}-${ino}`;
        return tag === etag ? ok({ kind: 'unchanged' }) : ok({ kind: 'read', bytes: await readFile(path.value), etag: tag });
      }),
    download: async (url, toFile, expectedBytes, signal) =>
      attempt(async () => {
        const path = await inside(url);
        return path.ok ? writeStream(createReadStream(path.value), toFile, expectedBytes, signal) : path;
      }),
    list: async (prefix) =>
      attempt(async () => {
        const path = pathOf(prefix);
        const [folder, start] = prefix.endsWith('/') ? [path, ''] : [dirname(path), basename(path)];
        const names = (await readdir(folder)).filter((name) => name.startsWith(start));
        return ok(
          await Promise.all(
            names.map(async (name) => ({
              url: `file://${join(folder, name)}`,
              updatedAt: (await stat(join(folder, name))).mtime.toISOString(),
            })),
          ),
        );
      }),
  };
};
