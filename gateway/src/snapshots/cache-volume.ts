/** Whether the cache volume as a whole can be used: looked at again and again, mended where that can be done, told where not. */
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheVolume } from '@offloader/contract';
import type { Observe } from '../domain/observation.ts';
import { folders } from './layout.ts';

export type VolumeWatch = {
  status(): CacheVolume;
  /** Looks once, and mends what it can; true when what could not be used, or had gone, can be used again. */
  check(): Promise<boolean>;
};
type Fault = NonNullable<CacheVolume['reason']>;
type Ports = { readonly observe: Observe; readonly now: () => number; readonly patienceMs?: number };

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);
const gone = ['ENOENT', 'ENOTDIR'];
/** Full is not broken: reading works, and so does writing when something has gone. */
const full = ['ENOSPC', 'EDQUOT'];
/** A volume that answers nothing for so long, as one whose server has gone, answers nobody. */
const patience = 10_000;
/** One fault may pass by itself; the next look after an attempt to mend it is a verdict. */
const faultsUntilFailed = 2;

/** Written through: a disk that breaks says so at the sync, not at the write. */
const writeProbe = async (cacheDir: string): Promise<void> => {
  const handle = await open(join(cacheDir, '.probe'), 'w');
  try {
    await handle.writeFile('written to see whether this volume can be written\n');
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const lookAt = async (cacheDir: string): Promise<Fault | null> => {
  const { snapshots, tmp } = folders(cacheDir);
  try {
    for (const folder of [snapshots, tmp]) await readdir(folder);
  } catch (error) {
    return gone.includes(codeOf(error)) ? 'vanished' : 'unreadable';
  }
  try {
    await writeProbe(cacheDir);
    return null;
  } catch (error) {
    if (full.includes(codeOf(error))) return null;
    return gone.includes(codeOf(error)) ? 'vanished' : 'unwritable';
  }
};

/** Makes the folders anew where that is all that is wanted; a file in the place of one goes. */
export const makeFolders = async (cacheDir: string): Promise<void> => {
  const { snapshots, tmp } = folders(cacheDir);
  for (const folder of [snapshots, tmp])
    await mkdir(folder, { recursive: true }).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EEXIST') return;
      await rm(folder, { force: true }).catch(() => undefined);
      await mkdir(folder).catch(() => undefined);
    });
};

export const createVolumeWatch = (cacheDir: string, { observe, now, patienceMs = patience }: Ports): VolumeWatch => {
  let faults = 0;
  let fault: Fault | null = null;
  let sinceMs = 0;
  /** The look that still waits for an answer; no other is begun beside it. */
  let looking: Promise<Fault | null> | null = null;

  const status = (): CacheVolume =>
    fault !== null && faults >= faultsUntilFailed
      ? { status: 'failed', reason: fault, since: new Date(sinceMs).toISOString() }
      : { status: 'ok', reason: null, since: null };

  const look = async (): Promise<Fault | null> => {
    looking ??= lookAt(cacheDir).finally(() => (looking = null));
    const late = Promise.withResolvers<Fault>();
    const timer = setTimeout(() => late.resolve('unreadable'), patienceMs);
    return Promise.race([looking, late.promise]).finally(() => clearTimeout(timer));
  };

  return {
    status,
    check: async () => {
      const before = status();
      const wasFaulty = fault !== null;
      const found = await look();
      if (found === 'vanished') await makeFolders(cacheDir);
      fault = found === 'vanished' ? await look() : found;
      if (fault !== null && faults === 0) sinceMs = now();
      faults = fault === null ? 0 : faults + 1;
      const after = status();
      if (after.status !== before.status || after.reason !== before.reason)
        observe({ kind: 'cache_volume_changed', status: after.status, reason: after.reason });
      if (fault === null && found === 'vanished') observe({ kind: 'cache_volume_renewed' });
      return fault === null && (wasFaulty || found === 'vanished');
    },
  };
};
