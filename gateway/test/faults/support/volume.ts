// What lies on a cache volume that must not, and which processes are left of a gateway.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

type Index = { datasets: Record<string, { active: string | null; kept: string[] }> };

export const readIndex = async (cacheDir: string): Promise<Index> =>
  JSON.parse(await readFile(join(cacheDir, 'index.json'), 'utf8')) as Index;

/** Loads that the index does not name, unfinished files, scratch files. */
export const orphansOn = async (cacheDir: string): Promise<readonly string[]> => {
  const { datasets } = await readIndex(cacheDir);
  const named = Object.entries(datasets).flatMap(([name, { active, kept }]) => [active, ...kept].map((id) => `snapshots/${name}/${id}`));
  const found = await readdir(cacheDir, { recursive: true, withFileTypes: true }).catch(() => null);
  // Looked at again and again by whoever waits that it ends.
  if (found === null) return ['a folder that is being removed'];
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(cacheDir.length + 1))
    .filter((path) => {
      if (path.endsWith('.tmp') || path.startsWith('tmp/')) return true;
      if (!path.startsWith('snapshots/')) return false;
      return !named.some((folder) => path === `${folder}/data.duckdb` || path === `${folder}/snapshot.json`);
    });
};

/** Whether a process runs; one that has ended and waits to be reaped does not. */
export const isRunning = async (pid: number): Promise<boolean> => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Where there is no /proc, they are reaped at once.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) [ZX] /.test(stat);
};

/** Waits until a list is empty, for so long; what is left then is what it gives. */
export const left = async (list: () => readonly string[] | Promise<readonly string[]>, patienceMs: number): Promise<readonly string[]> => {
  const givesUpAt = performance.now() + patienceMs;
  for (;;) {
    const found = await list();
    if (found.length === 0 || performance.now() > givesUpAt) return found;
    await pause(50);
  }
};

/** How a dataset's attempts have ended so far, as its gateway logged them: `a2 ok`, `a3 failed`. */
export const attemptsIn = (lines: readonly string[], dataset: string): readonly string[] =>
  lines
    .filter((line) => line.includes('"refresh_ended"'))
    .map((line) => JSON.parse(line) as { dataset: string; snapshotId: string | null; status: string })
    .filter((one) => one.dataset === dataset)
    .map(({ snapshotId, status }) => `${snapshotId} ${status}`);
