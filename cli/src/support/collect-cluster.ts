/** What a support bundle holds of a cluster: the resources, events, pods, logs, and what each gateway says of itself. */
import type { KubeConfig } from '@kubernetes/client-node';
import { kinds } from '@offloader/contract';
import type { Kind, Result } from '@offloader/contract';
import { stringify } from 'yaml';
import type { ApiProblem } from '../kubernetes/api.ts';
import type { Cluster, Pod } from '../kubernetes/cluster.ts';
import { withForward } from '../kubernetes/forward.ts';
import { adminPort, adminTokenOf } from '../kubernetes/gateway-reports.ts';
import { redact, redactValue } from '../redact.ts';
import { clusterIncidents } from '../kubernetes/cluster-incidents.ts';
import { gatherFacts } from '../kubernetes/gather-facts.ts';
import { collectGateway, collectOpen, joined, verdict, without } from './collect.ts';
import type { Collected, Missing, OpenPath, Piece } from './collect.ts';
import { redactLog } from './redact-file.ts';

/** About an hour of a busy gateway, and small enough to send. */
const logLines = '5000';
const operatorPort = 8080;
const operatorPaths: readonly OpenPath[] = [
  ['/metrics', 'metrics.txt'],
  ['/readyz', 'readyz.txt'],
];

/** Everything of one release that may be had; what may not is listed. */
export const collectCluster = async (cluster: Cluster, config: KubeConfig): Promise<Collected> => {
  const pods = await podsOf(cluster);
  const parts = [await collectVerdict(cluster, config), await collectVersion(cluster), await collectObjects(cluster), pods.collected];
  for (const { pod } of pods.found) parts.push(await collectLogs(cluster, pod));
  const token = await adminTokenOf(cluster);
  for (const { pod, component } of pods.found) {
    const { name } = pod.metadata;
    parts.push(
      component === 'gateway'
        ? await collectPod(cluster, config, { name, port: adminPort, into: 'gateways' }, (url) => collectGateway(url, token))
        : await collectPod(cluster, config, { name, port: operatorPort, into: 'operators' }, (url) => collectOpen(url, operatorPaths)),
    );
  }
  return joined(parts);
};

const collectVerdict = async (cluster: Cluster, config: KubeConfig): Promise<Collected> => {
  const facts = await gatherFacts(cluster, config);
  if (!facts.ok) return without('triage of the release', facts.error);
  return { pieces: [verdict('triage.txt', 'triage of the release', clusterIncidents(facts.value))], missing: [] };
};

const collectVersion = async ({ api }: Cluster): Promise<Collected> => {
  const version = await api.json({ path: '/version' });
  if (!version.ok) return without('the version of Kubernetes', version.error.message);
  return { pieces: [], missing: [], versions: { kubernetes: (version.value as { gitVersion: string }).gitVersion } };
};

const piece = (path: string, source: string, value: unknown): Piece => ({
  path,
  source,
  text: redact(stringify(redactValue(value), { lineWidth: 0 })),
});

const collectObjects = async (cluster: Cluster): Promise<Collected> => {
  const pieces: Piece[] = [];
  const missing: Missing[] = [];
  const add = (path: string, source: string, found: Result<unknown, ApiProblem>): void => {
    if (found.ok) pieces.push(piece(path, source, withoutManagedFields(found.value)));
    else missing.push({ what: source, why: found.error.message });
  };
  for (const kind of Object.keys(kinds) as Kind[])
    add(`resources/${kinds[kind].plural}.yaml`, kinds[kind].plural, await cluster.list(kind));
  add('events.yaml', 'events', await cluster.api.json({ path: `/api/v1/namespaces/${cluster.namespace}/events` }));
  return { pieces, missing };
};

type Found = { readonly pod: Pod; readonly component: 'gateway' | 'operator' };

const podsOf = async (cluster: Cluster): Promise<{ readonly found: readonly Found[]; readonly collected: Collected }> => {
  const found: Found[] = [];
  const pieces: Piece[] = [];
  const missing: Missing[] = [];
  for (const component of ['gateway', 'operator'] as const) {
    const pods = await cluster.pods(component);
    if (!pods.ok) missing.push({ what: `${component} pods`, why: pods.error.message });
    else {
      found.push(...pods.value.map((pod) => ({ pod, component })));
      pieces.push(piece(`pods/${component}.yaml`, `${component} pods`, withoutManagedFields(pods.value)));
    }
  }
  // Until the pod says itself what it is.
  const images = found.map(({ pod }) => [pod.metadata.name, pod.spec?.containers?.map(({ image }) => image).join(', ') ?? 'unknown']);
  return { found, collected: { pieces, missing, versions: Object.fromEntries(images) as Record<string, string> } };
};

const collectLogs = async ({ api, namespace }: Cluster, { metadata: { name }, status }: Pod): Promise<Collected> => {
  const pieces: Piece[] = [];
  const missing: Missing[] = [];
  const hasRestarted = status?.containerStatuses?.some(({ restartCount = 0 }) => restartCount > 0) === true;
  for (const previous of hasRestarted ? ['false', 'true'] : ['false']) {
    const source = `logs of ${name}${previous === 'true' ? ' before its restart' : ''}`;
    const text = await api.text({ path: `/api/v1/namespaces/${namespace}/pods/${name}/log`, query: { tailLines: logLines, previous } });
    if (text.ok) pieces.push({ path: `logs/${name}${previous === 'true' ? '.previous' : ''}.log`, source, text: redactLog(text.value) });
    else missing.push({ what: source, why: text.error.message });
  }
  return { pieces, missing };
};

type Place = { readonly name: string; readonly port: number; readonly into: string };

/** What a pod's port tells, through the API server. */
const collectPod = async (
  { namespace }: Cluster,
  config: KubeConfig,
  { name, port, into }: Place,
  collect: (url: string) => Promise<Collected>,
): Promise<Collected> => {
  const { pieces, missing, versions = {} } = await withForward(config, { namespace, pod: name, port }, collect);
  return {
    pieces: pieces.map((one) => ({ ...one, path: `${into}/${name}/${one.path}`, source: `${name}: ${one.source}` })),
    missing: missing.map(({ what, why }) => ({ what: `${name}: ${what}`, why })),
    versions: Object.fromEntries(Object.values(versions).map((version) => [name, version])),
  };
};

/** Who wrote which field when is long, and helps nobody. Pure. */
export const withoutManagedFields = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutManagedFields);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'managedFields')
      .map(([key, inner]) => [key, withoutManagedFields(inner)]),
  );
};
