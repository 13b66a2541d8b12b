/** The last configuration that was applied, kept on the cache volume for a restart with a bad one. Credentials are not kept. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bundle, type LoadedConfig, revisionOf } from '@offloader/contract';
import { readJson, writeDurably } from '../durable-file.ts';

/** Of the file; an image that knows another one starts without it. */
const format = 1;
const fileOf = (cacheDir: string): string => join(cacheDir, 'config', 'last-good.json');

export const keepLastGood = async (cacheDir: string, { bundle, sequence }: LoadedConfig): Promise<void> => {
  await mkdir(join(cacheDir, 'config'), { recursive: true });
  // Hashes of keys stand in it: only this user reads it.
  await writeDurably(fileOf(cacheDir), JSON.stringify({ format, bundle, sequence }), 0o600);
};

/** The kept configuration when it is of our form and its digest holds, else undefined. */
export const readLastGood = async (cacheDir: string): Promise<LoadedConfig | undefined> => {
  try {
    const kept = (await readJson(fileOf(cacheDir))) as { format: unknown; bundle: Bundle; sequence: number };
    const { bundle, sequence } = kept;
    const { revision, ...content } = bundle;
    const isWhole = kept.format === format && revisionOf(content) === revision;
    return isWhole ? { bundle, sequence, credentials: {} } : undefined;
  } catch {
    return undefined;
  }
};
