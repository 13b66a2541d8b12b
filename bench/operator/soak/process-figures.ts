/** What /proc says of a process, and how much lies in a folder. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';

export type Figures = Readonly<Record<string, number>>;

const kibibytes = (status: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);

/** Nothing where there is no /proc, or the process has just gone. */
export const processFigures = async (pid: number): Promise<Figures> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  if (status === undefined) return {};
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const open = await Promise.all(descriptors.map(async (fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return {
    rssBytes: kibibytes(status, 'VmRSS') * 1024,
    threads: kibibytes(status, 'Threads'),
    descriptors: descriptors.length,
    snapshotsOpen: open.filter((path) => path.includes('/snapshots/')).length,
    deletedOpen: open.filter((path) => path.startsWith('/') && path.endsWith(' (deleted)')).length,
  };
};

/** A file that goes while it is counted is not there. */
export const folderFigures = async (folder: string): Promise<Figures> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => stat(join(parentPath, name)).then(({ size }) => size, () => 0)), // prettier-ignore
  );
  return { cacheFiles: files.length, cacheBytes: sizes.reduce((sum, size) => sum + size, 0) };
};
