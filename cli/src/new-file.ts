/** Writes files that a command makes: an existing file is replaced only when the user said so. */
import { access, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { ioProblem } from './io-problem.ts';

/** Writes one file, readable by its owner alone when it is private. */
export const writeNewFile = async (
  path: string,
  content: string | Uint8Array,
  options: { readonly force: boolean; readonly mode?: number },
): Promise<Result<null, string>> => {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, options.force ? 'w' : 'wx', options.mode ?? 0o644);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return ok(null);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    return err(isThere ? `${path}: exists already; --force replaces it` : `${path}: cannot be written: ${ioProblem(error)}`);
  }
};

/** The first of these paths that exists already: commands that write several files look before they write the first. */
export const anyExists = async (paths: readonly string[]): Promise<string | undefined> => {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
};
