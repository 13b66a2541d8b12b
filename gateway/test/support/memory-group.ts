// A control group of the kernel with a memory limit, as a pod has one: for root on Linux, version 2 or 1.
import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export type MemoryGroup = {
  /** A command that starts another one in the group: it enters before it has any memory. */
  readonly under: readonly string[];
  /** Memory of the group's processes that the kernel cannot take back: not what it caches of files for them. */
  anonymousBytes(): Promise<number>;
  /** Processes that the kernel ended because the limit left no other way. */
  kills(): Promise<number>;
  /** Waits until the group is empty. */
  remove(): Promise<void>;
};

const flavours = [
  { root: '/sys/fs/cgroup', sign: 'cgroup.controllers', limit: 'memory.max', anonymous: /^anon (\d+)/m, events: 'memory.events' },
  {
    root: '/sys/fs/cgroup/memory',
    sign: 'memory.limit_in_bytes',
    limit: 'memory.limit_in_bytes',
    anonymous: /^total_rss (\d+)/m,
    events: 'memory.oom_control',
  },
];

/** Opens a group with this limit; undefined where there can be none. */
export const openMemoryGroup = async (limitBytes: number): Promise<MemoryGroup | undefined> => {
  for (const { root, sign, limit, anonymous, events } of flavours) {
    const folder = join(root, `offloader-${process.pid}-${Date.now()}`);
    try {
      await access(join(root, sign));
      await mkdir(folder);
    } catch {
      continue;
    }
    const number = async (file: string, pattern: RegExp): Promise<number> =>
      Number(pattern.exec(await readFile(join(folder, file), 'utf8'))?.[1] ?? 0);
    try {
      await writeFile(join(folder, limit), String(limitBytes));
    } catch {
      // The memory controller is not ours to use.
      await rmdir(folder);
      continue;
    }
    return {
      under: ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', join(folder, 'cgroup.procs')],
      anonymousBytes: async () => number('memory.stat', anonymous),
      kills: async () => number(events, /^oom_kill (\d+)/m),
      remove: async () => {
        for (let attempt = 1; ; attempt += 1)
          try {
            return await rmdir(folder);
          } catch (error) {
            if (attempt >= 100) throw error;
            await pause(50);
          }
      },
    };
  }
  return undefined;
};
