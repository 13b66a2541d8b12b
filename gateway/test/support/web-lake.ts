// A lake behind a web server that can be made to refuse, to wait or to end: a folder a dataset, all with the same snapshots.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLake, visits } from './lake.ts';
import { startWeb, type Web } from './web.ts';

type Manifest = Record<string, unknown>;
export type WebLake = Web & {
  /** Publishes snapshot `a<n>`, the manifest last; `change` edits it before. */
  publish(name: string, n: number, change?: (manifest: Manifest) => void): Promise<void>;
  urlOf(name: string): string;
};

export const startWebLake = async (rows = 1000): Promise<WebLake> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-web-'));
  const [lake, web] = [await createLake(), await startWeb(folder)];
  const made = new Set<number>();
  const { end } = web;
  return Object.assign(web, {
    urlOf: (name: string) => `${web.url}/lake/${name}/manifest.json`,
    publish: async (name: string, n: number, change?: (manifest: Manifest) => void) => {
      const id = `a${n}`;
      if (!made.has(n)) await lake.publish(id, visits(n, rows));
      made.add(n);
      const manifest = JSON.parse(await readFile(join(lake.folder, 'snapshots', id, 'manifest.json'), 'utf8')) as Manifest;
      const [file] = manifest['files'] as Manifest[];
      Object.assign(manifest, { dataset_id: name, files: [{ ...file, path: `snapshots/${id}/part-0.parquet` }] });
      change?.(manifest);
      await web.put(`${name}/snapshots/${id}/part-0.parquet`, await readFile(lake.fileOf(id)));
      await web.put(`${name}/manifest.json`, Buffer.from(JSON.stringify(manifest)));
    },
    end: async () => {
      await end();
      await lake.remove();
      await rm(folder, { recursive: true, force: true });
    },
  });
};
