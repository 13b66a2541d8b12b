/** What every gateway pod of a release says of itself, read through the API server with the admin token of the release's Secret. */
import type { KubeConfig } from '@kubernetes/client-node';
import { objectNames } from '@offloader/contract';
import type { Report, Result } from '@offloader/contract';
import { readReport } from '../admin-client.ts';
import type { Cluster } from './cluster.ts';
import { withForward } from './forward.ts';

/** The admin port in every pod. */
export const adminPort = 4001;

/** The admin token, when this user may read the Secret. */
export const adminTokenOf = async ({ api, namespace, release }: Cluster): Promise<string | undefined> => {
  const secret = await api.json({ path: `/api/v1/namespaces/${namespace}/secrets/${objectNames(release).secrets}` });
  if (!secret.ok) return undefined;
  const encoded = (secret.value as { data?: { adminToken?: string } }).data?.adminToken;
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
};

/** A pod's report, or why there is none. */
export const reportOf = async (
  cluster: Cluster,
  config: KubeConfig,
  pod: string,
  token: string | undefined,
): Promise<Result<Report, string>> =>
  withForward(config, { namespace: cluster.namespace, pod, port: adminPort }, (url) => readReport(url, token));
