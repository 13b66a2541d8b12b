/** The resource types that the operator touches and their paths on the API server. */
import { group, kinds, version } from '@offloader/contract';
import type { Kind } from '@offloader/contract';

export type ResourceType = { readonly group: string; readonly version: string; readonly kind: string; readonly plural: string };

const own = (kind: Kind): ResourceType => ({ group, version, kind, plural: kinds[kind].plural });

export const resourceTypes = {
  Dataset: own('Dataset'),
  Endpoint: own('Endpoint'),
  ApiKey: own('ApiKey'),
  ConfigMap: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  Secret: { group: '', version: 'v1', kind: 'Secret', plural: 'secrets' },
  PersistentVolumeClaim: { group: '', version: 'v1', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims' },
  Pod: { group: '', version: 'v1', kind: 'Pod', plural: 'pods' },
  Event: { group: '', version: 'v1', kind: 'Event', plural: 'events' },
  StatefulSet: { group: 'apps', version: 'v1', kind: 'StatefulSet', plural: 'statefulsets' },
  Lease: { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases' },
} as const satisfies Record<string, ResourceType>;

/** apiVersion as objects carry it. */
export const apiVersionOf = (type: ResourceType): string => (type.group === '' ? type.version : `${type.group}/${type.version}`);

/** Path of a namespaced collection, or of one object in it. */
export const pathOf = (type: ResourceType, namespace: string, name?: string, subresource?: string): string => {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const tail = [name, subresource].filter((part) => part !== undefined).map((part) => `/${encodeURIComponent(part)}`);
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}${tail.join('')}`;
};
