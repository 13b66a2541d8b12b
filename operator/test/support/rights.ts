/** A kubeconfig with these rights and no others, by a ServiceAccount, Role and ClusterRole as the chart makes them. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { Permission } from '../../src/index.ts';
import type { World } from './world.ts';
import { release } from './world.ts';

export type Rights = { readonly namespaced: readonly Permission[]; readonly cluster: readonly Permission[] };

const group = 'rbac.authorization.k8s.io';
/** A rule without a verb is none. */
const rulesOf = (list: readonly Permission[]) =>
  list.filter(({ verbs }) => verbs.length > 0).map(({ apiGroups, resources, verbs }) => ({ apiGroups, resources, verbs }));

export const kubeConfigWith = async (world: World, { namespaced, cluster }: Rights): Promise<KubeConfig> => {
  const name = `${release}-operator`;
  const [own, everywhere] = [{ metadata: { name } }, { metadata: { name: `${name}-${world.namespace}` } }];
  const subjects = [{ kind: 'ServiceAccount', name, namespace: world.namespace }];
  const post = (path: string, body: object) => world.client.request({ method: 'POST', path, body });
  const bind = (path: string, binding: typeof own, kind: string) =>
    post(path, { ...binding, roleRef: { apiGroup: group, kind, name: binding.metadata.name }, subjects });
  const [rbac, inNamespace] = [`/apis/${group}/v1`, `/apis/${group}/v1/namespaces/${world.namespace}`];
  await post(world.path('serviceaccounts'), own);
  await post(`${inNamespace}/roles`, { ...own, rules: rulesOf(namespaced) });
  await bind(`${inNamespace}/rolebindings`, own, 'Role');
  await post(`${rbac}/clusterroles`, { ...everywhere, rules: rulesOf(cluster) });
  await bind(`${rbac}/clusterrolebindings`, everywhere, 'ClusterRole');
  const asked: any = await post(`${world.path('serviceaccounts', name)}/token`, { spec: {} });
  const config = world.kubeConfig();
  config.users = [{ name: 'admin', token: asked.status.token }];
  return config;
};
