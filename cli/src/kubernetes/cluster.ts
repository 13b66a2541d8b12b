/** The objects of one release in one namespace, as the commands read and edit them. */
import { annotations, apiVersion, kinds, labels, objectNames, ok, parseVolumeRecords } from '@offloader/contract';
import type { ApiKey, Dataset, Endpoint, Kind, Result, VolumeRecords } from '@offloader/contract';
import type { Api, ApiCall, ApiProblem } from './api.ts';

export type ResourceOf = { readonly Dataset: Dataset; readonly Endpoint: Endpoint; readonly ApiKey: ApiKey };
export type Pod = {
  readonly metadata: { readonly name: string; readonly uid?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly containers?: readonly { readonly image?: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount?: number;
      readonly state?: { readonly waiting?: { readonly reason?: string }; readonly running?: { readonly startedAt?: string } };
    }[];
  };
};
type List<T> = { readonly items: readonly T[] };
type Answer<T> = Promise<Result<T, ApiProblem>>;

export interface Cluster {
  readonly namespace: string;
  readonly release: string;
  readonly api: Api;
  list<K extends Kind>(kind: K): Answer<readonly ResourceOf[K][]>;
  dataset(name: string): Answer<Dataset>;
  /** Changes a Dataset; with its resourceVersion in the patch, only if nobody else did meanwhile. */
  patchDataset(name: string, patch: unknown): Answer<Dataset>;
  /** Sets annotations of a pod, or with null takes them off. */
  annotatePod(name: string, values: Readonly<Record<string, string | null>>): Answer<Pod>;
  /** What the operator remembers of the cache volumes; nothing yet when there is no such ConfigMap. */
  volumes(): Answer<VolumeRecords>;
  pods(component: 'gateway' | 'operator'): Answer<readonly Pod[]>;
}

/** The cluster behind an API. */
export const openCluster = (api: Api, { namespace, release }: { readonly namespace: string; readonly release: string }): Cluster => {
  const folder = (kind: Kind): string => `/apis/${apiVersion}/namespaces/${namespace}/${kinds[kind].plural}`;
  // The API server has validated what it answers with.
  const read = async <T>(call: ApiCall): Answer<T> => (await api.json(call)) as Result<T, ApiProblem>;
  const items = async <T>(path: string, query: Readonly<Record<string, string>> = {}): Answer<readonly T[]> => {
    const list = await read<List<T>>({ path, query });
    return list.ok ? { ok: true, value: list.value.items } : list;
  };
  return {
    namespace,
    release,
    api,
    list: (kind) => items(folder(kind)),
    dataset: (name) => read({ path: `${folder('Dataset')}/${name}` }),
    patchDataset: (name, patch) =>
      read({ method: 'PATCH', path: `${folder('Dataset')}/${name}`, query: { fieldManager: 'kubectl-offloader' }, patch }),
    annotatePod: (name, values) =>
      read({
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/pods/${name}`,
        query: { fieldManager: 'kubectl-offloader' },
        patch: { metadata: { annotations: values } },
      }),
    volumes: async () => {
      const path = `/api/v1/namespaces/${namespace}/configmaps/${objectNames(release).volumes}`;
      const found = await read<{ readonly data?: Readonly<Record<string, string>> }>({ path });
      if (!found.ok && found.error.status !== 404) return found;
      return ok(parseVolumeRecords(found.ok ? (found.value.data ?? {}) : {}));
    },
    pods: (component) =>
      items(`/api/v1/namespaces/${namespace}/pods`, {
        labelSelector: `${labels.instance}=${release},${labels.component}=${component}`,
      }),
  };
};

/** What is asked of a Dataset by an annotation. */
export const refreshAnnotation = annotations.refreshRequestedAt;
