/** Publishes into a local folder. A reader never sees half a file: each is written beside its place, synced, then renamed. */
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import type { Target } from './target.ts';

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';

/** A folder as a target; it is made when it does not exist. */
export const localFolder = (folder: string): Target => {
  const put = async (path: string, write: (temporary: string) => Promise<void>): Promise<Result<null, string>> => {
    const final = join(folder, path);
    const temporary = join(dirname(final), `.${String(process.pid)}-${path.split('/').at(-1) ?? ''}.tmp`);
    try {
      await mkdir(dirname(final), { recursive: true });
      await write(temporary);
      await sync(temporary);
      await rename(temporary, final);
      await sync(dirname(final));
      return ok(null);
    } catch (error) {
      await rm(temporary, { force: true });
      return err(`${final}: ${code(error)}`);
    }
  };
  return {
    name: folder,
    readText: async (path) => {
      try {
        return ok(await readFile(join(folder, path), 'utf8'));
      } catch (error) {
        return code(error) === 'ENOENT' ? ok(null) : err(`${join(folder, path)}: ${code(error)}`);
      }
    },
    putFile: (path, source) => put(path, (temporary) => copyFile(source, temporary)),
    putText: (path, text) => put(path, (temporary) => writeFile(temporary, text)),
  };
};

const sync = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
