/** Lays out an example for serving: its resources with the real place of the data instead of `file:///demo/`. */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Places } from './places.ts';

const placeholder = 'file:///demo/';

/** Starts from nothing: what an earlier run published and cached goes, prepared data files stay. */
export const layOut = async (places: Places, resources: string): Promise<void> => {
  for (const folder of [places.lake, places.config, places.cache]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  for (const file of await readdir(resources)) {
    const text = await readFile(join(resources, file), 'utf8');
    await writeFile(join(places.config, file), text.replaceAll(placeholder, `${pathToFileURL(places.lake).href}/`));
  }
};
