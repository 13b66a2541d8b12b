/** Where the data of a soak lies: folders, and for the first dataset a bucket of MinIO that asks for credentials. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Lake, Store } from '../part-types.ts';
import { createLake, minio, minioKeys, startMinio, visits } from '../parts.ts';
import type { BadManifest } from './sequence.ts';

export const credentialsName = 'lake';
export const goodCredentials = minioKeys;
export const badCredentials = { ...minioKeys, secretAccessKey: 'somebody-elses-secret' };

type Manifest = Record<string, unknown>;
type File = Record<string, unknown>;
/** What makes a manifest one that is refused, or whose load is. */
const faults: Readonly<Record<BadManifest, (manifest: Manifest) => void>> = {
  rows: (manifest) => {
    const more = Number(manifest['row_count']) + 1;
    manifest['row_count'] = more;
    manifest['files'] = (manifest['files'] as readonly File[]).map((file) => ({ ...file, row_count: more }));
  },
  schema: (manifest) => {
    manifest['schema'] = [{ name: 'tenant_id', type: 'VARCHAR' }];
  },
  file: (manifest) => {
    manifest['files'] = (manifest['files'] as readonly File[]).map((file) => ({ ...file, path: 'snapshots/nowhere.parquet' }));
  },
  shape: (manifest) => {
    delete manifest['producer'];
  },
};

export class Source {
  readonly #lake: Lake;
  readonly #store: Store | undefined;

  private constructor(lake: Lake, store?: Store) {
    this.#lake = lake;
    this.#store = store;
  }

  static async inFolder(dataset: string): Promise<Source> {
    return new Source(await createLake(dataset));
  }

  static async inStore(dataset: string, store: Store): Promise<Source> {
    return new Source(await createLake(dataset), store);
  }

  /** What a Dataset says of it. */
  get spec(): object {
    if (this.#store === undefined) return { manifest: { url: this.#lake.url } };
    return {
      manifest: { url: 's3://lake/visits/manifest.json' },
      s3: { endpoint: this.#store.url, forcePathStyle: true },
      credentialsSecretRef: { name: credentialsName },
    };
  }

  /** Publishes snapshot `s<n>`, whose rows carry the number; a bad one has another name and never serves. */
  async publish(n: number, fault?: BadManifest): Promise<void> {
    const id = fault === undefined ? `s${n}` : `bad-${fault}-${n}`;
    await this.#lake.publish(id, visits(n, 200), fault === undefined ? {} : { change: faults[fault] });
    for (const file of [this.#lake.fileOf(id), join(this.#lake.folder, 'manifest.json')])
      await this.#store?.put(`visits/${relative(this.#lake.folder, file)}`, await readFile(file));
  }

  /** What a producer's retention would take away. */
  async forget(n: number): Promise<void> {
    const file = this.#lake.fileOf(`s${n}`);
    await this.#store?.remove(`visits/${relative(this.#lake.folder, file)}`);
    await rm(join(this.#lake.folder, 'snapshots', `s${n}`), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await this.#lake.remove();
  }
}

/** MinIO on a folder of its own. */
export const openStore = async (): Promise<Store & { close(): Promise<void> }> => {
  if (minio === undefined) throw new Error('MinIO is needed');
  const folder = await mkdtemp(join(tmpdir(), 'offloader-minio-'));
  const store = await startMinio(folder);
  return Object.assign(store, {
    close: async () => {
      await store.end();
      await rm(folder, { recursive: true, force: true });
    },
  });
};
