// Datasets alike, each with a folder at the source, an endpoint of its name and the same snapshots; every row of snapshot
// `a<n>` carries n, so that a wrong or a mixed answer shows.
import { copyFile, mkdir, mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { apiKey, endpoint, removeUsed, visitsDataset } from '../../support/gateway.ts';
import { createLake, visits } from '../../support/lake.ts';

export type Manifest = { snapshot_id: string; row_count: number; files: { path: string; size_bytes: number; row_count: number }[] };
export type Fleet = {
  readonly names: readonly string[];
  readonly configDir: string;
  readonly cacheDir: string;
  /** Publishes `a<n>` for some datasets, the manifest last and by rename; `change` may break files or manifest before that. */
  publish(n: number, names?: readonly string[], change?: (name: string, manifest: Manifest, file: string) => Promise<void>): Promise<void>;
  folderOf(name: string): string;
  /** Writes the configuration: `spec` is laid over each dataset's; `others` stand beside their endpoints instead of the plain key. */
  configure(specOf?: (name: string) => Record<string, unknown>, others?: readonly unknown[]): Promise<void>;
  end(): Promise<void>;
};

export const createFleet = async (names: readonly string[], rows = 1000): Promise<Fleet> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-fleet-'));
  const [configDir, cacheDir] = [join(folder, 'config'), join(folder, 'cache')];
  await mkdir(configDir);
  await mkdir(cacheDir);
  const lake = await createLake();
  const folderOf = (name: string): string => join(folder, 'source', name);
  const made = new Set<number>();
  return {
    names,
    configDir,
    cacheDir,
    folderOf,
    publish: async (n, some = names, change) => {
      if (!made.has(n)) await lake.publish(`a${n}`, visits(n, rows));
      made.add(n);
      const original = await readFile(join(lake.folder, 'snapshots', `a${n}`, 'manifest.json'), 'utf8');
      for (const name of some) {
        const path = `snapshots/a${n}/part-0.parquet`;
        const file = join(folderOf(name), path);
        await mkdir(join(folderOf(name), 'snapshots', `a${n}`), { recursive: true });
        await copyFile(lake.fileOf(`a${n}`), file);
        const manifest = { ...(JSON.parse(original) as Manifest), dataset_id: name };
        manifest.files[0]!.path = path;
        await change?.(name, manifest, file);
        await writeFile(join(folderOf(name), 'manifest.tmp'), JSON.stringify(manifest));
        await rename(join(folderOf(name), 'manifest.tmp'), join(folderOf(name), 'manifest.json'));
      }
    },
    configure: async (specOf = () => ({}), others = [apiKey('acme')]) => {
      const resources = names.flatMap((name) => [
        { ...visitsDataset(`file://${join(folderOf(name), 'manifest.json')}`, specOf(name)), metadata: { name } },
        endpoint(name, { datasetRef: { name } }),
      ]);
      await writeFile(join(configDir, 'next'), [...resources, ...others].map((one) => stringify(one)).join('---\n'));
      await rename(join(configDir, 'next'), join(configDir, 'all.yaml'));
    },
    end: async () => {
      await lake.remove();
      // A gateway that has just been told to stop may still be removing what it no longer serves.
      await removeUsed(folder);
    },
  };
};
