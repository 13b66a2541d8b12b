/** The objects of a soak, as kubectl would write them. */
import { apiVersion, type Kind } from '@offloader/contract';
import type { ApiClient } from '../part-types.ts';
import { datasetSample, endpointSample } from '../parts.ts';
import { pathOf } from '../population.ts';

export type Shown = {
  readonly metadata: { readonly generation?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly handledRefresh?: string;
    readonly handledRebuild?: string;
    readonly handledRotation?: string;
    readonly refreshError?: object;
    readonly sourceReachable?: boolean;
  };
};
type Snapshot = { readonly pin?: string; readonly blocked?: readonly string[] };
export type DatasetChange = { readonly snapshot?: Snapshot; readonly rebuild?: string; readonly refresh?: string };

/** Merge patches do not take fields away that are left out; whole objects by server-side apply do. */
export class Objects {
  readonly client: ApiClient;
  readonly namespace: string;

  constructor(client: ApiClient, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  core(plural: string, name = ''): string {
    return `/api/v1/namespaces/${this.namespace}/${plural}${name === '' ? '' : `/${name}`}`;
  }

  async apply(kind: Kind, name: string, spec: object, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#patch(pathOf(this.namespace, kind, name), { apiVersion, kind, metadata: { name, annotations }, spec });
  }

  async read(kind: Kind, name: string): Promise<Shown> {
    return (await this.client.request({ method: 'GET', path: pathOf(this.namespace, kind, name) })) as Shown;
  }

  async remove(kind: Kind, name: string): Promise<void> {
    await this.client.request({ method: 'DELETE', path: pathOf(this.namespace, kind, name) });
  }

  async secret(name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = (await this.client.request({ method: 'GET', path: this.core('secrets', name) }).catch(() => undefined)) as
      { readonly data?: Record<string, string> } | undefined;
    if (found === undefined) return undefined;
    return Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  async putSecret(name: string, stringData: Readonly<Record<string, string>>): Promise<void> {
    await this.#patch(this.core('secrets', name), { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
  }

  async removeSecret(name: string): Promise<void> {
    await this.client.request({ method: 'DELETE', path: this.core('secrets', name) });
  }

  /** A server-side apply of a whole object. */
  async #patch(path: string, body: object): Promise<void> {
    const query = { fieldManager: 'soak', force: 'true' };
    await this.client.request({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body });
  }
}

export const datasetSpec = (source: object, { snapshot, rebuild }: DatasetChange = {}): object =>
  datasetSample({
    source: { interval: '1s', ...source },
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(rebuild === undefined ? {} : { cache: { rebuild } }),
  });

export const endpointSpec = (name: string, dataset: string, version: number): object =>
  endpointSample({ name, version, datasetRef: { name: dataset } });
