/** What every gateway pod of a release says of itself, read through the API server with the admin token of the release's Secret. */
import type { KubeConfig } from '@kubernetes/client-node';
import { err, objectNames } from '@offloader/contract';
import type { Report, Result } from '@offloader/contract';
import { type NoReport, readReport } from '../admin-client.ts';
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
): Promise<Result<Report, NoReport>> =>
  withForward(config, { namespace: cluster.namespace, pod, port: adminPort }, async (url, refusal) => {
    const report = await readReport(url, token);
    const refused = refusal();
    if (report.ok || refused === null) return report;
    // Whoever may not ask has not heard that it is silent.
    const isForbidden = /\b40[13]\b/.test(refused);
    const need = isForbidden ? ' (it takes the verb create on pods/portforward)' : '';
    return err({ why: `the API server forwards nothing to it: ${refused}${need}`, isSilent: !isForbidden });
  });
