/** The last configuration that was applied, kept on the cache volume for a restart with a bad one. Credentials are not kept. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bundle, type LoadedConfig, revisionOf } from '@offloader/contract';
import { readJson, writeDurably } from '../durable-file.ts';

const fileOf = (cacheDir: string): string => join(cacheDir, 'config', 'last-good.json');

export const keepLastGood = async (cacheDir: string, { bundle, sequence }: LoadedConfig): Promise<void> => {
  await mkdir(join(cacheDir, 'config'), { recursive: true });
  // Hashes of keys stand in it: only this user reads it.
  await writeDurably(fileOf(cacheDir), JSON.stringify({ bundle, sequence }), 0o600);
};

/** The kept configuration when its digest holds, else undefined. */
export const readLastGood = async (cacheDir: string): Promise<LoadedConfig | undefined> => {
  try {
    const { bundle, sequence } = (await readJson(fileOf(cacheDir))) as { bundle: Bundle; sequence: number };
    const { revision, ...content } = bundle;
    const isWhole = revisionOf(content) === revision;
    return isWhole ? { bundle, sequence, credentials: {} } : undefined;
  } catch {
    return undefined;
  }
};
