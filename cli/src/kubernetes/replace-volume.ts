/** Asks the operator to replace the cache volume of a gateway pod, tells how that goes, and waits until the replica serves again. */
import { setTimeout as wait } from 'node:timers/promises';
import { annotations, err, objectNames, ok } from '@offloader/contract';
import type { Result, VolumeRequest } from '@offloader/contract';
import type { Cluster } from './cluster.ts';

export type Asking = { readonly token: string; readonly timeoutMs: number; readonly say: (line: string) => void };

const pollMs = 500;

/** The last line says which PersistentVolume holds the old data. */
export const replaceVolume = async (cluster: Cluster, pod: string, { token, timeoutMs, say }: Asking): Promise<Result<string, string>> => {
  const pods = await cluster.pods('gateway');
  if (!pods.ok) return err(pods.error.message);
  const names = pods.value.map(({ metadata }) => metadata.name);
  if (!names.includes(pod)) return err(`${pod} is no gateway pod of release ${cluster.release}; these are: ${names.join(', ')}`);
  const asked = await cluster.annotatePod(pod, { [annotations.quarantineVolume]: token });
  if (!asked.ok) return err(`${pod}: ${asked.error.message}`);
  say(`${pod}: asked for a new cache volume (${annotations.quarantineVolume}: ${token})`);
  const end = Date.now() + timeoutMs;
  let said = '';
  while (Date.now() < end) {
    const request = await requestOf(cluster, pod, token);
    if (request !== undefined && request.message !== said) {
      said = request.message;
      if (request.phase === 'replaced') return ok(said);
      if (request.phase === 'refused') return takeBack(cluster, pod, said);
      say(said);
    }
    await wait(pollMs);
  }
  const lookAt = `kubectl get configmap ${objectNames(cluster.release).volumes}`;
  return err(
    `${pod}: not done after ${timeoutMs / 1000} s: ${said === '' ? 'the operator has not taken it up' : said} The request stands; see ${lookAt}, or take it back with: kubectl annotate pod ${pod} ${annotations.quarantineVolume}-`,
  );
};

const requestOf = async (cluster: Cluster, pod: string, token: string): Promise<VolumeRequest | undefined> => {
  const records = await cluster.volumes();
  const request = records.ok ? records.value[pod]?.request : undefined;
  return request?.token === token ? request : undefined;
};

/** What was refused must not happen later, when somebody changes what it was refused for. */
const takeBack = async (cluster: Cluster, pod: string, why: string): Promise<Result<string, string>> => {
  await cluster.annotatePod(pod, { [annotations.quarantineVolume]: null });
  return err(`${pod}: nothing was changed. ${why}`);
};
