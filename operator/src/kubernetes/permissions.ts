/** Every permission that the operator uses, and nothing else: the Role in the chart must say the same. */

export type Permission = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Why it is needed. */
  readonly about: string;
};

/** The rules of a namespaced Role. */
export const permissions: readonly Permission[] = [
  {
    apiGroups: ['offloader.dev'],
    resources: ['datasets', 'endpoints', 'apikeys'],
    verbs: ['list', 'watch'],
    about: 'the three kinds are what it compiles',
  },
  {
    apiGroups: ['offloader.dev'],
    resources: ['datasets/status', 'endpoints/status', 'apikeys/status'],
    verbs: ['patch'],
    about: 'status, by server-side apply',
  },
  // A minted Secret may not exist yet and parts come and go, so names cannot be listed; watches select by label.
  {
    apiGroups: [''],
    resources: ['configmaps'],
    verbs: ['list', 'watch', 'create', 'patch', 'delete'],
    about: 'configuration parts and their index',
  },
  {
    apiGroups: [''],
    resources: ['secrets'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'],
    about: 'compiled keys, minted tokens, credentials that Datasets name',
  },
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'patch'], about: 'finding the gateways and nudging their kubelets' },
  { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list', 'watch'], about: 'finding the cache volumes' },
  { apiGroups: [''], resources: ['events'], verbs: ['create'], about: 'events on the three kinds' },
  { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get'], about: 'the owner of what is written for the gateways' },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'], about: 'leader election' },
];

/** What replacing cache volumes needs besides, in the namespace; a switch of the chart gives it. */
export const volumePermissions: readonly Permission[] = [
  { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['delete'], about: 'a new claim is a new volume' },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'], about: 'the pod goes as a drain would take it, within its budget' },
];

/** And in the cluster: the one permission beyond the namespace, under the same switch. */
export const clusterPermissions: readonly Permission[] = [
  {
    apiGroups: [''],
    resources: ['persistentvolumes'],
    verbs: ['get', 'patch'],
    about: 'keeping and marking the volume of a replaced claim',
  },
];
