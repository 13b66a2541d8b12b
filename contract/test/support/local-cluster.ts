/** The cluster that KUBECONFIG names, for tests: only one on this machine, so that no test ever writes to a cluster of others. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ApiServer } from './api-server.ts';

type Named<K extends string, V> = readonly ({ readonly name: string } & Readonly<Record<K, V>>)[];
type Kubeconfig = {
  readonly 'current-context'?: string;
  readonly contexts?: Named<'context', { readonly cluster: string; readonly user: string }>;
  readonly clusters?: Named<
    'cluster',
    { readonly server: string; readonly 'certificate-authority'?: string; readonly 'certificate-authority-data'?: string }
  >;
  readonly users?: Named<'user', { readonly token?: string }>;
};

const isHere = (url: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);

const named = <T extends { readonly name: string }>(list: readonly T[] | undefined, name: string | undefined): T | undefined =>
  list?.find((one) => one.name === name);

const read = (file: string): Kubeconfig => {
  try {
    return (parse(readFileSync(file, 'utf8')) ?? {}) as Kubeconfig;
  } catch {
    return {};
  }
};

/** Undefined when there is none, when it lies elsewhere, or when its user has no token. */
export const localCluster = (kubeconfig: string | undefined): ApiServer | undefined => {
  if (kubeconfig === undefined || kubeconfig === '') return undefined;
  const config = read(kubeconfig);
  const context = named(config.contexts, config['current-context'])?.context;
  const cluster = named(config.clusters, context?.cluster)?.cluster;
  const token = named(config.users, context?.user)?.user.token;
  if (cluster === undefined || token === undefined || !isHere(cluster.server)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'offloader-api-'));
  const caFile = join(folder, 'ca.crt');
  const inline = cluster['certificate-authority-data'];
  writeFileSync(caFile, inline === undefined ? readFileSync(cluster['certificate-authority'] ?? '') : Buffer.from(inline, 'base64'));
  return { kubeconfig, url: cluster.server, token, caFile, stop: async () => rmSync(folder, { recursive: true, force: true }) };
};
