/** A gateway's Pod on an API server that has no kubelet: what one would say of it and mount in it, done by the test. */
import { labels, mounted, objectNames } from '@offloader/contract';
import type { ApiClient } from '../../src/kubernetes/client.ts';
import { readIfThere } from './kube-api.ts';

export type PodOptions = {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly release: string;
  readonly name: string;
  readonly ip: string;
};

export class PodObject {
  readonly #options: PodOptions;

  constructor(options: PodOptions) {
    this.#options = options;
  }

  /** At the start, and when the one before was taken away. */
  async create(): Promise<void> {
    const { client, release, name } = this.#options;
    const metadata = { name, labels: { [labels.instance]: release, [labels.component]: 'gateway' } };
    const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'gateway', image: 'none' }] } };
    await client.request({ method: 'POST', path: this.#path('pods'), body });
  }

  /** What there is of it now; undefined when it was taken away. */
  async read(): Promise<any> {
    const { client, name } = this.#options;
    return readIfThere(client, this.#path('pods', name));
  }

  /** What a kubelet would say of it. */
  async showReady(isReady: boolean): Promise<void> {
    const { client, name, ip } = this.#options;
    const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
    await client.request({
      method: 'PATCH',
      path: this.#path('pods', name, 'status'),
      contentType: 'application/merge-patch+json',
      body: { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions } },
    });
  }

  /** The files of its configuration volume, as the API server has them now. */
  async mount(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { client, release } = this.#options;
    const query = { labelSelector: `${labels.release}=${release}` };
    const [configMaps, secrets] = (await Promise.all(
      ['configmaps', 'secrets'].map((plural) => client.request({ method: 'GET', path: this.#path(plural), query })),
    )) as any[];
    const files = new Map<string, Uint8Array>();
    for (const { binaryData } of configMaps.items)
      for (const [file, data] of Object.entries(binaryData ?? {})) files.set(file, decode(data));
    for (const { data } of secrets.items) for (const [file, value] of Object.entries(data ?? {})) files.set(file, decode(value));
    const index = configMaps.items.find((item: any) => item.metadata.name === objectNames(release).index)?.data?.[mounted.index];
    if (index !== undefined) files.set(mounted.index, Buffer.from(index));
    return files;
  }

  #path(...parts: readonly string[]): string {
    return `/api/v1/namespaces/${this.#options.namespace}/${parts.join('/')}`;
  }
}

const decode = (value: unknown): Uint8Array => Buffer.from(String(value), 'base64');
