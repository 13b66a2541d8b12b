/** file:// sources. Symbolic links are resolved: nothing outside the dataset's own folders is ever read. */
import { createReadStream } from 'node:fs';
import { access, constants, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type CompiledSource, err, ok, type Problem, type Result } from '@offloader/contract';
import { sizeMismatch } from './download.ts';
import type { Place } from './place.ts';
import { storeProblem } from './problems.ts';

/** On a disk `?` and `#` are letters like others. */
const pathOf = (url: string): string => fileURLToPath(new URL(url.replace(/[?#]/g, encodeURIComponent)));
const missing: Problem = { code: 'missing_file', path: '', message: 'the file does not exist' };

const problemOf = (error: unknown): Problem => {
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') return missing;
  if (code === 'EACCES' || code === 'EPERM')
    return {
      ...missing,
      message: 'the file may not be read by this process',
      hint: `give user ${process.getuid?.() ?? 'of the gateway'} the right to`,
    };
  return { code: 'source_failed', path: '', message: `reading failed (${typeof code === 'string' ? code : 'unknown error'})` };
};

const attempt = async <T>(work: () => Promise<Result<T, Problem>>): Promise<Result<T, Problem>> => {
  try {
    return await work();
  } catch (error) {
    return err(problemOf(error));
  }
};

type Found = { readonly path: string; readonly size: number; readonly version: string };

export type FilePlace = Place & { find(url: string): Promise<Result<Found, Problem>> };

export const filePlace = (source: CompiledSource): FilePlace => {
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
  const find = async (url: string): Promise<Result<Found, Problem>> =>
    attempt(async () => {
      const path = await inside(url);
      if (!path.ok) return path;
      const found = await stat(path.value, { bigint: true });
      const { mtimeNs, size, ino } = found;
      await access(path.value, constants.R_OK);
      return found.isFile() ? ok({ path: path.value, size: Number(size), version: `${mtimeNs}-${size}-${ino}` }) : err(missing);
    });
  return {
    find,
    open: async (url, wanted) => {
      const found = await find(url);
      if (!found.ok) return found;
      const { path, size, version } = found.value;
      if (wanted.kind === 'newer' && wanted.than === version) return ok({ kind: 'unchanged' });
      if (wanted.kind === 'rest' && wanted.of !== version) return err(storeProblem({ status: 412 }));
      const start = wanted.kind === 'rest' ? wanted.from : 0;
      return ok({ kind: 'opened', body: createReadStream(path, { start }), start, size, version });
    },
    list: async (prefix) =>
      attempt(async () => {
        const path = pathOf(prefix);
        const [folder, start] = prefix.endsWith('/') ? [path, ''] : [dirname(path), basename(path)];
        const names = (await readdir(folder)).filter((name) => name.startsWith(start));
        return ok(
          await Promise.all(
            names.map(async (name) => ({
              url: pathToFileURL(join(folder, name)).href,
              updatedAt: (await stat(join(folder, name))).mtime.toISOString(),
            })),
          ),
        );
      }),
  };
};

/** What is wrong with a file on this machine, told before anything is read. */
export const probeFile =
  (place: FilePlace) =>
  async (url: string, expectedBytes: number | null): Promise<Problem | null> => {
    const found = await place.find(url);
    if (!found.ok) return found.error;
    return expectedBytes === null || found.value.size === expectedBytes ? null : sizeMismatch(expectedBytes, found.value.size);
  };
