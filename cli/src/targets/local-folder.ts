/** Publishes into a local folder. A reader never sees half a file: each is written beside its place, synced, then renamed. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { ioProblem } from '../io-problem.ts';
import type { Target } from './target.ts';

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
      return err(`${final}: cannot be written: ${ioProblem(error)}`);
    }
  };
  return {
    name: folder,
    readText: async (path) => {
      try {
        return ok(await readFile(join(folder, path), 'utf8'));
      } catch (error) {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        return isMissing ? ok(null) : err(`${join(folder, path)}: cannot be read: ${ioProblem(error)}`);
      }
    },
    has: async (path) => ok(existsSync(join(folder, path))),
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
